//! The real server, built with optimisations, on a data directory of its own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Outcome;
use super::http::Target;
use super::process::Process;

/// What a server finds when it starts.
pub struct Ground {
    directory: TempDir,
    database: Option<String>,
    redis: Option<String>,
}

/// A server that runs.
pub struct Muster {
    /// Where it speaks plain HTTP.
    pub http: SocketAddr,
    /// Where it speaks HTTPS, if it does.
    pub https: Option<SocketAddr>,
    /// Its process.
    pub process: Process,
}

impl Muster {
    /// What `/metrics` says of a counter, over all its labels.
    pub async fn metric(&self, name: &str) -> Outcome<f64> {
        let mut connection = Target::plain(self.http).connect().await?;
        let text = connection.exchange(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        let text = String::from_utf8(text)?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }
}

impl Ground {
    /// An empty data directory; the database is SQLite there, or this PostgreSQL.
    pub fn new(database: Option<String>) -> Outcome<Self> {
        Ok(Self { directory: tempfile::tempdir()?, database, redis: None })
    }

    /// An empty data directory of one of several servers, on this PostgreSQL and this Redis.
    pub fn shared(database: String, redis: String) -> Outcome<Self> {
        Ok(Self { redis: Some(redis), ..Self::new(Some(database))? })
    }

    /// The data directory; a `muster.toml` there is the configuration.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The same data once more. No server may run on it, and it must be SQLite.
    pub fn copy(&self) -> Outcome<Self> {
        let copy = Self::new(None)?;
        let from = self.directory.path().join(".");
        let copied = Command::new("cp").arg("-a").arg(from).arg(copy.directory.path()).status()?;
        if copied.success() { Ok(copy) } else { Err("the data could not be copied".into()) }
    }

    /// Runs a command on the data and answers what it prints.
    pub fn command(&self, arguments: &[&str], input: &str) -> Outcome<String> {
        let mut command = self.muster(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().expect("it is piped").write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("muster {arguments:?} failed").into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts the server; with TLS by the certificate in `tls`.
    pub fn serve(&self, tls: Option<&Path>) -> Outcome<Muster> {
        let http = free_port()?;
        let mut command = self.muster(&["serve"]);
        command.env("MUSTER_HTTP_LISTEN", http.to_string());
        let https = match tls {
            None => None,
            Some(directory) => {
                let https = free_port()?;
                command.env("MUSTER_HTTPS_LISTEN", https.to_string());
                command.env("MUSTER_TLS_CERT", directory.join("cert.pem"));
                command.env("MUSTER_TLS_KEY", directory.join("key.pem"));
                Some(https)
            }
        };
        // Plain HTTP is the last address that is named.
        let process = Process::start(&command, &format!("address={http}"))?;
        Ok(Muster { http, https, process })
    }

    fn muster(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.args(arguments).env("NO_COLOR", "1").env("MUSTER_DATA_DIR", self.directory.path());
        command.env("MUSTER_SECRET_KEY", "0123456789abcdef0123456789abcdef0123456789abcdef");
        let configuration = self.path().join("muster.toml");
        if configuration.exists() {
            command.env("MUSTER_CONFIG", configuration);
        }
        if let Some(database) = &self.database {
            command.env("MUSTER_DATABASE_URL", database);
        }
        if let Some(redis) = &self.redis {
            command.env("MUSTER_REDIS_URL", redis);
        }
        command
    }
}

/// A port of the loopback that nobody listens on.
pub fn free_port() -> Outcome<SocketAddr> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
