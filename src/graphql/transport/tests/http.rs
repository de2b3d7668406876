//! GraphQL over HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::Server;
use crate::graphql::transport::TransportSettings;

const JSON: &str = "content-type: application/json\r\n";

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

fn body(query: &str) -> String {
    json!({ "query": query }).to_string()
}

#[tokio::test]
async fn a_query_is_answered_by_post_and_by_get() {
    let server = Server::start(TransportSettings::default()).await;
    let (status, head, answer) = server.post(JSON, &body("{ hello }")).await;
    let cost = r#""extensions":{"cost":{"requested":1,"limit":10000,"remaining":9999,"resetAt":"1970-01-01T00:00:00.006Z"}}"#;
    assert_eq!((status, answer), (200, format!(r#"{{"data":{{"hello":"world"}},{cost}}}"#)));
    assert!(
        head.contains("content-type: application/json; charset=utf-8") && head.contains("x-request-id: req_")
    );
    let get = "GET /graphql?query=query+A+%7B+hello+%7D+query+B($n:Int!)%7Btwice(n:$n)%7D&operationName=B\
        &variables=%7B%22n%22:2%7D HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert!(server.send(get).await.2.starts_with(r#"{"data":{"twice":4},"#));
}

#[tokio::test]
async fn what_could_be_forged_by_a_page_has_no_effect() {
    let server = Server::start(TransportSettings::default()).await;
    let get = "GET /graphql?query=mutation%7Btouch%7D HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(server.send(get).await.0, 405);
    let mutation = body("mutation { touch }");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/json; charset=utf-16",
    ] {
        assert_eq!(server.post(&format!("content-type: {kind}\r\n"), &mutation).await.0, 415, "{kind}");
    }
    assert_eq!(server.post("", &mutation).await.0, 415);
    assert_eq!(server.post(&format!("{JSON}content-encoding: gzip\r\n"), &mutation).await.0, 415);
    assert_eq!(server.touched.times(), 0);
    let (status, head, _) = server.post(&format!("{JSON}origin: https://evil.example\r\n"), &mutation).await;
    assert_eq!((status, server.touched.times()), (200, 1));
    assert!(!head.contains("access-control"));
}

#[tokio::test]
async fn what_is_not_one_request_is_refused() {
    let server = Server::start(TransportSettings::default()).await;
    for bad in [
        "",
        "[]",
        "null",
        r#"[{"query":"{hello}"}]"#,
        "{}",
        r#"{"query":1}"#,
        r#"{"query":"{hello}","variables":"x"}"#,
    ] {
        let (status, _, answer) = server.post(JSON, bad).await;
        assert_eq!(status, 400, "{bad}");
        assert!(answer.contains("requestId") && answer.contains("BAD_REQUEST"), "{answer}");
    }
    assert_eq!(server.post(JSON, &body("subscription { silence }")).await.0, 400);
    assert_eq!(server.send("PUT /graphql HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.0, 405);
}

#[tokio::test]
async fn a_body_over_the_limit_is_cut_off_also_in_chunks() {
    let server = Server::start(TransportSettings { body_bytes: 1_000, ..TransportSettings::default() }).await;
    assert_eq!(server.post(JSON, &"x".repeat(1_001)).await.0, 413);
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1_000));
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{JSON}transfer-encoding: chunked\r\n\r\n"
    );
    assert_eq!(server.send(&format!("{head}{chunk}{chunk}")).await.0, 413);
}

#[tokio::test]
async fn a_bad_credential_is_never_anonymous() {
    let server = Server::start(TransportSettings::default()).await;
    let ask = async |authorization: &str| {
        server.post(&format!("{JSON}authorization: {authorization}\r\n"), &body("{ who }")).await
    };
    assert!(ask("Bearer good").await.2.starts_with(r#"{"data":{"who":"Ada"},"#));
    assert!(server.post(JSON, &body("{ who }")).await.2.starts_with(r#"{"data":{"who":"anonymous"},"#));
    for bad in ["Bearer bad", "Basic Z29vZA==", "Bearer", "good"] {
        assert_eq!(ask(bad).await.0, 401, "{bad}");
    }
    let (status, head, answer) = ask("Bearer down").await;
    assert_eq!(status, 503);
    assert!(head.contains("retry-after: 1") && answer.contains("SERVICE_UNAVAILABLE"));
}

#[tokio::test]
async fn refused_documents_have_no_data_and_the_status_of_the_media_type() {
    let server = Server::start(TransportSettings::default()).await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
        ("query($n: Int!) { twice(n: $n) }", "BAD_USER_INPUT"),
        ("subscription { a: silence b: silence }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let accept = format!("{JSON}accept: application/graphql-response+json\r\n");
        let (status, head, answer) = server.post(&accept, &body(query)).await;
        assert!(head.contains("content-type: application/graphql-response+json"));
        assert!(status == 400 && answer.contains(code) && !answer.contains("\"data\""), "{answer}");
        assert_eq!(server.post(JSON, &body(query)).await.0, 200);
    }
}

#[tokio::test]
async fn unknown_fields_are_answered_by_few_errors_without_suggestions() {
    let server = Server::start(TransportSettings::default()).await;
    let fields: Vec<_> = (0..900).map(|n| format!("hell{n}")).collect();
    let answer = server.query(&format!("{{ {} }}", fields.join(" "))).await;
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(20));
    assert!(!server.query("{ hell }").await.to_string().contains("Did you mean"));
}

#[tokio::test]
async fn faults_are_masked_and_leave_null_in_their_place() {
    let settings = TransportSettings { execution: Duration::from_millis(20), ..TransportSettings::default() };
    let server = Server::start(settings).await;
    let answer = server.query("{ hello fault user { name } }").await;
    assert_eq!(answer["data"], json!({ "hello": "world", "fault": null, "user": { "name": "a" } }));
    assert_eq!(answer["errors"][0]["message"], "internal error");
    assert_eq!(answer["errors"][0]["path"], json!(["fault"]));
    assert_eq!(code(&answer), "INTERNAL_SERVER_ERROR");
    assert_eq!(code(&server.query("{ panics }").await), "INTERNAL_SERVER_ERROR");
    assert_eq!(code(&server.query("{ never }").await), "TIMEOUT");
}

#[tokio::test]
async fn encoded_rows_are_sent_as_they_are() {
    let server = Server::start(TransportSettings::default()).await;
    assert_eq!(server.query("{ rows }").await["data"]["rows"], json!([{ "pid": "1" }]));
}

#[tokio::test]
async fn a_stopping_server_says_so() {
    let server = Server::start(TransportSettings::default()).await;
    server.settings.shutdown.cancel();
    assert_eq!(code(&server.query("{ hello }").await), "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn s51_a_token_in_the_address_is_refused() {
    let server = Server::start(TransportSettings::default()).await;
    let get = "GET /graphql?query=%7Bhello%7D&token=good HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(server.send(get).await.0, 400);
}
