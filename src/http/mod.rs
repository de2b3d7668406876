//! Listeners, and what is neither agent nor GraphQL: health, readiness, version, metrics.
//!
//! In reading order: the accept loop of a [`listener`] takes a place of [`places`] for each connection, as many as
//! [`descriptors`] has room for; `connection` speaks HTTP/1.1 over its `stream` and cuts off who falls behind its
//! `pace`; `front` receives each request, from the source that `source` finds, and `counts` it.

pub mod descriptors;
pub mod listener;
pub mod places;
pub mod tls;

mod connection;
mod counts;
mod front;
mod health;
mod pace;
mod scrape;
mod source;
mod stream;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

pub use front::Front;
pub use health::Lifecycle;
pub use listener::{Door, run};
pub use pace::Patience;
pub use places::{Limits, Places};
pub use scrape::Scrape;
pub use tls::{Clients, Tls};

use crate::fleet::Fleet;

/// Everything that is served at one address: both faces and the operator's paths. Whatever is not found, and
/// whatever panics, is answered by a JSON object, as agents need it.
pub fn router(
    front: &Front,
    (fleet, lifecycle, scrape): (Fleet, Lifecycle, Scrape),
    agent: Router,
    graphql: Router,
) -> Router {
    let operator = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state((fleet.clone(), lifecycle)))
        .route("/metrics", get(scrape::show).with_state((fleet, scrape)))
        .route("/version", get(version));
    finished(front, operator.merge(front.guarding(agent)).merge(graphql))
}

/// The agent face alone.
pub fn agent_router(front: &Front, agent: Router) -> Router {
    finished(front, front.guarding(agent))
}

/// Answers what is not found; every request passes the front.
fn finished(front: &Front, routes: Router) -> Router {
    routes.fallback(not_found).layer(front.clone())
}

async fn version() -> impl IntoResponse {
    Json(json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }))
}

async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "nothing is here" })))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::any;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_on_any_route_is_answered_by_an_object() {
        let routes = ["/api/osquery/config", "/graphql", "/metrics"]
            .into_iter()
            .fold(Router::new(), |router, path| {
                router.route(path, any(async || -> &'static str { panic!("a fault of ours") }))
            });
        let served = finished(&Front::new(crate::config::Networks::default(), false), routes);
        for path in ["/api/osquery/config", "/graphql", "/metrics"] {
            let request = Request::post(path).body(Body::empty()).expect("a request");
            let response = served.clone().oneshot(request).await.expect("no error");
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            assert!(response.headers().contains_key("x-request-id"), "{path}");
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let object: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert!(object["error"].is_string(), "{path}");
        }
    }
}
