//! The real program, as a process that can be killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use tempfile::TempDir;
use tokio::sync::watch;

use super::personas::{PASSWORD, Person};
use super::server::Backend;
use super::services::postgres::{TestDatabase, postgres};
use super::services::redis::Redis;
use super::services::{Missing, env};
use super::{canary, within_deadline};

/// A `muster serve` on a data directory of its own.
pub struct Process {
    /// Where it listens, also after a restart.
    pub address: SocketAddr,
    ground: Arc<Ground>,
    child: Child,
    log: watch::Receiver<Vec<String>>,
}

/// What outlives the process.
struct Ground {
    data: TempDir,
    environment: Environment,
    database: Option<Arc<TestDatabase>>,
    redis: Option<Arc<Redis>>,
}

/// Variables of the server, beside those that every one has.
pub type Environment = Vec<(&'static str, String)>;

/// The program without any of the variables that this process has, but where programs are.
pub fn muster(arguments: &[&str]) -> Command {
    let mut command = Command::new(program_path());
    command.args(arguments).env_clear().current_dir(std::env::temp_dir());
    command
}

/// The program that was built for the tests, or the one of `MUSTER_TEST_PROGRAM`: a build for release, say.
pub fn program_path() -> String {
    env("MUSTER_TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_muster").to_owned())
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
        Self::start_with(backend, Vec::new()).await
    }

    /// Starts the server with these variables too.
    pub async fn start_with(backend: Backend, environment: Environment) -> Result<Self, Missing> {
        let (database, redis) = match backend {
            Backend::Sqlite => (None, None),
            Backend::Postgres => {
                (Some(Arc::new(postgres()?.database().await)), Some(Arc::new(Redis::start()?)))
            }
        };
        Ok(Self::start_on(database, redis, environment))
    }

    /// Starts the server on these: in its data directory, where there is no database.
    pub fn start_on(
        database: Option<Arc<TestDatabase>>,
        redis: Option<Arc<Redis>>,
        environment: Environment,
    ) -> Self {
        Self::on(Ground { data: directory(), environment, database, redis })
    }

    /// Starts another server on the same database and Redis, with a data directory of its own.
    pub fn beside(&self) -> Self {
        let Ground { environment, database, redis, .. } = &*self.ground;
        Self::start_on(database.clone(), redis.clone(), environment.clone())
    }

    fn on(ground: Ground) -> Self {
        let (ground, address) = (Arc::new(ground), free_port());
        let (child, log) = ground.serve(address);
        Self { address, ground, child, log }
    }

    /// Waits until it has logged a line with this text.
    pub async fn has_logged(&mut self, text: &str) {
        let said = self.log.wait_for(|lines| lines.iter().any(|line| line.contains(text)));
        within_deadline(text, said).await.expect("it lives");
    }

    /// Every line that it has logged.
    pub fn logged(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        self.ground.data.path()
    }

    /// Its database, if it is not in the data directory.
    pub fn database_url(&self) -> Option<String> {
        self.ground.database.as_ref().map(|database| database.url.clone())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Limits its file descriptors from now on; those that are open stay. None: as many as it may have at most.
    pub fn limit_descriptors(&self, current: Option<u64>) {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: current.or(maximum), maximum };
        prlimit(Some(self.pid()), Resource::Nofile, limit).expect("it is a child of this process");
    }

    /// Limits the size that a file of it may grow to from now on, as a full disk does. None: as large as may be.
    pub fn limit_file_size(&self, current: Option<u64>) {
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit { current: current.or(maximum), maximum };
        prlimit(Some(self.pid()), Resource::Fsize, limit).expect("it is a child of this process");
    }

    /// Waits for its end, and answers its exit code.
    pub async fn exit_code(&mut self) -> Option<i32> {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it is a child of this process") {
                    return status.code();
                }
                tokio::task::yield_now().await;
            }
        };
        within_deadline("the server to end", ended).await
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("ids are small")).expect("it is not 0")
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
        (self.child, self.log) = self.ground.serve(self.address);
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
        // As in the servers in process: what a test counts is what people ask.
        command.env("MUSTER_DUE_VITALS_INTERVAL", "0s");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(database) = &self.database {
            command.env("MUSTER_DATABASE_URL", &database.url).env("MUSTER_REDIS_NAMESPACE", &database.name);
        }
        if let Some(redis) = &self.redis {
            command.env("MUSTER_REDIS_URL", &redis.url);
        }
        command
    }

    /// Starts the server, follows what it logs, and waits until it listens.
    fn serve(&self, address: SocketAddr) -> (Child, watch::Receiver<Vec<String>>) {
        let mut command = self.command(&["serve"]);
        command.env("MUSTER_HTTP_LISTEN", address.to_string()).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let stderr = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains("listening")) {
            said.push(lines.next().unwrap_or_else(|| panic!("the server did not start: {said:?}")));
        }
        let (log, follow) = watch::channel(said);
        std::thread::spawn(move || {
            for line in lines {
                canary::search(line.as_bytes(), "the log of the program");
                log.send_modify(|said| said.push(line));
            }
        });
        (child, follow)
    }
}

fn directory() -> TempDir {
    let made = tempfile::Builder::new().prefix("mu-data-").tempdir();
    made.expect("the system's temporary directory can be written")
}

/// A port of the loopback that nobody listens on.
pub fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound")
}
