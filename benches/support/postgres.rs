//! A private PostgreSQL with its durability on, in a temporary directory, reached over a Unix socket.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Outcome;

/// A PostgreSQL that ends when this is dropped.
pub struct Postgres {
    place: TempDir,
    binaries: PathBuf,
}

impl Postgres {
    /// Starts one; none where it is not installed.
    pub fn start() -> Outcome<Option<Self>> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let Some(binaries) = versions.map(|version| version.path().join("bin")).max() else {
            return Ok(None);
        };
        let postgres = Self { place: tempfile::Builder::new().prefix("pg-").tempdir()?, binaries };
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(postgres.place.path()))?;
        }
        let place = postgres.place.path().display().to_string();
        let data = format!("{place}/data");
        succeed(
            &mut postgres.program("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]),
        )?;
        let options = format!("-k {place} -c listen_addresses= -c max_connections=50 -c max_wal_size=4GB");
        let log = format!("{place}/log");
        succeed(&mut postgres.program("pg_ctl", &["-D", &data, "-l", &log, "-w", "-o", &options, "start"]))?;
        Ok(Some(postgres))
    }

    /// Where the server finds its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.place.path().display())
    }

    /// Runs a script and waits for its end.
    pub fn run(&self, script: &str) -> Outcome<()> {
        let file = self.place.path().join("script.sql");
        fs::write(&file, script)?;
        let (place, file) = (self.place.path().display().to_string(), file.display().to_string());
        let arguments = ["-h", &place, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file];
        succeed(&mut self.program("psql", &arguments))
    }

    /// One of its programs, as a user that it accepts.
    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let program = self.binaries.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(self.place.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.place.path().join("data").display().to_string();
        // The directory goes next, whether it stopped or not.
        let _ = self.program("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]).output();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.starts_with(b"0\n"))
}

/// Runs a command that must succeed. What it prints is not wanted, and a server that stays must not hold a pipe.
fn succeed(command: &mut Command) -> Outcome<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}
