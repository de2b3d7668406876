//! Counts of answers: by route and status, and for agents by endpoint and what it meant.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram};

/// Where the routes of agents begin.
const AGENT_PREFIXES: [&str; 2] = ["/api/osquery/", "/api/v1/osquery/"];
/// The endpoints of agents, as routes end and as they are called in metrics.
const ENDPOINTS: [(&str, &str); 5] = [
    ("enroll", "enroll"),
    ("config", "config"),
    ("distributed/read", "read"),
    ("distributed/write", "write"),
    ("log", "log"),
];

/// Counters of every route and status that was answered: both are of few kinds.
#[derive(Default)]
pub(super) struct Counts(RwLock<HashMap<String, HashMap<StatusCode, Counted>>>);

/// What an answer is counted by.
struct Counted {
    answers: Counter,
    duration: Histogram,
    agent: Option<Counter>,
}

impl Counts {
    /// Counts an answer.
    pub(super) fn note(&self, route: &str, status: StatusCode, took: Duration) {
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(counted) = known.get(route).and_then(|of_route| of_route.get(&status)) {
                return counted.note(took);
            }
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let of_route = known.entry(route.to_owned()).or_default();
        of_route.entry(status).or_insert_with(|| Counted::new(route, status)).note(took);
    }
}

impl Counted {
    fn new(route: &str, status: StatusCode) -> Self {
        let (path, code) = (route.to_owned(), status.as_u16().to_string());
        Self {
            answers: metrics::counter!("muster_http_requests_total", "route" => path.clone(), "status" => code),
            duration: metrics::histogram!("muster_http_request_duration_seconds", "route" => path),
            agent: endpoint(route).map(|endpoint| {
                let outcome = outcome(endpoint, status);
                metrics::counter!("muster_agent_requests_total", "endpoint" => endpoint, "outcome" => outcome)
            }),
        }
    }

    fn note(&self, took: Duration) {
        self.answers.increment(1);
        self.duration.record(took);
        if let Some(agent) = &self.agent {
            agent.increment(1);
        }
    }
}

/// Whether a route is one of agents.
pub(super) fn is_of_agents(route: &str) -> bool {
    AGENT_PREFIXES.iter().any(|prefix| route.starts_with(prefix))
}

/// The endpoint of an agent's route.
fn endpoint(route: &str) -> Option<&'static str> {
    let rest = AGENT_PREFIXES.iter().find_map(|prefix| route.strip_prefix(prefix))?;
    let rest = rest.trim_end_matches('/');
    ENDPOINTS.iter().find(|(path, _)| *path == rest).map(|(_, name)| *name)
}

/// What an answer meant to an agent.
fn outcome(endpoint: &str, status: StatusCode) -> &'static str {
    match status {
        StatusCode::OK => "ok",
        StatusCode::UNAUTHORIZED if endpoint == "enroll" => "wrong_secret",
        StatusCode::UNAUTHORIZED => "node_invalid",
        StatusCode::FORBIDDEN => "no_certificate",
        StatusCode::REQUEST_TIMEOUT => "too_slow",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::TOO_MANY_REQUESTS => "too_often",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_client_error() => "malformed",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_under_every_name() {
        assert_eq!(endpoint("/api/osquery/distributed/read"), Some("read"));
        assert_eq!(endpoint("/api/v1/osquery/enroll/"), Some("enroll"));
        for other in ["/api/osquery/{*path}", "/api/osquery", "/graphql", "none"] {
            assert_eq!(endpoint(other), None, "{other}");
        }
    }

    #[test]
    fn a_wrong_secret_is_no_invalid_node() {
        assert_eq!(outcome("enroll", StatusCode::UNAUTHORIZED), "wrong_secret");
        assert_eq!(outcome("read", StatusCode::UNAUTHORIZED), "node_invalid");
        assert_eq!(outcome("log", StatusCode::INTERNAL_SERVER_ERROR), "failed");
        assert_eq!(outcome("log", StatusCode::UNSUPPORTED_MEDIA_TYPE), "malformed");
    }
}
