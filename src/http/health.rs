//! Liveness and readiness.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;

/// Whether this server is on its way out. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<std::sync::OnceLock<CancellationToken>>);

impl Lifecycle {
    /// Serving has begun, and ends with `shutdown`.
    pub fn begin(&self, shutdown: CancellationToken) {
        // A second serving of the same application would be the only failure.
        drop(self.0.set(shutdown));
    }

    fn is_stopping(&self) -> bool {
        self.0.get().is_some_and(CancellationToken::is_cancelled)
    }
}

/// 200 while the process lives: it depends on nothing, or orchestrators would restart in a loop.
pub(super) async fn alive() -> impl IntoResponse {
    Json(json!({ "status": "ok" }))
}

/// 200 while agents can be answered, if only with an error that they retry; what is degraded is in the body. 503
/// while what is in the database is being loaded, and once the server is stopping: then others should be asked. A
/// database that is away at the start is away for all: without any server a proxy might answer agents by itself.
pub(super) async fn ready(State((fleet, lifecycle)): State<(Fleet, Lifecycle)>) -> impl IntoResponse {
    let degraded = fleet.degraded().await;
    let is_away = degraded.contains(&"database");
    let (code, status) = match () {
        () if lifecycle.is_stopping() => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        () if !fleet.is_loaded() && !is_away => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        () if degraded.is_empty() => (StatusCode::OK, "ok"),
        () => (StatusCode::OK, "degraded"),
    };
    (code, Json(json!({ "status": status, "degraded": degraded })))
}
