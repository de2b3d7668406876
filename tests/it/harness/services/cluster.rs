//! A PostgreSQL of one test, to be stopped, killed and started again at will.
//!
//! It runs under a shell that obeys a pipe which only this process writes to: at the end of the pipe, also after a
//! kill -9 of this process, the shell ends the server and removes its directory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use std::os::unix::process::CommandExt as _;

use super::Missing;
use super::guarded::{Account, directory};
use super::postgres::{TestDatabase, binaries, init};

/// How long the server may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A PostgreSQL whose commits outlive its processes.
pub struct Cluster {
    shell: Child,
    said: Receiver<String>,
    place: PathBuf,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Sessions are told, and cut.
    Fast,
    /// At once, as in a crash: it recovers at the next start.
    Immediate,
}

impl Cluster {
    /// Makes one that runs.
    pub fn start() -> Result<Self, Missing> {
        let mut cluster = Self::make()?;
        cluster.begin();
        Ok(cluster)
    }

    /// Makes one that does not run yet.
    pub fn make() -> Result<Self, Missing> {
        let binaries = binaries().ok_or_else(|| Missing("PostgreSQL is not installed".into()))?;
        let account = Account::unless_plain_user("postgres")?;
        let place = directory("mu-pg-");
        if let Some(account) = account {
            account.own(&place);
        }
        init(&binaries, &place, account);
        let server = format!(
            "{} -D data -k {} -c listen_addresses= -c fsync=off -c full_page_writes=off",
            binaries.join("postgres").display(),
            place.display()
        );
        let script = format!(
            "while read -r word; do case $word in start) {server} 2>&1 & p=$!;; \
             *) kill -$word $p; wait $p; p=; echo ended;; esac; done; \
             [ -z $p ] || {{ kill -QUIT $p; wait $p; }}; cd /; rm -rf {}",
            place.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(&place).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(account) = account {
            account.run(&mut command);
        }
        let mut shell = command.spawn().expect("there is a shell");
        let stdout = shell.stdout.take().expect("the output is piped");
        let (lines, said) = channel();
        // Nobody may listen any more.
        let forward = move |line| drop(lines.send(line));
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(forward);
        });
        Ok(Self { shell, said, place })
    }

    /// Starts the server, and waits until it accepts connections.
    pub fn begin(&mut self) {
        self.order("start");
        self.wait_for("ready to accept connections");
    }

    /// Ends the server, and waits for its end.
    pub fn end(&mut self, how: End) {
        self.order(match how {
            End::Fast => "INT",
            End::Immediate => "QUIT",
        });
        self.wait_for("ended");
    }

    /// Its database.
    pub fn database(&self) -> TestDatabase {
        let url = format!("postgres://postgres@localhost/postgres?host={}", self.place.display());
        TestDatabase { url, name: "muster".to_owned() }
    }

    /// Where its socket is.
    pub fn place(&self) -> PathBuf {
        self.place.clone()
    }

    fn order(&mut self, word: &str) {
        while self.said.try_recv().is_ok() {}
        let stdin = self.shell.stdin.as_mut().expect("the input is piped");
        writeln!(stdin, "{word}").expect("the shell lives");
    }

    fn wait_for(&self, words: &str) {
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains(words)) {
            let line = self.said.recv_timeout(PATIENCE);
            said.push(line.unwrap_or_else(|_| panic!("PostgreSQL did not say {words:?}: {said:?}")));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
