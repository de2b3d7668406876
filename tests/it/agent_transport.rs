//! The agent contract, part T: what holds of every request, by its number.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::Write as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::agent::raw::{
    ENDPOINTS, assert_node_invalid, assert_retry, assert_success, object, post, send,
};
use crate::harness::agent::{Agent, Form};
use crate::harness::wire;
use crate::harness::world::{World, on_both};

on_both!(
    t01_every_answer_is_an_object,
    t02_unknown_path,
    t07_wrong_method,
    t09_compressed_log,
    t10_bomb,
    t12_plain_answers,
    t13_answers_for_who_takes_gzip,
    t14_chunked,
    t15_keep_alive,
    t22_expect,
    t26_key_in_header,
    s10_bad_key_with_a_large_body,
    t29_user_agents,
    t32_odd_documents,
    t33_slashes,
    carves_are_not_taken,
    both_paths_and_forms
);

/// Every answer is one JSON object: bad bodies of all kinds at every endpoint, and none is a success that deletes
/// what the agent has.
/// Case T05.
async fn t01_every_answer_is_an_object(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let keyed = json!({ "node_key": key }).to_string();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    // T08: what is not JSON is refused, and sent again; T11: a header that says gzip makes it none.
    let bodies =
        ["", "{", "null", "5", "\"ok\"", "[]", "{}", "\u{feff}{}", "NaN", &deep, &keyed, "{\"node_key\":{}}"];
    for endpoint in ENDPOINTS {
        for body in bodies {
            let members = object(&post(world.server.address, endpoint, &[], body).await);
            let accepted = body == keyed && endpoint != "enroll";
            let failed = members.contains_key("error") || members.contains_key("node_invalid");
            assert_eq!(failed, !accepted, "{endpoint} {body:.40}: {members:?}");
        }
    }
}

/// An unknown path is a failure to an agent, not a success.
async fn t02_unknown_path(world: World) {
    for path in [
        "/api/osquery/nothing",
        "/api/osquery",
        "/api/v1/osquery/x",
        "/api/osquery/enroll/",
        "//api/osquery/enroll",
    ] {
        let response = send(world.server.address, &wire::request("POST", path, &[], b"{}")).await;
        assert!(!(300..400).contains(&response.status), "{path}: never a redirect");
        assert!(object(&response).contains_key("error"), "{path}");
    }
}

/// A wrong method is 405, with an object.
async fn t07_wrong_method(world: World) {
    for endpoint in ENDPOINTS {
        let request = wire::request("GET", &format!("/api/osquery/{endpoint}"), &[], b"");
        let response = send(world.server.address, &request).await;
        assert_eq!(response.status, 405, "{endpoint}");
        assert!(object(&response).contains_key("error"), "{endpoint}");
    }
}

/// A compressed log is read; what is not what it says is refused; other encodings too.
async fn t09_compressed_log(world: World) {
    let host = world.host("web").await;
    let body = log_body(&host, "{\"name\":\"x\"}");
    let gzip = [("Content-Encoding", "gzip")];
    assert_success(&post(world.server.address, "log", &gzip, compressed(body.as_bytes())).await);
    assert_retry(&post(world.server.address, "log", &gzip, &body).await);
    let other = post(world.server.address, "log", &[("Content-Encoding", "br")], &body).await;
    assert_eq!(other.status, 415);
    assert_retry(&other);
}

/// A body that inflates beyond the limit is cut, and the server lives.
async fn t10_bomb(world: World) {
    let mut host = world.host("web").await;
    let bomb = compressed(&vec![b' '; 100 << 20]);
    object(&post(world.server.address, "log", &[("Content-Encoding", "gzip")], bomb).await);
    host.poll().await.expect("others are served");
}

/// Answers are never compressed: no agent asked for it.
async fn t12_plain_answers(world: World) {
    let host = world.host("web").await;
    let keyed = json!({ "node_key": host.node_key }).to_string();
    let response = post(world.server.address, "config", &[], keyed).await;
    assert_eq!(response.header("content-encoding"), None);
    assert!(response.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
}

/// Nor for who would take it: an agent takes an answer as it is.
async fn t13_answers_for_who_takes_gzip(world: World) {
    let mut host = world.host("web").await;
    world.admin.start(&format!("select '{}'", "x".repeat(10_000))).await;
    let keyed = json!({ "node_key": host.node_key }).to_string();
    let accepted = [("Accept-Encoding", "gzip")];
    let response = post(world.server.address, "distributed/read", &accepted, keyed).await;
    assert_eq!(response.header("content-encoding"), None);
    assert!(object(&response).contains_key("queries"));
    host.poll().await.expect("an answer");
}

/// A proxy may send the body in chunks.
async fn t14_chunked(world: World) {
    let host = world.host("web").await;
    let body = json!({ "node_key": host.node_key }).to_string();
    let (one, two) = body.split_at(7);
    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    let headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
    let request = wire::request("POST", "/api/osquery/config", &headers, chunks.as_bytes());
    assert_success(&send(world.server.address, &request).await);
}

/// Two requests on one connection work as on two.
async fn t15_keep_alive(world: World) {
    let host = world.host("web").await;
    let body = json!({ "node_key": host.node_key }).to_string();
    let request = wire::request(
        "POST",
        "/api/osquery/distributed/read",
        &[("Content-Type", "application/json")],
        body.as_bytes(),
    );
    let mut stream = TcpStream::connect(world.server.address).await.expect("it listens");
    for _ in 0..2 {
        stream.write_all(&request).await.expect("it reads");
        assert_success(&wire::read_response(&mut stream).await.expect("it answers"));
    }
}

/// No agent asks before it sends its body, and none is told to go on. Who asks, as curl does, is told, and gets the
/// same answer.
async fn t22_expect(world: World) {
    let host = world.host("web").await;
    let body = json!({ "node_key": host.node_key }).to_string();
    assert_success(&post(world.server.address, "config", &[], &body).await);
    let expecting = [("Expect", "100-continue"), ("Connection", "close")];
    let request = wire::request("POST", "/api/osquery/config", &expecting, body.as_bytes());
    let mut stream = TcpStream::connect(world.server.address).await.expect("it listens");
    stream.write_all(&request).await.expect("it reads");
    let mut answer = wire::read_response(&mut stream).await.expect("it answers");
    if answer.status == 100 {
        answer = wire::parse(&answer.body).expect("the answer follows");
    }
    assert_success(&answer);
}

/// The key may stand in the header, in the body, or in both; two different ones are neither.
/// Cases T27, T28.
async fn t26_key_in_header(world: World) {
    let (one, two) = (world.host("one").await, world.host("two").await);
    let keys = [one.node_key.expect("enrolled"), two.node_key.expect("enrolled")];
    let header = |key: &str| format!("NodeKey {key}");
    let (mine, theirs, wrong) = (header(&keys[0]), header(&keys[1]), header("wrong"));
    let body = json!({ "node_key": keys[0] }).to_string();
    let server = world.server.address;
    assert_success(&post(server, "config", &[("Authorization", &mine)], &body).await);
    assert_success(&post(server, "config", &[("Authorization", &mine)], "{}").await);
    assert_retry(&post(server, "config", &[("Authorization", &theirs)], &body).await);
    assert_node_invalid(&post(server, "config", &[("Authorization", &wrong)], "{}").await);
}

/// A bad key in the header is told although the body is large: it is drained, not reset.
async fn s10_bad_key_with_a_large_body(world: World) {
    let headers = [("Content-Type", "application/json"), ("Authorization", "NodeKey wrong")];
    let request = wire::request("POST", "/api/osquery/log", &headers, &vec![b' '; 40 << 20]);
    assert_node_invalid(&send(world.server.address, &request).await);
}

/// Carves are not taken: the answer to a start has no session, which ends the carve, and no key is thrown away.
async fn carves_are_not_taken(world: World) {
    let mut host = world.host("web").await;
    let document = json!({ "block_count": 1, "block_size": 8192, "carve_size": 100, "carve_id": "x",
        "request_id": "y", "node_key": host.node_key });
    for path in ["carve/start", "carve/begin", "carve/block", "carve_init", "carve_block"] {
        let response = post(world.server.address, path, &[], document.to_string()).await;
        assert_retry(&response);
        assert!(!object(&response).contains_key("session_id"), "{path}");
    }
    host.poll().await.expect("a check-in");
    assert_eq!(host.ledger.enrollments, 1);
}

/// A slash too many is routed or unknown, never redirected: an agent would follow in clear text.
async fn t33_slashes(world: World) {
    let host = world.host("web").await;
    let body = json!({ "node_key": host.node_key }).to_string();
    assert_success(&post(world.server.address, "config/", &[], &body).await);
    for path in
        ["//api/osquery/config", "/api//osquery/config", "/api/osquery//config", "/api/osquery/config//"]
    {
        let response = send(world.server.address, &wire::request("POST", path, &[], body.as_bytes())).await;
        assert_eq!(response.status, 404, "{path}");
        assert_retry(&response);
    }
}

/// Any user agent is welcome, and a query string changes nothing.
/// Case T30.
async fn t29_user_agents(world: World) {
    let host = world.host("web").await;
    let body = json!({ "node_key": host.node_key }).to_string();
    for agent in ["osquery/4.4.0", "osquery/5.10.2-12-gabcdef", "curl/8", "", "é"] {
        assert_success(
            &post(world.server.address, "distributed/read", &[("User-Agent", agent)], &body).await,
        );
    }
    assert_success(&post(world.server.address, "config?enroll_secret=x", &[], &body).await);
}

/// Duplicate members and odd text do not hurt.
async fn t32_odd_documents(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let twice = format!("{{\"node_key\":\"{key}\",\"x\":1,\"x\":2,\"y\":\"\\ud800\"}}");
    assert_success(&post(world.server.address, "config", &[], twice).await);
    let raw = [b"{\"x\":\"\xff\xfe\",\"node_key\":\"".as_slice(), key.as_bytes(), b"\"}"].concat();
    assert_success(&post(world.server.address, "config", &[], raw).await);
    let large = format!(
        "{{\"data\":[{{\"x\":\"{}\"}}],\"log_type\":\"result\",\"node_key\":\"{key}\"}}",
        "x".repeat(10 << 20)
    );
    assert_success(&post(world.server.address, "log", &[], large).await);
    let many = format!("{{{}\"node_key\":\"{key}\"}}", "\"x\":1,".repeat(8_000));
    assert_success(&post(world.server.address, "config", &[], many).await);
}

/// Both path prefixes, and agents of both generations, do the whole job.
async fn both_paths_and_forms(world: World) {
    let id = {
        let mut hosts = Vec::new();
        for (number, form) in [Form::Modern, Form::Old].into_iter().enumerate() {
            for prefix in ["/api/osquery", "/api/v1/osquery"] {
                let mut host = world.host(&format!("host-{number}-{}", prefix.len())).await;
                (host.form, host.prefix, host.node_key) = (form, prefix, None);
                hosts.push(host);
            }
        }
        let id = world.admin.start("select name").await;
        for host in &mut hosts {
            host.config().await.expect("a configuration");
            host.poll().await.expect("an answer");
            host.log("result", ["{\"name\":\"x\"}".to_owned()]);
            host.flush_logs().await.expect("the lines are taken");
            assert_eq!(host.ledger.asked.len(), 1);
        }
        id
    };
    assert_eq!(world.admin.campaign(&id).await["totals"]["succeeded"], 4);
}

/// A log request of the host with one line.
fn log_body(host: &Agent, line: &str) -> String {
    let key = host.node_key.as_deref().expect("enrolled");
    format!("{{\"node_key\":\"{key}\",\"log_type\":\"result\",\"data\":[{line}]}}")
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}
