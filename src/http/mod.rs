//! Listeners, and what is neither agent nor GraphQL: health, readiness, version, metrics.

pub mod listener;
pub mod tls;

mod health;

use std::any::Any;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

pub use listener::{Door, Patience, run};
pub use tls::Tls;

use crate::fleet::Fleet;
use crate::telemetry::PrometheusHandle;

/// Everything that is served at one address: both faces and the operator's paths. Whatever is not found, and
/// whatever panics, is answered by a JSON object, as agents need it.
pub fn router(fleet: Fleet, metrics: PrometheusHandle, agent: Router, graphql: Router) -> Router {
    let operator = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(move |State(fleet)| render(metrics.clone(), fleet)))
        .with_state(fleet)
        .route("/version", get(version));
    finished(operator.merge(agent).merge(graphql))
}

/// The agent face alone.
pub fn agent_router(agent: Router) -> Router {
    finished(agent)
}

/// Answers what is not found and what panics, and counts.
fn finished(routes: Router) -> Router {
    let routes = routes.fallback(not_found);
    routes.layer(CatchPanicLayer::custom(panicked)).layer(middleware::from_fn(count))
}

/// Counts answers by route and status.
async fn count(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let route = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let status = response.status().as_u16().to_string();
    metrics::counter!("muster_http_requests_total", "route" => route, "status" => status).increment(1);
    response
}

async fn version() -> impl IntoResponse {
    Json(json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }))
}

async fn render(metrics: PrometheusHandle, fleet: Fleet) -> impl IntoResponse {
    let degraded = fleet.degraded().await;
    for part in Fleet::PARTS {
        let is_degraded = f64::from(u8::from(degraded.contains(part)));
        metrics::gauge!("muster_degraded", "part" => *part).set(is_degraded);
    }
    metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "nothing is here" })))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let message = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = message.unwrap_or("without a message"), "a request handler panicked");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "internal error" }))).into_response()
}
