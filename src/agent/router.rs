//! Which path is which endpoint.

use axum::Router;

use super::AgentSettings;
use crate::fleet::Fleet;

/// The agent face, for `/api/osquery/*` and `/api/v1/osquery/*`.
pub fn router(_fleet: Fleet, _settings: AgentSettings) -> Router {
    Router::new()
}
