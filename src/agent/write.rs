//! POST distributed/write: what a host answered.

use axum::extract::{Request, State};
use axum::response::Response;
use entity::id::CampaignId;

use super::answers;
use super::failure;
use super::reply::{self, Refusal};
use super::session::{Agent, Content};
use super::skim::Skim;
use crate::fleet::campaigns::{Answer, Outcome};
use crate::fleet::offload::offload;
use crate::fleet::presence::ContactKind;
use crate::fleet::roster::KnownHost;

/// Makes the answers durable, then thanks. What can never be accepted is thanked for too, or the agent would repeat
/// it for ever together with every answer that follows.
pub(super) async fn write(State(agent): State<Agent>, request: Request) -> Result<Response, Refusal> {
    let session = agent.open(request, ContactKind::CheckIn, agent.settings.write_bytes).await?;
    let host = session.host;
    agent.fleet.host_answers(&host);
    match session.content {
        Content::Whole(document) => {
            // The document comes back too: it holds its share of the memory until its answers are durable.
            let (brought, _document) =
                offload(document.len(), move || (answers::decode(&document), document)).await;
            let due = agent.ask(agent.fleet.accept_due(&host, brought.due));
            tokio::try_join!(accept(&agent, &host, brought.campaigns), due)?;
            agent.fleet.note_query_costs(host.id, brought.costs);
            Ok(reply::done())
        }
        Content::Over { skim, ended } => {
            tracing::warn!(host.id = host.id.0, "answers were dropped: the body is too large");
            accept(&agent, &host, too_large(&agent, &host, skim)).await?;
            if ended { Ok(reply::done()) } else { Err(Refusal::TooSlow) }
        }
    }
}

async fn accept(agent: &Agent, host: &KnownHost, answers: Vec<Answer>) -> Result<(), Refusal> {
    if answers.is_empty() {
        return Ok(());
    }
    agent.ask(agent.fleet.accept_answers(host, answers)).await
}

/// A failed answer for each campaign that was seen in the body, or else was last offered to the host, so that it is
/// not asked the same again.
fn too_large(agent: &Agent, host: &KnownHost, skim: Skim) -> Vec<Answer> {
    let was_due = skim.saw_due();
    let mut campaigns: Vec<CampaignId> = skim.into_campaigns().into_iter().collect();
    if campaigns.is_empty() && !was_due {
        campaigns = agent.fleet.last_offered(host);
    }
    let answer =
        |campaign| Answer { campaign, outcome: Outcome::Failed(failure::too_large()), duration_ms: None };
    campaigns.into_iter().map(answer).collect()
}
