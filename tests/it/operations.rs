//! The real program as operators see it: metrics, logs, traces, signals, and what happens when descriptors run out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::binary::{Environment, Process};
use crate::harness::server::Backend;
use crate::harness::socket::{Said, Socket};
use crate::harness::{block_on, wire, within_deadline};

/// Prometheus sees every metric that the code has a word for, with its help, and work moves them.
#[test]
fn metrics() {
    block_on(async {
        let process = start(Vec::new()).await;
        let admin = process.admin().await;
        let before = scrape(process.address).await;
        let mut host = enrolled(&process, "web").await;
        host.poll().await.expect("a check-in");
        let id = admin.start("select 1").await;
        host.poll().await.expect("it answers");
        assert_eq!(admin.campaign(&id).await["totals"]["succeeded"], 1);
        host.log("result", ["{\"name\":\"x\"}".to_owned()]);
        host.flush_logs().await.expect("the lines are taken");
        let after = scrape(process.address).await;
        let moved = |series: &str| value(&after, series) - value(&before, series);
        for (series, expected) in [
            ("muster_agent_requests_total{endpoint=\"enroll\",outcome=\"ok\"}", 1.0),
            ("muster_agent_requests_total{endpoint=\"read\",outcome=\"ok\"}", 2.0),
            ("muster_polls_total{result=\"empty\"}", 1.0),
            ("muster_polls_total{result=\"queries\"}", 1.0),
            ("muster_answers_total{outcome=\"recorded\"}", 1.0),
            ("muster_answer_commit_seconds_count", 1.0),
            ("muster_answer_group_answers_sum", 1.0),
            ("muster_roster_keys", 1.0),
            ("muster_http_requests_total{route=\"/api/osquery/log\",status=\"200\"}", 1.0),
        ] {
            assert!((moved(series) - expected).abs() < 0.5, "{series}: {}", moved(series));
        }
        for series in [
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "muster_connections",
            "muster_database_statements_total",
            "muster_spool_bytes",
            "muster_bus_connected",
            "muster_keeps_house",
            "muster_task_runs_total{task=\"lease\",ended=\"done\"}",
            concat!("muster_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
        ] {
            assert!(value(&after, series) > 0.0, "{series}\n{after}");
        }
        for series in ["muster_degraded{part=\"database\"}", "muster_hosts{status=\"missing\"}"] {
            assert!(value(&after, series).abs() < 0.5, "{series}");
        }
        assert_is_told_well(&after);
        process.remove().await;
    });
}

/// Every family has a help and a type, a name of ours or of the process, and few series.
fn assert_is_told_well(text: &str) {
    let families: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(families.len() > 20, "{families:?}");
    for family in families {
        let (name, kind) = family.split_once(' ').expect("a name and a type");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
        assert!(name.starts_with("muster_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        let series = text.lines().filter(|line| line.starts_with(name)).count();
        assert!(series < 400, "{name} has {series} series");
    }
}

/// Logs are objects, one a line; those of a request have its id, and none has a secret of anybody.
#[test]
fn logs_as_json() {
    block_on(async {
        let environment = [("MUSTER_LOG_FORMAT", "json"), ("RUST_LOG", "debug")];
        let mut process = start(environment.map(|(name, value)| (name, value.to_owned())).to_vec()).await;
        let admin = process.admin().await;
        let mut host = enrolled(&process, "web").await;
        host.poll().await.expect("a check-in");
        let target = format!("/api/osquery/config?enroll_secret={}", host.secret);
        let body = json!({ "node_key": host.node_key }).to_string();
        let request = wire::request("POST", &target, &[], body.as_bytes());
        let response = wire::exchange(process.address, &request).await.expect("an answer");
        let id = response.header("x-request-id").expect("it has one").to_owned();
        process.has_logged(&id).await;
        let lines = process.logged();
        let objects: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect();
        let answered = objects.iter().find(|object| object["span"]["request.id"] == id.as_str());
        let answered = answered.expect("the line of the answer");
        assert_eq!((&answered["route"], &answered["status"]), (&json!("/api/osquery/config"), &json!(200)));
        let secrets =
            [host.secret.clone(), host.node_key.expect("enrolled"), admin.token.expect("signed in")];
        for secret in secrets.iter().map(String::as_str).chain(["correct horse"]) {
            assert!(!lines.iter().any(|line| line.contains(secret)), "a secret is in the log: {secret}");
        }
        process.remove().await;
    });
}

/// Spans go to the collector that the standard variables name, and go on with the caller's trace.
#[test]
fn traces() {
    block_on(async {
        let (collector, mut batches) = collector().await;
        let environment = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}")),
            ("OTEL_SERVICE_NAME", "muster-under-test".to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
        ];
        let mut process = start(environment).await;
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let parent = format!("00-{trace}-b7ad6b7169203331-01");
        let headers = [("Content-Type", "application/json"), ("traceparent", parent.as_str())];
        let request =
            wire::request("POST", "/graphql", &headers, b"{\"query\":\"{ viewer { __typename } }\"}");
        let response = wire::exchange(process.address, &request).await.expect("an answer");
        assert_eq!(response.status, 200);
        let (path, batch) = within_deadline("a span", async {
            loop {
                let batch = batches.recv().await.expect("the collector lives");
                if has(&batch.1, b"POST /graphql") {
                    return batch;
                }
            }
        })
        .await;
        assert_eq!(path, "/v1/traces");
        assert!(has(&batch, b"muster-under-test"), "the service is named");
        let id: Vec<u8> =
            (0..16).map(|at| u8::from_str_radix(&trace[2 * at..][..2], 16).expect("hex")).collect();
        assert!(has(&batch, &id), "the span belongs to the caller's trace");
        process.signal(Signal::TERM);
        assert_eq!(process.exit_code().await, Some(0));
    });
}

/// SIGTERM: sockets are told 1012, readers of what is under way get it, and the process ends well.
#[test]
fn f03_asked_to_stop() {
    block_on(async {
        let mut process = start(Vec::new()).await;
        let admin = process.admin().await;
        let (mut socket, said) = Socket::init(process.address, admin.token.as_deref()).await;
        assert_eq!(said, Said::Message(json!({ "type": "connection_ack" })));
        process.signal(Signal::TERM);
        assert_eq!(socket.next().await, Said::Closed(1012));
        assert_eq!(process.exit_code().await, Some(0));
        assert!(process.logged().iter().any(|line| line.contains("stopped")));
    });
}

/// SIGHUP ends nobody, also where there is no certificate to be read again.
#[test]
fn hung_up() {
    block_on(async {
        let mut process = start(Vec::new()).await;
        process.signal(Signal::HUP);
        process.has_logged("SIGHUP").await;
        assert_eq!(version(process.address).await, 200);
        process.remove().await;
    });
}

/// Without file descriptors accepting pauses, who is inside is served, and others come in when there are some again.
#[test]
fn f27_out_of_descriptors() {
    block_on(async {
        let mut process = start(Vec::new()).await;
        let mut inside = TcpStream::connect(process.address).await.expect("it listens");
        assert_eq!(ask(&mut inside).await, 200);
        process.limit_descriptors(Some(8));
        let mut waiting = TcpStream::connect(process.address).await.expect("the system takes it");
        process.has_logged("can't be accepted").await;
        for _ in 0..20 {
            assert_eq!(ask(&mut inside).await, 200, "who is inside is served");
        }
        process.limit_descriptors(None);
        assert_eq!(ask(&mut waiting).await, 200, "who waited is served");
        process.has_logged("accepted again").await;
        let told = process.logged().iter().filter(|line| line.contains("can't be accepted")).count();
        assert_eq!(told, 1, "it is told once, not at each try");
        process.remove().await;
    });
}

/// With every place taken others wait, which is told once, and come in when there are some again.
#[test]
fn f27_no_place() {
    block_on(async {
        let limits = ["MUSTER_HTTP_MAX_CONNECTIONS", "MUSTER_HTTP_MAX_CONNECTIONS_PER_SOURCE"];
        let mut process = start(limits.map(|limit| (limit, "40".to_owned())).to_vec()).await;
        let mut host = enrolled(&process, "web").await;
        let mut flood = Vec::new();
        for _ in 0..60 {
            flood.push(TcpStream::connect(process.address).await.expect("the system takes it"));
        }
        process.has_logged("as many connections as there may be").await;
        drop(flood);
        let is_told = |process: &Process| process.logged().iter().any(|line| line.contains("is room"));
        let served = async { while host.poll().await.is_err() || !is_told(&process) {} };
        within_deadline("places, and word of them", served).await;
        process.remove().await;
    });
}

async fn start(environment: Environment) -> Process {
    Process::start_with(Backend::Sqlite, environment).await.expect("SQLite is inside")
}

/// An enrolled host that answers everything with one row.
async fn enrolled(process: &Process, name: &str) -> Agent {
    let secret = process.command(&["enroll", "secret"], "");
    let answer = Arc::new(|_: &str| AgentAnswer::one("x", "1"));
    let mut agent = Agent::new(process.address, &secret, Identity::linux(name), answer);
    assert!(within_deadline("to be let in", agent.enroll()).await);
    agent
}

/// A collector of spans: its address, and the path and body of each batch that it gets.
async fn collector() -> (SocketAddr, mpsc::UnboundedReceiver<(String, Bytes)>) {
    let (batches, received) = mpsc::unbounded_channel();
    let take = move |uri: axum::http::Uri, body: Bytes| async move {
        // The test may have seen enough.
        drop(batches.send((uri.path().to_owned(), body)));
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let routes = Router::new().route("/{*path}", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, received)
}

async fn scrape(server: SocketAddr) -> String {
    let request = wire::request("GET", "/metrics", &[], b"");
    let response = within_deadline("metrics", wire::exchange(server, &request)).await.expect("an answer");
    String::from_utf8(response.body).expect("metrics are text")
}

/// The value of one series; 0 where it is not there.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

async fn version(server: SocketAddr) -> u16 {
    ask(&mut TcpStream::connect(server).await.expect("it listens")).await
}

async fn ask(stream: &mut TcpStream) -> u16 {
    stream.write_all(&wire::request("GET", "/version", &[], b"")).await.expect("it is read");
    within_deadline("an answer", wire::read_response(stream)).await.expect("an answer").status
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
