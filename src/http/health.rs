//! Liveness and readiness.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;

use crate::fleet::Fleet;

/// 200 while the process lives: it depends on nothing, or orchestrators would restart in a loop.
pub(super) async fn alive() -> impl IntoResponse {
    Json(json!({ "status": "ok" }))
}

/// 200 while agents can be answered, if only with an error that they retry; what is degraded is in the body.
pub(super) async fn ready(State(fleet): State<Fleet>) -> impl IntoResponse {
    let degraded = fleet.degraded().await;
    let status = if degraded.is_empty() { "ok" } else { "degraded" };
    Json(json!({ "status": status, "degraded": degraded }))
}
