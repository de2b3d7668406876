//! The agent contract, from the agent's side: what an answer means, and what is wrong with it.
//!
//! osquery never looks at the status and fails in strange ways: an empty body is a success, a body that is no object
//! may crash it, and `error` fails whatever its value. The simulated agent reads answers as osquery does, and counts
//! each breach that a real one would suffer from.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::catalog::Version;
use super::http::Reply;

/// The time within which every request must be answered.
const DEADLINE: Duration = Duration::from_secs(10);

/// The first version that reads `accelerate` as a number.
const TYPED_ACCELERATE: Version = Version(3, 2, 3);

/// A breach of the agent contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    EmptyBody,
    NotJson,
    NotAnObject,
    ErrorNotText,
    NodeInvalidNotBoolean,
    FailureWithoutError,
    Redirect,
    Compressed,
    Late,
    TooLarge,
    BadNodeKey,
    EmptyConfig,
    FractionInConfig,
    QueriesNotAnObject,
    QueryNotText,
    BadQueryId,
    BadAccelerate,
}

impl Violation {
    /// All of them, in order.
    pub(super) const ALL: [Self; 17] = [
        Self::EmptyBody,
        Self::NotJson,
        Self::NotAnObject,
        Self::ErrorNotText,
        Self::NodeInvalidNotBoolean,
        Self::FailureWithoutError,
        Self::Redirect,
        Self::Compressed,
        Self::Late,
        Self::TooLarge,
        Self::BadNodeKey,
        Self::EmptyConfig,
        Self::FractionInConfig,
        Self::QueriesNotAnObject,
        Self::QueryNotText,
        Self::BadQueryId,
        Self::BadAccelerate,
    ];

    /// What is wrong.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::EmptyBody => "empty body",
            Self::NotJson => "body is not JSON",
            Self::NotAnObject => "body is not a JSON object",
            Self::ErrorNotText => "error is not a text",
            Self::NodeInvalidNotBoolean => "node_invalid is not a boolean",
            Self::FailureWithoutError => "failure status without error",
            Self::Redirect => "redirect",
            Self::Compressed => "compressed without being asked",
            Self::Late => "answer after more than 10 s",
            Self::TooLarge => "body of more than 8 MiB",
            Self::BadNodeKey => "node_key is not a visible text",
            Self::EmptyConfig => "empty configuration",
            Self::FractionInConfig => "fraction in a configuration",
            Self::QueriesNotAnObject => "queries is not an object",
            Self::QueryNotText => "query is not a non-empty text",
            Self::BadQueryId => "query id has other characters than letters, digits, - and _",
            Self::BadAccelerate => "accelerate has the wrong type",
        }
    }
}

/// What an answer means to the agent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Success, with the members of the body.
    Accepted(Map<String, Value>),
    /// The node key is not known: enroll again.
    NodeInvalid,
    /// `error`: try again later.
    Refused,
    /// Nothing osquery can read: try again later.
    Unreadable,
}

/// What a reply means, and what is wrong with it.
pub(super) fn read(reply: &Reply) -> (Meaning, Vec<Violation>) {
    let mut violations = Vec::new();
    let mut breach = |is: bool, violation| violations.extend(is.then_some(violation));
    breach((300..400).contains(&reply.status), Violation::Redirect);
    breach(reply.compressed, Violation::Compressed);
    breach(reply.took > DEADLINE, Violation::Late);
    if reply.body.is_empty() {
        violations.push(Violation::EmptyBody);
        return (Meaning::Accepted(Map::new()), violations);
    }
    let members = match serde_json::from_slice(&reply.body) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return (Meaning::Unreadable, with(violations, Violation::NotAnObject)),
        Err(_) => return (Meaning::Unreadable, with(violations, Violation::NotJson)),
    };
    let (error, node_invalid) = (members.get("error"), members.get("node_invalid"));
    breach(error.is_some_and(|error| !error.is_string()), Violation::ErrorNotText);
    breach(node_invalid.is_some_and(|invalid| !invalid.is_boolean()), Violation::NodeInvalidNotBoolean);
    let says_why = error.is_some() || node_invalid == Some(&Value::Bool(true));
    breach(reply.status >= 400 && !says_why, Violation::FailureWithoutError);
    (meaning(members), violations)
}

/// What the members of a body mean.
fn meaning(members: Map<String, Value>) -> Meaning {
    if members.get("node_invalid") == Some(&Value::Bool(true)) {
        Meaning::NodeInvalid
    } else if members.contains_key("error") {
        Meaning::Refused
    } else {
        Meaning::Accepted(members)
    }
}

/// The list with one more.
fn with(mut violations: Vec<Violation>, violation: Violation) -> Vec<Violation> {
    violations.push(violation);
    violations
}

/// The node key of an enroll answer. Here `error` and `node_invalid` are not looked at.
pub(super) fn node_key(members: &Map<String, Value>) -> Result<Option<String>, Violation> {
    match members.get("node_key").or_else(|| members.get("id")) {
        None => Ok(None),
        Some(Value::String(key)) if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(key.clone()))
        }
        Some(_) => Err(Violation::BadNodeKey),
    }
}

/// What is wrong with a configuration.
pub(super) fn config(members: &Map<String, Value>) -> Vec<Violation> {
    fn has_fraction(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.is_f64(),
            Value::Array(items) => items.iter().any(has_fraction),
            Value::Object(members) => members.values().any(has_fraction),
            _ => false,
        }
    }
    let mut violations = Vec::new();
    if members.keys().all(|key| key == "node_invalid") {
        violations.push(Violation::EmptyConfig);
    }
    if members.values().any(has_fraction) {
        violations.push(Violation::FractionInConfig);
    }
    violations
}

/// What a read offers: queries by id, and how long to poll faster.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// SQL by id, in the order in which the agent runs them.
    pub(super) queries: BTreeMap<String, String>,
    /// How long to poll every 5 s from now on; zero ends it.
    pub(super) accelerate: Option<Duration>,
    /// What is wrong with the answer.
    pub(super) violations: Vec<Violation>,
}

/// Reads an offer as `version` of osquery does: it stops at the first bad query, and `accelerate` is lost with it.
pub(super) fn offer(members: &Map<String, Value>, version: Version) -> Offer {
    let mut offer = Offer::default();
    let empty = Map::new();
    let queries = match members.get("queries") {
        None => &empty,
        Some(Value::Object(queries)) => queries,
        Some(_) => {
            offer.violations.push(Violation::QueriesNotAnObject);
            &empty
        }
    };
    for (id, sql) in queries {
        if !is_id(id) {
            offer.violations.push(Violation::BadQueryId);
        }
        match sql.as_str() {
            Some(sql) if !sql.is_empty() && !id.is_empty() => {
                offer.queries.insert(id.clone(), sql.to_owned())
            }
            _ => {
                offer.violations.push(Violation::QueryNotText);
                return offer;
            }
        };
    }
    match members.get("accelerate").map(|value| seconds(value, version)) {
        None => {}
        Some(Some(seconds)) => offer.accelerate = Some(Duration::from_secs(seconds)),
        Some(None) => offer.violations.push(Violation::BadAccelerate),
    }
    offer
}

/// Whether an id is safe for every version.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The seconds of `accelerate`: an integer, and before 3.2.3 a text; less than zero ends it like zero.
fn seconds(value: &Value, version: Version) -> Option<u64> {
    let number = match value {
        Value::String(text) if version < TYPED_ACCELERATE => text.parse().ok(),
        Value::Number(number) if version >= TYPED_ACCELERATE => number.as_i64(),
        _ => None,
    };
    number.map(|seconds: i64| u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests;
