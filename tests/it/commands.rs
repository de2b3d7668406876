//! The commands, as processes: what they print, and what their exit codes say.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::harness::{block_on, within_deadline};

/// What a command left behind.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A directory in which commands run, with the data directory in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("the system's temporary directory can be written"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.args(arguments).current_dir(self.path()).env_clear().kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[], "").await
    }

    async fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ended {
        let mut command = self.command(arguments);
        let mut child = command.envs(environment.iter().copied()).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).await.expect("it is read, or fits the pipe");
        drop(stdin);
        let output = within_deadline("the command to end", child.wait_with_output()).await.expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The only line that a command prints.
    async fn printed(&self, arguments: &[&str], input: &str) -> String {
        let ended = self.run_with(arguments, &[], input).await;
        assert_eq!(
            (ended.code, ended.stdout.lines().count()),
            (Some(0), 1),
            "{arguments:?}: {}",
            ended.stderr
        );
        ended.stdout.trim().to_owned()
    }
}

/// A command that runs until it is dropped.
struct Running {
    child: Child,
    talk: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut child = place.command(arguments).spawn().expect("the binary starts");
        let talk = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        Self { child, talk }
    }

    /// The next line on stderr that contains `word`.
    async fn line_with(&mut self, word: &str) -> String {
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

    /// Kills the process.
    async fn kill(mut self) {
        self.child.kill().await.expect("it still runs");
    }
}

/// A server that runs in an empty directory, and an admin's token for it.
struct Served {
    place: Place,
    server: Running,
    url: String,
    token: String,
}

impl Served {
    async fn start() -> Self {
        let place = Place::new();
        let serve = ["serve", "--http-listen", "127.0.0.1:0", "--log-format", "json"];
        let mut server = Running::start(&place, &serve);
        let listening: Value =
            serde_json::from_str(&server.line_with("listening").await).expect("it is JSON");
        let url = format!("http://{}", listening["address"].as_str().expect("the address is told"));
        let user = ["user", "create", "--email", "ann@example.com", "--name", "Ann", "--role", "ADMIN"];
        place.printed(&[&user[..], &["--password-stdin"]].concat(), "correct horse battery staple\n").await;
        let token = place.printed(&["token", "create", "--email", "ann@example.com"], "").await;
        Self { place, server, url, token }
    }

    /// Simulated hosts that have enrolled, with a secret made for `team`.
    async fn simulate(&self, how: &[&str], team: &[&str]) -> Running {
        let secret = self.place.printed(&[&["enroll", "secret"], team].concat(), "").await;
        let simulate = ["simulate", "--server", &self.url, "--enroll-secret", &secret];
        let mut hosts =
            Running::start(&self.place, &[&simulate[..], &["--check-in-interval", "100ms"], how].concat());
        hosts.line_with("enrolled").await;
        hosts
    }

    async fn query(&self, arguments: &[&str]) -> Ended {
        let environment = [("MUSTER_SERVER", self.url.as_str()), ("MUSTER_TOKEN", self.token.as_str())];
        self.place.run_with(&[&["query", "select 1 as one"], arguments].concat(), &environment, "").await
    }
}

/// The one command a newcomer runs: every host's answer once, and exit code 0.
#[test]
fn the_demonstration_prints_the_answer_of_each_host_once() {
    block_on(async {
        let ended = Place::new().run(&["demo", "--exit", "--hosts", "20"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let answers: Vec<Value> =
            ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        let hosts: BTreeSet<_> = answers.iter().map(|answer| answer["host"].to_string()).collect();
        assert_eq!((answers.len(), hosts.len()), (20, 20), "{}", ended.stdout);
        assert!(answers.iter().all(|answer| answer["rows"][0]["version"].is_string()), "{}", ended.stdout);
        assert!(ended.stderr.contains("Password"), "{}", ended.stderr);
    });
}

/// From an empty directory to answers, with every command beside the running server; and what each exit code means.
#[test]
fn commands_work_beside_a_running_server() {
    block_on(async {
        let served = Served::start().await;
        served.place.printed(&["team", "create", "--name", "web"], "").await;
        let hosts = served.simulate(&["--hosts", "3"], &["--team", "web"]).await;
        let all = served.query(&["--teams", "web"]).await;
        assert_eq!((all.code, all.stdout.lines().count()), (Some(0), 3), "{}", all.stderr);
        assert!(
            all.stdout.lines().all(|line| line.ends_with("\"rows\":[{\"one\":\"1\"}]}")),
            "{}",
            all.stdout
        );
        assert!(all.stderr.trim_end().ends_with("100 % responded, 0 failed, 3/3"), "{}", all.stderr);
        hosts.kill().await;

        let gone = served.query(&["--all", "--timeout", "100ms"]).await;
        assert_eq!(gone.code, Some(124), "nobody answers in time: {}", gone.stderr);
        let nobody = served.query(&["--labels", "nothing"]).await;
        assert_eq!((nobody.code, nobody.stderr.as_str()), (Some(1), "muster: there is no label `nothing`\n"));
        let both = served.query(&["--all", "--teams", "web"]).await;
        assert_eq!(both.code, Some(1), "exactly one way to choose: {}", both.stderr);
        served.server.kill().await;
    });
}

/// Hosts that fail make the work partial.
#[test]
fn a_query_that_fails_on_hosts_is_partial() {
    block_on(async {
        let served = Served::start().await;
        let hosts = served.simulate(&["--hosts", "2", "--failing", "1"], &[]).await;
        let ended = served.query(&["--all"]).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stdout.lines().all(|line| line.contains("\"error\":{\"code\":")), "{}", ended.stdout);
        hosts.kill().await;
        served.server.kill().await;
    });
}
