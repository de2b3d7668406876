//! GraphQL over server-sent events.

use std::time::Duration;

use serde_json::json;

use super::harness::Server;
use crate::graphql::transport::{SocketSettings, TransportSettings};

const EVENTS: &str = "content-type: application/json\r\naccept: text/event-stream\r\n";
const SHORT: Duration = Duration::from_millis(20);

async fn server_with(socket: SocketSettings) -> Server {
    Server::start(TransportSettings { socket, ..TransportSettings::default() }).await
}

fn body(query: &str) -> String {
    json!({ "query": query }).to_string()
}

/// The events of a body: its chunks without their sizes, comments left out.
fn events(body: &str) -> Vec<&str> {
    let is_framing = |line: &&str| !line.is_empty() && u32::from_str_radix(line, 16).is_err();
    body.lines().filter(is_framing).filter(|line| !line.starts_with(':')).collect()
}

#[tokio::test]
async fn each_result_is_a_next_and_complete_is_last() {
    let server = Server::start(TransportSettings::default()).await;
    let (status, head, answer) = server.post(EVENTS, &body("subscription { count(to: 2) }")).await;
    assert_eq!(status, 200);
    for line in [
        "content-type: text/event-stream",
        "x-accel-buffering: no",
        "cache-control: no-store",
        "x-request-id: req_",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    let first = r#"data: {"data":{"count":1},"extensions":{"cost":{"requested":1,"limit":10000,"remaining":9999,"resetAt":"1970-01-01T00:00:00.006Z"}}}"#;
    let expected =
        ["event: next", first, "event: next", r#"data: {"data":{"count":2}}"#, "event: complete", "data: "];
    assert_eq!(events(&answer), expected);
}

#[tokio::test]
async fn queries_and_mutations_are_streamed_by_post_and_queries_by_get() {
    let server = Server::start(TransportSettings::default()).await;
    let (_, _, answer) = server.post(EVENTS, &body("{ hello rows }")).await;
    assert!(events(&answer)[1].starts_with(r#"data: {"data":{"hello":"world","rows":[{"pid":"1"}]},"#));
    let (_, _, answer) = server.post(EVENTS, &body("mutation { touch }")).await;
    assert!(events(&answer)[1].starts_with(r#"data: {"data":{"touch":1},"#));
    let get = |query| {
        format!(
            "GET /graphql?query={query} HTTP/1.1\r\nhost: a\r\nconnection: close\r\naccept: text/event-stream\r\n\r\n"
        )
    };
    assert_eq!(events(&server.send(&get("subscription%7Bcount(to:1)%7D")).await.2).len(), 4);
    assert_eq!(server.send(&get("mutation%7Btouch%7D")).await.0, 405);
    assert_eq!(server.touched.times(), 1, "only the POST did something");
}

#[tokio::test]
async fn a_subscription_is_streamed_wherever_events_are_acceptable() {
    let server = Server::start(TransportSettings::default()).await;
    let accept = "content-type: application/json\r\naccept: application/json, text/event-stream;q=0.5\r\n";
    let (_, head, _) = server.post(accept, &body("subscription { count(to: 1) }")).await;
    assert!(head.contains("text/event-stream"));
    let (_, head, _) = server.post(accept, &body("{ hello }")).await;
    assert!(head.contains("application/json"));
    let accept = "content-type: application/json\r\naccept: text/event-stream;q=0\r\n";
    assert_eq!(server.post(accept, &body("subscription { count(to: 1) }")).await.0, 400);
}

#[tokio::test]
async fn what_does_not_start_is_a_next_with_errors_and_complete() {
    let server = Server::start(TransportSettings::default()).await;
    for query in ["{", "{ unknown }", "subscription { denied }", "subscription { a: silence b: silence }"] {
        let (status, _, answer) = server.post(EVENTS, &body(query)).await;
        let events = events(&answer);
        assert_eq!((status, events.len(), events[2]), (200, 4, "event: complete"), "{query}: {answer}");
        assert!(events[1].starts_with(r#"data: {"errors":"#) && events[1].contains("requestId"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_refused_before_it_is_read_has_a_status() {
    let server = Server::start(TransportSettings::default()).await;
    let bad = format!("{EVENTS}authorization: Bearer bad\r\n");
    let (status, head, answer) = server.post(&bad, &body("{ hello }")).await;
    assert_eq!(status, 401);
    assert!(head.contains("application/json") && answer.contains("UNAUTHENTICATED"));
    assert_eq!(server.post("accept: text/event-stream\r\n", &body("{ hello }")).await.0, 415);
    assert_eq!(server.post(EVENTS, "[]").await.0, 400);
    server.settings.shutdown.cancel();
    assert_eq!(server.post(EVENTS, &body("{ hello }")).await.0, 503);
}

#[tokio::test]
async fn silence_is_kept_alive_until_the_credential_ends() {
    let settings = SocketSettings { ping: SHORT, identity: SHORT, ..SocketSettings::default() };
    let server = server_with(settings).await;
    let good = format!("{EVENTS}authorization: Bearer good\r\n");
    let mut stream = server.open(&good, &body("subscription { silence }")).await;
    for _ in 0..3 {
        assert_eq!(stream.line().await.as_deref(), Some(":"));
    }
    server.revoke();
    let rest = stream.rest().await;
    assert!(rest.contains("does not hold any more") && !rest.contains("complete"), "{rest}");
}

#[tokio::test]
async fn a_stop_ends_streams_without_complete() {
    let server = Server::start(TransportSettings::default()).await;
    let mut stream = server.open(EVENTS, &body("subscription { silence }")).await;
    assert_eq!(stream.line().await.as_deref(), Some(":"), "it is under way");
    server.settings.shutdown.cancel();
    let rest = stream.rest().await;
    assert!(rest.contains("restarts") && !rest.contains("complete"), "{rest}");
    server.all_gone().await;
}

#[tokio::test]
async fn streams_and_sockets_are_counted_together() {
    let server = server_with(SocketSettings { per_actor: 2, ..SocketSettings::default() }).await;
    let good = format!("{EVENTS}authorization: Bearer good\r\n");
    let socket = server.signed_in().await;
    let mut stream = server.open(&good, &body("subscription { silence }")).await;
    assert_eq!(stream.line().await.as_deref(), Some(":"));
    let (status, _, answer) = server.post(&good, &body("subscription { silence }")).await;
    assert!(status == 429 && answer.contains("RATE_LIMITED"), "{answer}");
    drop((socket, stream));
    server.all_gone().await;
    assert_eq!(server.post(&good, &body("subscription { count(to: 1) }")).await.0, 200);
}

#[tokio::test]
async fn a_client_that_reads_nothing_gives_its_seat_back() {
    let server = server_with(SocketSettings { write: SHORT, ..SocketSettings::default() }).await;
    let _stream = server.open(EVENTS, &body("subscription { flood }")).await;
    server.all_gone().await;
}
