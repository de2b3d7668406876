//! Bodies that no agent sends, by the thousand, and bombs: each is answered by one JSON object, blames no host, and
//! leaves nothing in memory.

use std::io::Write as _;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt as _;
use muster::agent::AgentSettings;
use serde_json::{Map, Value};
use tower::ServiceExt as _;

use crate::harness::agent::raw::ENDPOINTS;
use crate::harness::block_on;
use crate::harness::seeds::{Dice, seeds};
use crate::harness::server::{Backend, TestServer};
use crate::harness::world::World;

/// Bodies for each endpoint.
const BODIES: usize = 10_000;

/// Of them at once.
const AT_ONCE: usize = 100;

/// What all bodies may hold of memory here.
const BUDGET: usize = 64 << 20;

/// What a value is replaced by.
const VALUES: [&str; 20] = [
    "null",
    "true",
    "5",
    "-1",
    "1.5",
    "1e999",
    "-1e-999",
    "NaN",
    "Infinity",
    "123456789012345678901234567890",
    "\"\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\\x\"",
    "[]",
    "[[]]",
    "[{}]",
    "{}",
    "{\"\":{}}",
    "'x'",
];

/// Seeded malformed bodies at every endpoint.
#[test]
fn f23_malformed_bodies() {
    block_on(async {
        let world = world().await;
        let mut host = world.host("web").await;
        host.poll().await.expect("a check-in");
        world.admin.start("select a").await;
        let face = face(&world);
        let key = host.node_key.clone().expect("enrolled");
        for seed in seeds().take(1) {
            let mut dice = Dice::of(seed);
            for endpoint in ENDPOINTS {
                for _ in 0..BODIES / AT_ONCE {
                    let sent = (0..AT_ONCE).map(|_| Sent::malformed(&mut dice, endpoint, &key));
                    let tasks: Vec<_> = sent.map(|sent| tokio::spawn(sent.check(face.clone()))).collect();
                    for task in tasks {
                        task.await.expect("it keeps the contract");
                    }
                }
            }
        }
        assert_memory_is_given_back(&face, &key).await;
        host.poll().await.expect("the host is served as before");
        assert_eq!(host.ledger.enrollments, 1);
        world.server.stop().await;
    });
}

/// Bombs of every kind, many at once: each is cut after a megabyte, which the budget of all bodies proves.
#[test]
fn f24_bombs() {
    block_on(async {
        let world = world().await;
        let mut host = world.host("web").await;
        host.poll().await.expect("a check-in");
        let (face, key) = (face(&world), host.node_key.clone().expect("enrolled"));
        let plain = gzip(&vec![b' '; 64 << 20]);
        let member = gzip(b"{}");
        for (bomb, malformed) in [
            (plain.clone(), false),
            (gzip(&plain), true),
            (member.repeat(10_000), true),
            ([member.clone(), plain.clone()].concat(), true),
            (plain[..plain.len() / 2].to_vec(), false),
            (gzip(&noise(2_000))[..1_000].to_vec(), true),
            ([member, b"trailing".to_vec()].concat(), true),
        ] {
            for endpoint in ENDPOINTS {
                let sent = || Sent {
                    endpoint,
                    authorization: Some(format!("NodeKey {key}").into_bytes()),
                    encoding: Some("gzip"),
                    body: bomb.clone(),
                    known: true,
                };
                let tasks: Vec<_> = (0..50).map(|_| tokio::spawn(sent().check(face.clone()))).collect();
                for task in tasks {
                    let (status, members) = task.await.expect("it keeps the contract");
                    assert_ne!(status, 503, "{endpoint}: all of them fit in the budget");
                    let expected: &[u16] = if malformed { &[400, 413] } else { &[200, 401, 413] };
                    assert!(expected.contains(&status), "{endpoint} {status}: {members:?}");
                }
            }
        }
        assert_memory_is_given_back(&face, &key).await;
        host.poll().await.expect("the host is served as before");
        world.server.stop().await;
    });
}

async fn world() -> World {
    World::on(TestServer::start(Backend::Sqlite, &[]).await.expect("SQLite is inside")).await
}

/// The agent face of the server, called without a socket.
fn face(world: &World) -> Router {
    let settings = AgentSettings { all_bodies_bytes: BUDGET, ..AgentSettings::default() };
    muster::agent::router(world.server.fleet.clone(), settings)
}

/// A body that needs the whole budget is taken, so nothing holds any of it.
async fn assert_memory_is_given_back(face: &Router, key: &str) {
    let padding = " ".repeat(BUDGET - 200);
    let sent = Sent {
        endpoint: "log",
        authorization: None,
        encoding: None,
        body: format!("{{{padding}\"data\":[],\"log_type\":\"result\",\"node_key\":\"{key}\"}}").into_bytes(),
        known: true,
    };
    assert_eq!(sent.check(face.clone()).await.0, 200);
}

/// A request.
struct Sent {
    endpoint: &'static str,
    authorization: Option<Vec<u8>>,
    encoding: Option<&'static str>,
    body: Vec<u8>,
    /// Its host is known whatever the body says.
    known: bool,
}

impl Sent {
    /// A valid request with a few things wrong.
    fn malformed(dice: &mut Dice, endpoint: &'static str, key: &str) -> Self {
        let mut body = valid(endpoint, key).into_bytes();
        for _ in 0..=dice.below(4) {
            spoil(dice, &mut body);
        }
        let encoding =
            *dice.one_of(&[None, None, None, None, None, None, None, None, Some("gzip"), Some("br")]);
        if encoding == Some("gzip") && dice.once_in(2) {
            body = gzip(&body);
            if dice.once_in(2) {
                spoil(dice, &mut body);
            }
        }
        let (authorization, known) = match dice.below(8) {
            0 => (Some(format!("NodeKey {key}").into_bytes()), true),
            1 => (Some(format!("NodeKey {}", "A".repeat(43)).into_bytes()), false),
            2 => (Some(b"NodeKey \xff\xfe".to_vec()), false),
            3 => (Some(b"Bearer x".to_vec()), false),
            _ => (None, false),
        };
        Self { endpoint, authorization, encoding, body, known }
    }

    /// Sends it, and checks what holds of every answer.
    async fn check(self, face: Router) -> (u16, Map<String, Value>) {
        let mut request = Request::post(format!("/api/osquery/{}", self.endpoint));
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value.as_slice());
        }
        if let Some(encoding) = self.encoding {
            request = request.header("content-encoding", encoding);
        }
        let shown = String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]).into_owned();
        let request = request.body(Body::from(self.body)).expect("a request");
        let response = face.oneshot(request).await.expect("no error");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let Ok(Value::Object(members)) = serde_json::from_slice(&body) else {
            panic!("{} {status}: no object: {body:?} to {shown}", self.endpoint);
        };
        let failed = members.contains_key("error") || members.get("node_invalid") == Some(&Value::Bool(true));
        assert_eq!(failed, status != 200, "{} {status}: {members:?} to {shown}", self.endpoint);
        assert!(status < 500 || status == 503, "{} {status}: {members:?} to {shown}", self.endpoint);
        assert!(!members.contains_key("node_key"), "{}: nobody is let in: {shown}", self.endpoint);
        if self.known && self.endpoint != "enroll" {
            assert!(!members.contains_key("node_invalid"), "{} {members:?} to {shown}", self.endpoint);
        }
        (status, members)
    }
}

/// What an agent sends to the endpoint; its secret is wrong.
fn valid(endpoint: &str, key: &str) -> String {
    let members = match endpoint {
        "enroll" => format!(
            "\"enroll_secret\":\"{}\",\"host_identifier\":\"web\",\"platform_type\":\"9\",\"host_details\":{{\
             \"os_version\":{{\"name\":\"Debian\",\"version\":\"12\"}},\"osquery_info\":{{\"version\":\"5.23.1\"}},\
             \"system_info\":{{\"uuid\":\"x\",\"hostname\":\"web\",\"physical_memory\":\"1\"}}}}",
            "B".repeat(43)
        ),
        "distributed/write" => "\"queries\":{\"campaign_000000000001\":[{\"a\":\"1\",\"b\":\"x\"}],\
             \"campaign_000000000002\":[]},\"statuses\":{\"campaign_000000000001\":0,\"campaign_000000000002\":1},\
             \"messages\":{\"campaign_000000000002\":\"no such table: x\"},\
             \"stats\":{\"campaign_000000000001\":{\"wall_time_ms\":12}}"
            .to_owned(),
        "log" => "\"data\":[{\"name\":\"x\",\"columns\":{\"a\":\"1\"},\"unixTime\":1412098650},{\"snapshot\":[]}],\
             \"log_type\":\"result\""
            .to_owned(),
        _ => "\"x\":1".to_owned(),
    };
    format!("{{{members},\"node_key\":\"{key}\"}}")
}

/// Does one thing wrong.
fn spoil(dice: &mut Dice, body: &mut Vec<u8>) {
    let (at, other) = (dice.below(body.len() + 1), dice.below(body.len() + 1));
    let slice = at.min(other)..at.max(other);
    match dice.below(8) {
        0 => body.truncate(at),
        1 => drop(body.drain(slice)),
        2 => {
            let copy = body[slice].to_vec();
            drop(body.splice(at..at, copy));
        }
        3 => drop(body.splice(at..at, noise(dice.below(8)))),
        4 => body.iter_mut().skip(at).take(3).for_each(|byte| *byte ^= 0x81),
        5 => drop(body.splice(at..at, dice.one_of(&["[", "{\"a\":"]).repeat(dice.below(3_000)).into_bytes())),
        // A value of another kind.
        _ => {
            let Some(start) = body.iter().skip(at).position(|byte| *byte == b':').map(|colon| at + colon + 1)
            else {
                return;
            };
            let length = body[start..].iter().position(|byte| b",}]".contains(byte)).unwrap_or(0);
            drop(body.splice(start..start + length, dice.one_of(&VALUES).bytes()));
        }
    }
}

/// Bytes that are no text and do not compress.
fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7]).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}
