//! The commands, as processes at somebody's terminal: what they print, and how they end.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::binary::program_path;
use super::within_deadline;

/// What a command left behind.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its data.
    pub stdout: String,
    /// Its talk.
    pub stderr: String,
}

impl Ended {
    /// The lines of its data, as JSON.
    pub fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Checks that it ended well, and answers its data.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }
}

/// A directory in which commands run, which is the home too, and what they find in their environment.
pub struct Terminal {
    place: TempDir,
    environment: Vec<(String, String)>,
}

impl Default for Terminal {
    fn default() -> Self {
        let place = tempfile::tempdir().expect("the system's temporary directory can be written");
        Self { place, environment: Vec::new() }
    }
}

impl Terminal {
    /// Where commands run.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Sets a variable.
    #[expect(clippy::needless_pass_by_value, reason = "calls read better without a reference")]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program_path());
        command.args(arguments).current_dir(self.path()).kill_on_drop(true);
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.env_clear().env("HOME", self.path()).envs(environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "").await
    }

    /// As [`Self::run`], with this on standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A command that does not read its input may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = within_deadline("the command to end", child.wait_with_output()).await.expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a command whose data nobody reads.
    pub async fn run_unread(&self, arguments: &[&str]) -> Ended {
        let mut child = self.command(arguments).spawn().expect("the binary starts");
        drop(child.stdout.take());
        let output = within_deadline("the command to end", child.wait_with_output()).await.expect("it ends");
        let stderr = String::from_utf8(output.stderr).expect("it prints UTF-8");
        Ended { code: output.status.code(), stdout: String::new(), stderr }
    }

    /// The only line that a command prints.
    pub async fn printed(&self, arguments: &[&str], input: &str) -> String {
        let ended = self.run_with(arguments, input).await;
        let lines = ended.stdout.lines().count();
        assert_eq!((ended.code, lines), (Some(0), 1), "{arguments:?}: {}", ended.stderr);
        ended.stdout.trim().to_owned()
    }

    /// Starts a command that runs until it is dropped.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).spawn().expect("the binary starts");
        let data = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let talk = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        Running { child, data, talk }
    }
}

/// A command that runs.
pub struct Running {
    child: Child,
    data: Lines<BufReader<ChildStdout>>,
    talk: Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// The next line of its data.
    pub async fn line(&mut self) -> String {
        let line = within_deadline("a line", self.data.next_line()).await;
        line.expect("it can be read").expect("it still runs")
    }

    /// The next line on stderr that contains `word`.
    pub async fn line_with(&mut self, word: &str) -> String {
        within_deadline(word, async {
            loop {
                let line = self.talk.next_line().await.expect("it can be read").expect("it still runs");
                if line.contains(word) {
                    return line;
                }
            }
        })
        .await
    }

    /// Asks it to end, as Ctrl-C does.
    pub fn interrupt(&self) {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(id.expect("it still runs"), Signal::INT).expect("it is ours");
    }

    /// Waits for its end; answers what was not read yet.
    pub async fn end(mut self) -> Ended {
        within_deadline("the command to end", async {
            let (mut stdout, mut stderr) = (String::new(), String::new());
            while let Some(line) = self.data.next_line().await.expect("it can be read") {
                stdout.push_str(&(line + "\n"));
            }
            while let Some(line) = self.talk.next_line().await.expect("it can be read") {
                stderr.push_str(&(line + "\n"));
            }
            let status = self.child.wait().await.expect("it ends");
            Ended { code: status.code(), stdout, stderr }
        })
        .await
    }

    /// Kills the process.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it still runs");
    }
}
