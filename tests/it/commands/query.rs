//! `muster query` against the application in process: resumed, cut off, in every format.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::block_on;
use crate::harness::cutter::Cutter;
use crate::harness::server::{Backend, TestServer};
use crate::harness::terminal::{Ended, Running, Terminal};
use crate::harness::within_deadline;
use crate::harness::world::World;

/// A server without tasks that run by themselves, and an admin.
pub(super) async fn world() -> World {
    let server = TestServer::start(Backend::Sqlite, &[]).await;
    World::on(server.unwrap_or_else(|_| unreachable!("SQLite is always there"))).await
}

/// The terminal of the admin, who speaks to the server by this address.
pub(super) fn terminal(world: &World, address: SocketAddr) -> Terminal {
    let token = world.admin.token.as_deref().expect("the admin has signed in");
    Terminal::default().with("MUSTER_SERVER", format_args!("http://{address}")).with("MUSTER_TOKEN", token)
}

/// Waits until somebody has started a campaign.
pub(super) async fn started(world: &World) {
    within_deadline("a campaign", async {
        while world.admin.ask("{ campaigns { nodes { id } } }", json!({})).await["campaigns"]["nodes"]
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Has each host answer once: a campaign is stored a moment before it is offered.
pub(super) async fn answer(hosts: &mut [Agent]) {
    for host in hosts {
        let before = host.ledger.accepted.len();
        let answering = async {
            while host.ledger.accepted.len() == before {
                host.poll().await.expect("the answer is taken");
            }
        };
        within_deadline("an answer", answering).await;
    }
}

/// The hosts that lines of data are of; each once.
fn hosts_of(lines: &[String]) -> BTreeSet<String> {
    let host = |line: &String| serde_json::from_str::<Value>(line).expect("it is JSON")["host"].to_string();
    let hosts: BTreeSet<_> = lines.iter().map(host).collect();
    assert_eq!(hosts.len(), lines.len(), "each once: {lines:?}");
    hosts
}

/// The command that a query says to go on with.
fn resume(ended: &Ended) -> Vec<&str> {
    let command = ended.stderr.lines().find_map(|line| line.strip_prefix("  muster "));
    let command = command.unwrap_or_else(|| panic!("no way to resume: {}", ended.stderr));
    command.split(' ').collect()
}

/// A query whose connection is cut prints each answer once.
#[test]
fn a_cut_connection_is_resumed() {
    block_on(async {
        let world = world().await;
        let mut hosts = world.hosts(6).await;
        let cutter = Cutter::before(world.server.address).await;
        let terminal = terminal(&world, cutter.address);
        let mut query = terminal.start(&["query", "select name", "--all", "--timeout", "5m"]);
        started(&world).await;
        let mut lines = Vec::new();
        for hosts in hosts.chunks_mut(2) {
            answer(hosts).await;
            lines.push(query.line().await);
            lines.push(query.line().await);
            cutter.cut();
        }
        let ended = query.end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
        assert_eq!(hosts_of(&lines).len(), 6);
        assert!(ended.stderr.contains("the connection is lost"), "{}", ended.stderr);
        assert!(ended.stderr.contains("connected again"), "{}", ended.stderr);
        world.server.stop().await;
    });
}

/// Ctrl-C ends the viewer and not the campaign; the command that is printed goes on with what was not.
#[test]
fn an_interrupted_query_is_resumed_by_the_command_it_prints() {
    block_on(async {
        let world = world().await;
        let mut hosts = world.hosts(5).await;
        let terminal = terminal(&world, world.server.address);
        let mut query = terminal.start(&["query", "select name", "--all", "--timeout", "5m"]);
        started(&world).await;
        answer(&mut hosts[..2]).await;
        let mut lines = vec![query.line().await, query.line().await];
        query.interrupt();
        let ended = query.end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(130), ""), "{}", ended.stderr);
        answer(&mut hosts[2..4]).await;

        let mut resumed = terminal.start(&resume(&ended));
        answer(&mut hosts[4..]).await;
        for _ in 0..3 {
            lines.push(resumed.line().await);
        }
        assert_eq!(resumed.end().await.code, Some(0));
        assert_eq!(hosts_of(&lines).len(), 5);

        let place = resume(&ended)[2];
        let (campaign, _) = place.split_once('@').expect("there was a batch");
        let whole = terminal.run(&["query", "--resume", campaign, "--format", "json"]).await.well();
        let whole: Vec<Value> = serde_json::from_str(&whole).expect("it is one array");
        assert_eq!(whole.len(), 5, "from the beginning");
        let nothing = terminal.run(&["query", "--resume", "cmp_nothing"]).await;
        assert_eq!(nothing.code, Some(1));
        assert!(nothing.stderr.contains("muster campaign list"), "{}", nothing.stderr);
        world.server.stop().await;
    });
}

/// Who loses the server for good is told how to resume, and that it was the server.
#[test]
fn a_lost_server_is_told_with_the_way_to_resume() {
    block_on(async {
        let world = world().await;
        let mut hosts = world.hosts(2).await;
        let cutter = Cutter::before(world.server.address).await;
        let near = terminal(&world, cutter.address);
        let mut query: Running = near.start(&["query", "select name", "--all", "--timeout", "25s"]);
        started(&world).await;
        answer(&mut hosts[..1]).await;
        let mut lines = vec![query.line().await];
        cutter.close();
        let ended = query.end().await;
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        answer(&mut hosts[1..]).await;
        let rest = terminal(&world, world.server.address).run(&resume(&ended)).await.well();
        lines.extend(rest.lines().map(str::to_owned));
        assert_eq!(hosts_of(&lines).len(), 2);
        world.server.stop().await;
    });
}

/// Cells: the host, then every column that any host has; failures are talk; nothing that a spreadsheet would run.
#[test]
fn answers_are_printed_in_every_format() {
    block_on(async {
        let world = world().await;
        let answers = [
            AgentAnswer::rows([[("a", "=1+1".to_owned()), ("b", "x,y".to_owned())]]),
            AgentAnswer::rows([[("a", "2".to_owned()), ("c", "\u{1b}[2J".to_owned())]]),
            AgentAnswer::failure("no such table: x"),
        ];
        let mut hosts = Vec::new();
        for (number, answer) in answers.into_iter().enumerate() {
            let answering = Arc::new(move |_: &str| answer.clone());
            hosts.push(world.host_with(&format!("host-{number}"), &world.secret, answering).await);
        }
        let id = world.admin.start("select * from x").await;
        answer(&mut hosts).await;
        let terminal = terminal(&world, world.server.address);
        let query = async |format: &'static str| {
            let ended = terminal.run(&["query", "--resume", &id, "--format", format]).await;
            assert_eq!(ended.code, Some(2), "a host failed: {}", ended.stderr);
            let is_talk = ended.stderr.contains("host-2: TABLE_NOT_FOUND: no such table: x");
            assert_eq!(is_talk, ["csv", "table"].contains(&format), "{}", ended.stderr);
            ended.stdout
        };
        let csv = "host,a,b,c\nhost-0,'=1+1,\"x,y\",\nhost-1,2,,\u{1b}[2J\n";
        assert_eq!(query("csv").await, csv);
        let table = "host    a     b    c\nhost-0  =1+1  x,y\nhost-1  2           [2J\n";
        assert_eq!(query("table").await, table);
        assert_eq!(query("ndjson").await.lines().count(), 3);
        let array: Vec<Value> = serde_json::from_str(&query("json").await).expect("it is one array");
        assert_eq!(array[0], json!({ "host": "host-0", "rows": [{ "a": "=1+1", "b": "x,y" }] }));
        world.server.stop().await;
    });
}

/// The question is an argument, standard input, or a saved query; one of them.
#[test]
fn a_question_has_one_source() {
    block_on(async {
        let world = world().await;
        let host = world.host("web").await;
        let input = json!({ "name": "names", "sql": "select name from users" });
        world.admin.mutate("createSavedQuery", "savedQuery { id }", input).await;
        let terminal = terminal(&world, world.server.address);
        let ask = async |arguments: &[&str], input: &str| {
            let arguments = [&["query", "--hosts", "web", "--timeout", "100ms"], arguments].concat();
            terminal.run_with(&arguments, input).await
        };
        assert_eq!(ask(&["-"], "select 1\n").await.code, Some(124), "the host is not there to answer");
        assert_eq!(ask(&["--saved", "names"], "").await.code, Some(124));
        let list = terminal.run(&["campaign", "list", "--format", "ndjson"]).await.json();
        let asked: Vec<_> = list.iter().map(|campaign| &campaign["sql"]).collect();
        assert_eq!(asked, ["select name from users", "select 1"]);
        let wrong: [(&[&str], &str); 4] = [
            (&["--saved", "nothing"], "there is no saved query `nothing`"),
            (&["-"], "no SQL came by standard input"),
            (&["select 1", "--saved", "names"], "cannot be used with"),
            (&["selec 1"], "muster: "),
        ];
        for (arguments, expected) in wrong {
            let ended = ask(arguments, "").await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
            assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
        }
        let nobody = terminal.run(&["query", "select 1"]).await;
        assert!(nobody.stderr.contains("pass --all, --hosts"), "{}", nobody.stderr);
        drop(host);
        world.server.stop().await;
    });
}
