//! Single requests of an agent, byte by byte, for what a faithful agent would never send.

use std::net::SocketAddr;

use serde_json::{Map, Value};

use crate::harness::{wire, within_deadline};

/// The five endpoints.
pub const ENDPOINTS: [&str; 5] = ["enroll", "config", "distributed/read", "distributed/write", "log"];

/// Posts a body to an endpoint with osquery's usual headers and these.
pub async fn post(
    server: SocketAddr,
    endpoint: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> wire::Response {
    let mut all = vec![("Content-Type", "application/json"), ("Accept", "application/json")];
    all.extend_from_slice(headers);
    send(server, &wire::request("POST", &format!("/api/osquery/{endpoint}"), &all, body.as_ref())).await
}

/// Sends a request as it is.
pub async fn send(server: SocketAddr, request: &[u8]) -> wire::Response {
    within_deadline("an answer to an agent", wire::exchange(server, request))
        .await
        .expect("the server answers")
}

/// The members of a response; ends the test where the body is not one JSON object.
#[track_caller]
pub fn object(response: &wire::Response) -> Map<String, Value> {
    match serde_json::from_slice(&response.body) {
        Ok(Value::Object(members)) => members,
        _ => {
            panic!("status {}: not an object: {:?}", response.status, String::from_utf8_lossy(&response.body))
        }
    }
}

/// Checks that an agent reads success: an object without `error` and without `node_invalid`.
#[track_caller]
pub fn assert_success(response: &wire::Response) {
    let members = object(response);
    assert!(!members.contains_key("error"), "{members:?}");
    assert_ne!(members.get("node_invalid"), Some(&Value::Bool(true)), "{members:?}");
}

/// Checks that an agent keeps what it has and tries again, with the same key.
#[track_caller]
pub fn assert_retry(response: &wire::Response) {
    let members = object(response);
    assert!(members.contains_key("error"), "{members:?}");
    assert_ne!(members.get("node_invalid"), Some(&Value::Bool(true)), "{members:?}");
}

/// Checks that an agent drops its key and enrolls.
#[track_caller]
pub fn assert_node_invalid(response: &wire::Response) {
    assert_eq!(object(response).get("node_invalid"), Some(&Value::Bool(true)));
}
