//! Whole agents against a small server over real sockets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Simulation, SimulationSettings};

/// Settings of one host that is well and polls quickly.
pub(super) fn settings(server: &str) -> SimulationSettings {
    SimulationSettings {
        server: server.to_owned(),
        tls: None,
        enroll_secret: "secret".to_owned(),
        hosts: 1,
        rate: None,
        seed: 9,
        check_in_interval: Duration::from_millis(20),
        new_connection_per_request: false,
        slow: 0.0,
        offline: 0.0,
        failing: 0.0,
        old: 0.0,
        log_interval: None,
    }
}

/// Starts hosts that wait a thousandth of the time after failures.
fn start(settings: SimulationSettings, shutdown: CancellationToken) -> Simulation {
    Simulation::start_at_pace(settings, shutdown, Duration::from_millis(1))
}

/// A request as the server saw it.
#[derive(Debug)]
struct Seen {
    endpoint: String,
    key_header: Option<String>,
    body: Value,
}

/// Answers by endpoint, with their status.
type Script = BTreeMap<String, VecDeque<(u16, String)>>;

/// What the server says next to an endpoint, and what it was told.
#[derive(Clone)]
struct Server {
    script: Arc<Mutex<Script>>,
    seen: mpsc::UnboundedSender<Seen>,
}

/// A running server with its address and what it sees.
struct Running {
    server: Server,
    address: String,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Server {
    /// Says `body` with `status` once, after what was told it before.
    fn say(&self, endpoint: &str, status: u16, body: &impl ToString) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.entry(endpoint.to_owned()).or_default().push_back((status, body.to_string()));
    }

    /// The scripted answer, or the usual one.
    fn next(&self, endpoint: &str) -> (u16, String) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let usual = match endpoint {
            "enroll" => json!({ "node_key": "key" }),
            "config" => json!({ "schedule": {} }),
            _ => json!({}),
        };
        script.get_mut(endpoint).and_then(VecDeque::pop_front).unwrap_or((200, usual.to_string()))
    }
}

async fn serve(
    State(server): State<Server>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let endpoint = path.trim_start_matches("v1/").trim_start_matches("osquery/").to_owned();
    let (status, answer) = server.next(&endpoint);
    let key_header =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = serde_json::from_str(&body).unwrap_or_default();
    // The test may have ended.
    let _ = server.seen.send(Seen { endpoint, key_header, body });
    (StatusCode::from_u16(status).unwrap_or_default(), answer).into_response()
}

/// Starts a server on a free port.
async fn server() -> Running {
    let (sender, seen) = mpsc::unbounded_channel();
    let server = Server { script: Arc::default(), seen: sender };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().route("/api/{*path}", axum::routing::post(serve)).with_state(server.clone());
    tokio::spawn(async { axum::serve(listener, router).await });
    Running { server, address, seen }
}

impl Running {
    /// The next request to `endpoint`; others are passed over.
    async fn next(&mut self, endpoint: &str) -> Seen {
        loop {
            let seen = self.seen.recv().await.expect("the server runs");
            if seen.endpoint == endpoint {
                return seen;
            }
        }
    }
}

#[tokio::test]
async fn a_host_enrolls_checks_in_and_answers() {
    let mut running = server().await;
    let queries = json!({ "queries": { "b": "select name from os_version", "a": "select * from nope" } });
    running.server.say("distributed/read", 200, &queries);
    let shutdown = CancellationToken::new();
    let simulation = start(settings(&running.address), shutdown.clone());
    simulation.wait_enrolled(1).await;

    let enroll = running.next("enroll").await.body;
    assert_eq!(enroll["enroll_secret"], "secret");
    assert_eq!(enroll["platform_type"], "9");
    assert!(enroll["host_details"]["system_info"]["hardware_serial"].is_string());
    assert_eq!(running.next("config").await.body, json!({ "node_key": "key" }));
    let write = running.next("distributed/write").await.body;
    assert_eq!(write["statuses"], json!({ "a": 1, "b": 0 }));
    assert_eq!(write["messages"]["a"], "no such table: nope");
    assert_eq!(write["queries"]["a"], json!([]));
    assert!(write["queries"]["b"][0]["name"].is_string());
    running.next("distributed/read").await;

    let stats = simulation.stats();
    assert_eq!((stats.enrolled, stats.online, stats.queries, stats.answers), (1, 1, 2, 2));
    assert_eq!(stats.violations, BTreeMap::new());
    shutdown.cancel();
    simulation.stopped().await;
}

#[tokio::test]
async fn answers_are_kept_until_accepted_also_under_a_new_key() {
    let mut running = server().await;
    running.server.say("distributed/read", 200, &json!({ "queries": { "q": "select 1 as one" } }));
    running.server.say("distributed/write", 503, &json!({ "error": "busy" }));
    running.server.say("distributed/write", 200, &json!({ "node_invalid": true }));
    running.server.say("enroll", 200, &json!({ "node_key": "first" }));
    running.server.say("enroll", 200, &json!({ "node_key": "second" }));
    let simulation = start(settings(&running.address), CancellationToken::new());
    let mut keys = Vec::new();
    for _ in 0..3 {
        let write = running.next("distributed/write").await.body;
        assert_eq!(write["queries"], json!({ "q": [{ "one": "1" }] }));
        keys.push(write["node_key"].clone());
    }
    assert_eq!(keys, ["first", "first", "second"]);
    running.next("distributed/read").await;
    let stats = simulation.stats();
    assert_eq!((stats.enrolled, stats.enrollments, stats.answers), (1, 2, 1));
    assert_eq!((stats.refused, stats.node_invalid), (1, 1));
}

#[tokio::test]
async fn an_old_host_speaks_as_it_used_to() {
    let mut running = server().await;
    for _ in 0..2 {
        running.server.say("distributed/read", 200, &json!({ "queries": { "q": "select 1 where 0" } }));
    }
    let settings = SimulationSettings { old: 1.0, hosts: 12, ..settings(&running.address) };
    let _simulation = start(settings, CancellationToken::new());
    let seen = running.next("distributed/write").await;
    assert_eq!(seen.key_header, None);
    assert!(seen.body.get("messages").is_none());
    assert!(
        seen.body["statuses"]["q"] == "0" && seen.body["queries"]["q"] == ""
            || seen.body["statuses"]["q"] == 0
    );
}

#[tokio::test]
async fn breaches_of_the_contract_are_counted() {
    let mut running = server().await;
    running.server.say("config", 500, &"");
    running.server.say("distributed/read", 200, &json!({ "queries": { "q": 5 } }));
    running.server.say("distributed/read", 200, &json!({ "accelerate": 1.5 }));
    let fresh = SimulationSettings { new_connection_per_request: true, ..settings(&running.address) };
    let simulation = start(fresh, CancellationToken::new());
    for _ in 0..4 {
        running.next("distributed/read").await;
    }
    let violations = simulation.stats().violations;
    let expected = [
        "empty body",
        "empty configuration",
        "query is not a non-empty text",
        "accelerate has the wrong type",
    ];
    assert_eq!(violations.len(), expected.len(), "{violations:?}");
    assert!(expected.iter().all(|name| violations.get(name) == Some(&1)), "{violations:?}");
}

#[tokio::test]
async fn a_failing_host_answers_with_an_error_and_logs_come_by_kind() {
    let mut running = server().await;
    running.server.say("distributed/read", 200, &json!({ "queries": { "q": "select 1" } }));
    let failing =
        SimulationSettings { failing: 1.0, log_interval: Some(Duration::ZERO), ..settings(&running.address) };
    let _simulation = start(failing, CancellationToken::new());
    let write = running.next("distributed/write").await.body;
    assert_eq!(write["statuses"]["q"], 1);
    assert_eq!(write["messages"]["q"], "disk I/O error");
    let result = running.next("log").await.body;
    assert_eq!((&result["log_type"], &result["data"][0]["action"]), (&json!("result"), &json!("added")));
    let status = running.next("log").await.body;
    assert_eq!((&status["log_type"], &status["data"][0]["severity"]), (&json!("status"), &json!(0)));
}

#[tokio::test]
async fn hosts_that_are_away_do_not_check_in_and_come_back() {
    let mut running = server().await;
    let away = SimulationSettings { offline: 1.0, ..settings(&running.address) };
    let simulation = start(away, CancellationToken::new());
    simulation.wait_enrolled(1).await;
    running.next("distributed/read").await;
    assert_eq!(simulation.stats().online, 1);
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let mistyped = settings("localhost:8080");
    assert!(mistyped.check().is_err_and(|error| error.to_string().contains("localhost:8080")));
    let simulation = start(mistyped, CancellationToken::new());
    assert_eq!(simulation.stats().enrolled, 0);
    simulation.stopped().await;
}
