//! POST config: what a host is to run.

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;

use super::document::Member;
use super::reply::{self, Refusal};
use super::session::Agent;
use crate::fleet::presence::ContactKind;

/// What an agent is told that has its configuration already; never the etag of one.
const UNCHANGED: &[u8] = br#"{"etag":"ok"}"#;

/// Answers the host's configuration object. An agent that sends a member `etag`, empty at first, is told one with it, and
/// only that nothing changed when it shows the right one.
pub(super) async fn config(State(agent): State<Agent>, request: Request) -> Result<Response, Refusal> {
    let session = agent.open(request, ContactKind::Config, agent.settings.read_bytes).await?;
    let (host, document) = session.document()?;
    let served = agent.ask(agent.fleet.osquery_config(&host)).await?;
    let body = match document.string(Member::Etag) {
        None => served.text.clone(),
        Some(etag) if etag == served.etag => Bytes::from_static(UNCHANGED),
        Some(_) => served.tagged.clone(),
    };
    Ok(reply::object(body))
}
