//! The commands, as processes: what they print, and what their exit codes say.

mod contexts;
mod imports;
mod labels;
mod lists;
mod patience;
mod plain;
mod query;
mod schedules;
mod simulate;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::block_on;
use crate::harness::terminal::{Ended, Running, Terminal};

/// A server that runs in an empty directory, and an admin's token for it.
struct Served {
    terminal: Terminal,
    server: Running,
    url: String,
}

impl Served {
    async fn start() -> Self {
        let terminal = Terminal::default();
        let mut server = terminal.start(&["serve", "--http-listen", "127.0.0.1:0", "--log-format", "json"]);
        let listening: Value =
            serde_json::from_str(&server.line_with("listening").await).expect("it is JSON");
        let url = format!("http://{}", listening["address"].as_str().expect("the address is told"));
        let user = ["user", "create", "--email", "ann@example.com", "--name", "Ann", "--role", "ADMIN"];
        let password = "correct horse battery staple\n";
        terminal.printed(&[&user[..], &["--password-stdin"]].concat(), password).await;
        let token = terminal.printed(&["token", "create", "--email", "ann@example.com"], "").await;
        let terminal = terminal.with("MUSTER_SERVER", &url).with("MUSTER_TOKEN", token);
        Self { terminal, server, url }
    }

    /// Simulated hosts that have enrolled, with a secret made for `team`.
    async fn simulate(&self, how: &[&str], team: &[&str]) -> Running {
        let secret = self.terminal.printed(&[&["enroll", "secret"], team].concat(), "").await;
        let simulate = ["simulate", "--server", &self.url, "--enroll-secret", &secret];
        let mut hosts =
            self.terminal.start(&[&simulate[..], &["--check-in-interval", "100ms"], how].concat());
        hosts.line_with("are enrolled").await;
        hosts
    }

    async fn query(&self, arguments: &[&str]) -> Ended {
        self.terminal.run(&[&["query", "select 1 as one"], arguments].concat()).await
    }
}

/// The one command a newcomer runs: every host's answer once, and exit code 0.
#[test]
fn the_demonstration_prints_the_answer_of_each_host_once() {
    block_on(async {
        let ended = Terminal::default().run(&["demo", "--exit", "--hosts", "20"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let answers = ended.json();
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
        let mut served = Served::start().await;
        served.terminal.printed(&["team", "create", "--name", "web"], "").await;
        let mut hosts = served.simulate(&["--hosts", "3"], &["--team", "web"]).await;
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
        assert!(gone.stderr.contains("muster query --resume cmp_"), "{}", gone.stderr);
        let nobody = served.query(&["--labels", "nothing"]).await;
        assert_eq!((nobody.code, nobody.stderr.as_str()), (Some(1), "muster: there is no label `nothing`\n"));
        let both = served.query(&["--all", "--teams", "web"]).await;
        assert_eq!(both.code, Some(1), "exactly one way to choose: {}", both.stderr);
        served.server.kill().await;
        let down = served.query(&["--all"]).await;
        assert_eq!(down.code, Some(3), "{}", down.stderr);
        assert!(down.stderr.contains(&served.url) && down.stderr.contains("--server"), "{}", down.stderr);
    });
}

/// Hosts that fail make the work partial.
#[test]
fn a_query_that_fails_on_hosts_is_partial() {
    block_on(async {
        let mut served = Served::start().await;
        let mut hosts = served.simulate(&["--hosts", "2", "--failing", "100%"], &[]).await;
        let ended = served.query(&["--all"]).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stdout.lines().all(|line| line.contains("\"error\":{\"code\":")), "{}", ended.stdout);
        hosts.kill().await;
        served.server.kill().await;
    });
}
