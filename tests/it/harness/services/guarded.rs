//! A server process that never outlives the tests.
//!
//! It runs under a shell that reads a pipe which only this process writes to: when this process ends, even by
//! kill -9, the shell reads the end of the pipe, stops the server and removes its directory.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Missing;

/// A running server and its directory.
pub struct Guarded {
    shell: Option<Child>,
    pid: u32,
}

/// Whom a server runs as, when these tests run as root.
#[derive(Clone, Copy)]
pub struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account of that name, when these tests run as root; else nobody else's.
    pub fn unless_plain_user(name: &str) -> Result<Option<Self>, Missing> {
        let root = std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
        if !root {
            return Ok(None);
        }
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let line = accounts.lines().find(|line| line.starts_with(&format!("{name}:")));
        let mut numbers = line.unwrap_or_default().split(':').skip(2).map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some(Self { uid, gid })),
            _ => Err(Missing(format!("tests run as root, and there is no user {name}"))),
        }
    }

    /// Gives the path to the account.
    pub fn own(self, path: &Path) {
        chown(path, Some(self.uid), Some(self.gid)).expect("root may give a directory away");
    }

    /// Runs the command as the account.
    pub fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// A fresh directory with a short name, since paths of sockets are limited to 107 bytes.
pub fn directory(prefix: &str) -> PathBuf {
    let directory = tempfile::Builder::new().prefix(prefix).tempdir();
    directory.expect("the system's temporary directory can be written").keep()
}

impl Guarded {
    /// Runs `server`, a shell command that `stop` is the signal to end, in the directory, and waits until it says
    /// that it is ready to accept connections.
    pub fn start(server: &str, stop: &str, directory: &Path, account: Option<Account>) -> Self {
        let script = format!(
            "{server} 2>&1 & p=$!; echo pid $p; read _; kill -{stop} $p; wait $p; cd /; rm -rf {}",
            directory.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // In a group of its own, an interrupt from the terminal ends the tests and not the shell that cleans up.
        command.process_group(0);
        if let Some(account) = account {
            account.run(&mut command);
        }
        let mut shell = command.spawn().expect("there is a shell");
        let pid = wait_until_ready(&mut shell);
        Self { shell: Some(shell), pid }
    }

    /// Sends the server a signal.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.pid.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the server can be signalled");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }
}

/// The process id of the server, once it is ready; what it prints from then on is read and forgotten.
fn wait_until_ready(shell: &mut Child) -> u32 {
    let stdout = shell.stdout.take().expect("the output is piped");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let mut printed = Vec::new();
    let (mut pid, mut ready) = (None, false);
    // The shell and the server print at the same time: either may be first.
    while pid.is_none() || !ready {
        let line = lines.next().unwrap_or_else(|| panic!("the server did not start: {printed:?}"));
        pid = pid.or_else(|| line.strip_prefix("pid ")?.parse().ok());
        ready |= is_ready(&line);
        printed.push(line);
    }
    std::thread::spawn(move || lines.for_each(drop));
    pid.expect("the loop ends with it")
}

/// What PostgreSQL and Redis say; what nginx says once it listens; what NATS says, and what moto does.
fn is_ready(line: &str) -> bool {
    let lower = line.to_lowercase();
    let said = ["ready to accept connections", "server is ready", "running on http"];
    said.iter().any(|said| lower.contains(said)) || line.contains("getrlimit(RLIMIT_NOFILE)")
}
