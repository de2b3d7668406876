//! What osquery makes of a response: by its body alone.

use serde_json::{Map, Value};

use crate::harness::wire::Response;

/// Hard limit of a body.
const BODY: usize = 8 << 20;

/// Hard limit of all headers.
const HEADERS: usize = 8 << 10;

/// Why a request counts as failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The body is not JSON.
    #[error("Cannot parse JSON: {0}")]
    Parse(String),
    /// The body has a member `error`.
    #[error("Request failed: {0}")]
    Error(String),
    /// The key is not known.
    #[error("Invalid node key")]
    NodeInvalid,
}

/// Parses a response. What would crash a real agent, or make it lose data that it should keep, ends the test.
pub fn parse(endpoint: &str, response: &Response) -> Result<Map<String, Value>, Failure> {
    let shown = String::from_utf8_lossy(&response.body);
    assert!(response.status >= 200, "{endpoint}: a 1xx is a success without a body to an agent");
    assert!(!(300..400).contains(&response.status), "{endpoint}: an agent follows redirects in clear text");
    assert!(response.header("content-encoding").is_none(), "{endpoint}: agents take no compressed answer");
    assert!(response.body.len() < BODY, "{endpoint}: the body is over the limit of the agent");
    let headers: usize = response.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    assert!(headers < HEADERS, "{endpoint}: the headers are over the limit of the agent");
    let status = response.status;
    assert!(!response.body.is_empty(), "{endpoint}: status {status} without a body is a success to an agent");
    let value: Value =
        serde_json::from_slice(&response.body).map_err(|error| Failure::Parse(error.to_string()))?;
    let Value::Object(members) = value else {
        panic!("{endpoint}: an agent crashes on a body that is no object: {shown}");
    };
    if members.get("node_invalid") == Some(&Value::Bool(true)) {
        return Err(Failure::NodeInvalid);
    }
    match members.get("error") {
        Some(error) => Err(Failure::Error(error.to_string())),
        None => Ok(members),
    }
}

/// The key in the answer to an enrollment: `node_key`, or `id` where that is absent.
pub fn node_key(members: &Map<String, Value>) -> Option<String> {
    let key = members.get("node_key").or_else(|| members.get("id"))?;
    key.as_str().filter(|key| !key.is_empty()).map(str::to_owned)
}

/// The queries in the answer to a read, in the order they run: by id. Reading stops at what is no text.
pub fn queries(members: &Map<String, Value>) -> Vec<(String, String)> {
    let Some(Value::Object(queries)) = members.get("queries") else { return Vec::new() };
    let text = |(id, sql): (&String, &Value)| {
        let sql = sql.as_str().filter(|sql| !sql.is_empty() && !id.is_empty())?;
        Some((id.clone(), sql.to_owned()))
    };
    let mut pending: Vec<_> = queries.iter().map_while(text).collect();
    pending.sort();
    pending
}
