//! The real program, as a process that can be killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::personas::{PASSWORD, Person};
use super::server::Backend;
use super::services::Missing;
use super::services::postgres::{TestDatabase, postgres};
use super::services::redis::Redis;

/// A `muster serve` on a data directory of its own.
pub struct Process {
    /// Where it listens, also after a restart.
    pub address: SocketAddr,
    ground: Arc<Ground>,
    child: Child,
}

/// What outlives the process.
struct Ground {
    data: TempDir,
    database: Option<TestDatabase>,
    redis: Option<Redis>,
}

/// The program without any of the variables that this process has, but where programs are.
pub fn muster(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.args(arguments).env_clear().current_dir(std::env::temp_dir());
    command
}

/// Runs a command to its end with this on standard input.
pub fn run(mut command: Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program was built");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A command that does not read its input may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

impl Process {
    /// Starts the server.
    pub async fn start(backend: Backend) -> Result<Self, Missing> {
        let (database, redis) = match backend {
            Backend::Sqlite => (None, None),
            Backend::Postgres => (Some(postgres()?.database().await), Some(Redis::start()?)),
        };
        let data = tempfile::Builder::new().prefix("mu-data-").tempdir();
        let data = data.expect("the system's temporary directory can be written");
        let ground = Arc::new(Ground { data, database, redis });
        let address = free_port();
        let child = ground.serve(address);
        Ok(Self { address, ground, child })
    }

    /// kill -9, now.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Ends it, and drops its database where that would outlive the tests.
    pub async fn remove(mut self) {
        self.kill();
        if let Some(database) = &self.ground.database {
            database.remove().await;
        }
    }

    /// Starts it again on the same data, at the same address.
    pub fn restart(&mut self) {
        self.child = self.ground.serve(self.address);
    }

    /// Runs another command on the same data and answers what it prints.
    pub fn command(&self, arguments: &[&str], input: &str) -> String {
        let output = run(self.ground.command(arguments), input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
    }

    /// Makes an admin, beside the running server, and signs them in.
    pub async fn admin(&self) -> Person {
        let email = "admin@muster.test";
        let user =
            ["user", "create", "--email", email, "--name", "admin", "--role", "ADMIN", "--password-stdin"];
        self.command(&user, PASSWORD);
        let mut admin = Person { server: self.address, email: email.to_owned(), token: None };
        admin.sign_in().await;
        admin
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ground {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = muster(arguments);
        command.env("MUSTER_DATA_DIR", self.data.path());
        command.env("MUSTER_SECRET_KEY", "0123456789abcdef0123456789abcdef0123456789abcdef");
        if let Some(database) = &self.database {
            command.env("MUSTER_DATABASE_URL", &database.url).env("MUSTER_REDIS_NAMESPACE", &database.name);
        }
        if let Some(redis) = &self.redis {
            command.env("MUSTER_REDIS_URL", &redis.url);
        }
        command
    }

    /// Starts the server and waits until it listens.
    fn serve(&self, address: SocketAddr) -> Child {
        let mut command = self.command(&["serve"]);
        command.env("MUSTER_HTTP_LISTEN", address.to_string()).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let stderr = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains("listening")) {
            said.push(lines.next().unwrap_or_else(|| panic!("the server did not start: {said:?}")));
        }
        std::thread::spawn(move || lines.for_each(drop));
        child
    }
}

/// A port of the loopback that nobody listens on.
fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound")
}
