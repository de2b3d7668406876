//! Which path is which endpoint.

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, post};

use super::reply::Refusal;
use super::session::Agent;
use super::{AgentSettings, config, enroll, log, read, write};
use crate::fleet::Fleet;

/// Where agents find the endpoints; the second is where other servers have them.
const PREFIXES: [&str; 2] = ["/api/osquery", "/api/v1/osquery"];

/// The agent face, for `/api/osquery/*` and `/api/v1/osquery/*`. Every response is one JSON object; a
/// panic is answered so by whoever serves the router.
pub fn router(fleet: Fleet, settings: AgentSettings) -> Router {
    let endpoints: [(&str, MethodRouter<Agent>); 5] = [
        ("enroll", post(enroll::enroll)),
        ("config", post(config::config)),
        ("distributed/read", post(read::read)),
        ("distributed/write", post(write::write)),
        ("log", post(log::log)),
    ];
    let mut router = Router::new();
    for prefix in PREFIXES {
        for (path, endpoint) in &endpoints {
            router = router
                .route(&format!("{prefix}/{path}"), endpoint.clone())
                .route(&format!("{prefix}/{path}/"), endpoint.clone());
        }
        for unknown in [prefix.to_owned(), format!("{prefix}/"), format!("{prefix}/{{*path}}")] {
            router = router.route(&unknown, axum::routing::any(not_found));
        }
    }
    router.method_not_allowed_fallback(method_not_allowed).with_state(Agent::new(fleet, settings))
}

async fn not_found(State(agent): State<Agent>, request: Request) -> Refusal {
    agent.refuse(request, Refusal::NotFound).await
}

async fn method_not_allowed(State(agent): State<Agent>, request: Request) -> Refusal {
    agent.refuse(request, Refusal::MethodNotAllowed).await
}
