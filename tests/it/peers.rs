//! Log destinations with the real other side, where it is installed: rsyslog, NATS, Amazon's services by moto, Kafka by
//! librdkafka.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::harness::logs::until;
use crate::harness::server::{Backend, TestServer};
use crate::harness::services::not_run;
use crate::harness::services::peers::Peer;
use crate::harness::world::World;
use crate::harness::{block_on, wire, within_deadline};

/// Lines that each test ships.
const LINES: usize = 300;

#[test]
fn rsyslog() {
    block_on(async {
        let peer = match Peer::rsyslog() {
            Ok(peer) => peer,
            Err(missing) => return not_run("peers::rsyslog", &missing),
        };
        let address = peer.address.to_string();
        let options = json!({ "type": "syslog", "address": address, "content": "raw", "retry_min": "50ms" });
        let world = shipping(options).await;
        until("every message to be written", || peer.file("messages").lines().count() == LINES).await;
        let first = peer.file("messages").lines().next().expect("there is one").to_owned();
        assert!(first.starts_with("web muster result info {\"name\":\"q\""), "{first}");
        world.server.stop().await;
    });
}

#[test]
fn nats() {
    block_on(async {
        let peer = match Peer::nats() {
            Ok(peer) => peer,
            Err(missing) => return not_run("peers::nats", &missing),
        };
        let mut api = Nats::connect(&peer).await;
        let options = json!({ "type": "nats", "url": format!("nats://{}", peer.address), "retry_min": "50ms",
            "retry_max": "200ms" });
        // There is no stream yet: nothing is lost.
        let world = shipping(options).await;
        until_error(&world, "no stream listens").await;
        api.ask("STREAM.CREATE.LOGS", &json!({ "name": "LOGS", "subjects": ["muster.>"] })).await;
        while api.ask("STREAM.INFO.LOGS", &json!({})).await["state"]["messages"] != LINES {}
        let first = api.ask("STREAM.MSG.GET.LOGS", &json!({ "seq": 1 })).await["message"].take();
        assert_eq!(first["subject"], "muster.result", "{first}");
        let data = BASE64.decode(first["data"].as_str().expect("base64")).expect("base64");
        let envelope: Value = serde_json::from_slice(&data).expect("JSON");
        assert_eq!((&envelope["hostname"], &envelope["line"]["name"]), (&json!("web"), &json!("q")));
        // What is shipped again is kept once: the id of a message is that of its line.
        let from = json!({ "name": "peer", "from": "2020-01-01T00:00:00Z" });
        world.admin.mutate("replayDestination", "destination { name }", from).await;
        while delivered(&world).await < 2 * LINES {}
        assert_eq!(api.ask("STREAM.INFO.LOGS", &json!({})).await["state"]["messages"], LINES);
        world.server.stop().await;
    });
}

#[test]
fn kafka() {
    block_on(async {
        let peer = match Peer::kafka() {
            Ok(peer) => peer,
            Err(missing) => return not_run("peers::kafka", &missing),
        };
        let options = json!({ "type": "kafka", "brokers": [peer.address], "compress": true, "retry_min": "50ms",
            "max_delay": "1ms" });
        let world = shipping(options).await;
        let records = || {
            let parsed = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
            // Its last line may be half there.
            peer.file("records")
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .map(parsed)
                .collect::<Vec<_>>()
        };
        until("every record to come", || records().len() == LINES).await;
        for (n, record) in records().iter().enumerate() {
            let envelope: Value =
                serde_json::from_str(record["value"].as_str().expect("text")).expect("JSON");
            assert_eq!(envelope["line"]["columns"]["n"], n.to_string(), "a host's lines stay in order");
            assert_eq!(record["key"], envelope["host"]);
            assert_eq!(
                record["headers"],
                json!({ "line_id": envelope["line_id"], "batch": envelope["batch"] })
            );
            assert_eq!(
                (&record["topic"], &record["timestamp"]),
                (&json!("muster-result"), &json!(1_795_348_800_000_i64))
            );
        }
        // What is shipped again has the same ids; other hosts have partitions of their own, and kinds their topics.
        let from = json!({ "name": "peer", "from": "2020-01-01T00:00:00Z" });
        world.admin.mutate("replayDestination", "destination { name }", from).await;
        for name in ["db", "mail", "proxy", "backup"] {
            let mut host = world.host(name).await;
            host.log("status", [r#"{"message":"hello"}"#.to_owned()]);
            host.log("result", [r#"{"name":"q"}"#.to_owned()]);
            host.flush_logs().await.expect("the lines are taken");
        }
        until("all records to come", || records().len() == 2 * LINES + 8).await;
        let distinct =
            |of: &dyn Fn(&Value) -> String| records().iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(&|record| record["headers"]["line_id"].to_string()), LINES + 8);
        assert!(distinct(&|record| record["partition"].to_string()) > 1);
        assert_eq!(distinct(&|record| record["topic"].to_string()), 2);
        assert_eq!(shown(&world).await["lastError"], Value::Null);
        world.server.stop().await;
    });
}

#[test]
fn amazon() {
    block_on(async {
        let peer = match Peer::amazon() {
            Ok(peer) => peer,
            Err(missing) => return not_run("peers::amazon", &missing),
        };
        kinesis(&peer).await;
        s3(&peer).await;
    });
}

async fn kinesis(peer: &Peer) {
    let call =
        async |operation: &str, body: Value| amazon_call(peer, "Kinesis_20131202", operation, body).await;
    call("CreateStream", json!({ "StreamName": "logs", "ShardCount": 1 })).await;
    let world = shipping(account(peer, json!({ "type": "kinesis", "stream": "logs" }))).await;
    until_delivered(&world).await;
    let shards = call("ListShards", json!({ "StreamName": "logs" })).await;
    let shard = &shards["Shards"][0]["ShardId"];
    let from = json!({ "StreamName": "logs", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let iterator = call("GetShardIterator", from).await["ShardIterator"].take();
    let records = call("GetRecords", json!({ "ShardIterator": iterator })).await["Records"].take();
    let records = records.as_array().expect("a list").clone();
    assert_eq!(records.len(), LINES);
    let data = BASE64.decode(records[0]["Data"].as_str().expect("base64")).expect("base64");
    let envelope: Value = serde_json::from_slice(&data).expect("JSON");
    assert_eq!(records[0]["PartitionKey"], envelope["host"]);
    world.server.stop().await;
}

async fn s3(peer: &Peer) {
    // A host of another name would be taken for a bucket.
    let place = peer.address.to_string();
    let account =
        "AWS4-HMAC-SHA256 Credential=id/20261122/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x";
    let plain = |method: &str, path: &str| {
        wire::request(method, path, &[("Host", place.as_str()), ("Authorization", account)], b"")
    };
    let made = wire::exchange(peer.address, &plain("PUT", "/logs")).await.expect("a bucket");
    assert_eq!(made.status, 200, "{}", String::from_utf8_lossy(&made.body));
    let options = json!({ "type": "s3", "bucket": "logs", "max_delay": "10ms" });
    let world = shipping(self::account(peer, options)).await;
    until_delivered(&world).await;
    let list = wire::exchange(peer.address, &plain("GET", "/logs?list-type=2")).await.expect("a list");
    let list = String::from_utf8_lossy(&list.body).into_owned();
    let key = list.split_once("<Key>").and_then(|(_, rest)| rest.split_once("</Key>")).expect("an object").0;
    assert!(key.starts_with("muster/kind=result/date=2026-11-22/hour=12/"), "{key}");
    let path = format!("/logs/{}", key.replace('=', "%3D"));
    let object = wire::exchange(peer.address, &plain("GET", &path)).await.expect("the object");
    assert!(object.status == 200 && !object.body.is_empty(), "{object:?}");
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&object.body[..]);
    std::io::Read::read_to_string(&mut decoder, &mut text).expect("gzip");
    assert!(text.lines().all(|line| line.contains("\"hostname\":\"web\"")), "{text}");
    world.server.stop().await;
}

/// A world whose host has logged, with a destination `peer` of these keys.
async fn shipping(options: Value) -> World {
    let server = TestServer::start(Backend::Sqlite, &[("egress.allow", "127.0.0.1")]).await;
    let world = World::on(server.expect("SQLite is inside")).await;
    let input = json!({ "name": "peer", "options": options });
    let made = world.admin.mutate("createDestination", "destination { name }", input).await;
    assert_eq!(made["userErrors"], json!([]), "{made}");
    let mut host = world.host("web").await;
    host.log("result", (0..LINES).map(|n| format!(r#"{{"name":"q","columns":{{"n":"{n}"}}}}"#)));
    host.flush_logs().await.expect("the lines are taken");
    world
}

async fn shown(world: &World) -> Value {
    let data = world.admin.ask("{ destinations { name deliveredLines lastError } }", json!({})).await;
    let found = data["destinations"].as_array().expect("a list").iter().find(|one| one["name"] == "peer");
    found.cloned().expect("it was made")
}

/// Lines that the peer has taken.
async fn delivered(world: &World) -> usize {
    shown(world).await["deliveredLines"].as_str().and_then(|lines| lines.parse().ok()).expect("a number")
}

/// Waits until the peer has taken all; a delivery that fails for good is shown.
async fn until_delivered(world: &World) {
    let waiting = async {
        while delivered(world).await < LINES {
            let said = shown(world).await["lastError"].clone();
            assert_eq!(said, Value::Null, "a peer that lives takes it at once");
        }
    };
    within_deadline("the peer to take the lines", waiting).await;
}

async fn until_error(world: &World, text: &str) {
    let waiting =
        async { while !shown(world).await["lastError"].as_str().is_some_and(|e| e.contains(text)) {} };
    within_deadline(text, waiting).await;
}

/// With the account that moto knows everybody by.
fn account(peer: &Peer, mut options: Value) -> Value {
    options["endpoint"] = format!("http://{}", peer.address).into();
    options["region"] = "us-east-1".into();
    options["access_key_id"] = "id".into();
    options["secret_access_key"] = "key".into();
    options["retry_min"] = "50ms".into();
    options
}

async fn amazon_call(peer: &Peer, service: &str, operation: &str, body: Value) -> Value {
    let target = format!("{service}.{operation}");
    let headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", target.as_str()),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=id/20261122/us-east-1/kinesis/aws4_request"),
    ];
    let request = wire::request("POST", "/", &headers, body.to_string().as_bytes());
    let answer = wire::exchange(peer.address, &request).await.expect("it answers");
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// The interface of `JetStream`, as a client asks it.
struct Nats(BufReader<TcpStream>);

impl Nats {
    async fn connect(peer: &Peer) -> Self {
        let mut nats = Self(BufReader::new(TcpStream::connect(peer.address).await.expect("it listens")));
        nats.0.write_all(b"CONNECT {\"verbose\":false}\r\nSUB reply 1\r\n").await.expect("it reads");
        nats
    }

    async fn ask(&mut self, verb: &str, body: &Value) -> Value {
        let body = body.to_string();
        let asked = format!("PUB $JS.API.{verb} reply {}\r\n{body}\r\n", body.len());
        self.0.write_all(asked.as_bytes()).await.expect("it reads");
        loop {
            let mut line = String::new();
            within_deadline("NATS", self.0.read_line(&mut line)).await.expect("it answers");
            if line.starts_with("PING") {
                self.0.write_all(b"PONG\r\n").await.expect("it reads");
            }
            let Some(size) = line.strip_prefix("MSG ").and_then(|rest| rest.split_whitespace().last()) else {
                continue;
            };
            let mut payload = vec![0; size.parse::<usize>().expect("a size") + 2];
            self.0.read_exact(&mut payload).await.expect("it answers");
            return serde_json::from_slice(&payload[..payload.len() - 2]).expect("JSON");
        }
    }
}
