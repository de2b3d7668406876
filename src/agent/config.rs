//! POST config: what a host is to run.

use axum::extract::{Request, State};
use axum::response::Response;

use super::reply::{self, Refusal};
use super::session::Agent;

/// Answers the host's configuration object.
pub(super) async fn config(State(agent): State<Agent>, request: Request) -> Result<Response, Refusal> {
    let session = agent.open(request, agent.settings.read_bytes).await?;
    let (host, _) = session.document()?;
    Ok(reply::object(agent.fleet.osquery_config(&host)))
}
