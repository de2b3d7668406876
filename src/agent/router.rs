//! Which path is which endpoint.

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::reply::{self, Refusal};
use super::session::Agent;
use super::{AgentSettings, config, enroll, log, read, write};
use crate::fleet::Fleet;

/// Where agents find the endpoints; the second is where other servers have them.
const PREFIXES: [&str; 2] = ["/api/osquery", "/api/v1/osquery"];

/// The agent face, for `/api/osquery/*` and `/api/v1/osquery/*`. Every response is one JSON object.
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
    let router =
        router.method_not_allowed_fallback(method_not_allowed).with_state(Agent::new(fleet, settings));
    answering_panics(router)
}

/// Answers an object also where a handler panics.
fn answering_panics(router: Router) -> Router {
    router.layer(CatchPanicLayer::custom(reply::after_panic))
}

async fn not_found(State(agent): State<Agent>, request: Request) -> Refusal {
    agent.refuse(request, Refusal::NotFound).await
}

async fn method_not_allowed(State(agent): State<Agent>, request: Request) -> Refusal {
    agent.refuse(request, Refusal::MethodNotAllowed).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_by_an_object() {
        async fn panics() -> Refusal {
            panic!("a fault of ours")
        }
        let router = answering_panics(Router::new().route("/", post(panics)));
        let request = Request::post("/").body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("no error");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let object: Value = serde_json::from_slice(&body).expect("JSON");
        assert!(object["error"].is_string());
    }
}
