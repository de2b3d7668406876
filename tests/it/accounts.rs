//! Accounts: setup, passwords, tokens, keys and cookies, by the numbers of the checks that they must pass.

mod canary;
mod cookies;
mod passwords;
mod setup;
mod sign_in;
mod tokens;

use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::wire::{self, Response};
use crate::harness::within_deadline;

/// Who somebody is.
const VIEWER: &str = "{ viewer { role actor { displayName } } }";

/// Whether the server knows the person's credential.
async fn is_known(person: &Person) -> bool {
    let response = person.post(&json!({ "query": VIEWER })).await;
    match response.status {
        200 => response.json()["data"]["viewer"].is_object(),
        401 => false,
        other => panic!("{other}: {}", String::from_utf8_lossy(&response.body)),
    }
}

/// The same person with another token.
fn with_token(person: &Person, token: &Value) -> Person {
    let token = token.as_str().unwrap_or_else(|| panic!("no token: {token}"));
    Person { token: Some(token.to_owned()), ..person.clone() }
}

/// Posts an operation with these headers beside the usual ones.
async fn post(person: &Person, headers: &[(&str, &str)], query: &str, variables: Value) -> Response {
    let mut all = vec![("Content-Type", "application/json"), ("Accept", "application/json")];
    all.extend(headers);
    let body = json!({ "query": query, "variables": variables }).to_string();
    let request = wire::request("POST", "/graphql", &all, body.as_bytes());
    within_deadline("an answer", wire::exchange(person.server, &request)).await.expect("it answers")
}
