//! POST distributed/read: what a host is asked now.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::reply::{self, Refusal};
use super::session::Agent;
use super::wire;
use crate::fleet::check_in::Offer;

/// Answers the live queries that await the host, by name; nothing most of the time.
pub(super) async fn read(State(agent): State<Agent>, request: Request) -> Result<Response, Refusal> {
    let session = agent.open(request, agent.settings.read_bytes).await?;
    let user_agent = session.user_agent.clone();
    let (host, _) = session.document()?;
    let offers = agent.fleet.offers(&host);
    if offers.is_empty() {
        return Ok(reply::done());
    }
    let as_string =
        wire::wants_accelerate_as_string(user_agent.as_ref().and_then(|agent| agent.to_str().ok()));
    let seconds = agent.fleet.settings.accelerate_s;
    let accelerate = if as_string { json!(seconds.to_string()) } else { json!(seconds) };
    Ok(reply::object(questions(&offers, &accelerate).to_string().into()))
}

/// The answer to a check-in that has queries.
fn questions(offers: &[Offer], accelerate: &Value) -> Value {
    let queries: Map<String, Value> =
        offers.iter().map(|offer| (wire::query_name(offer.campaign), json!(&*offer.sql))).collect();
    json!({ "queries": queries, "accelerate": accelerate })
}

#[cfg(test)]
mod tests {
    use entity::id::CampaignId;

    use super::*;

    #[test]
    fn queries_are_told_by_name_and_accelerate_last() {
        let offers = [
            Offer { campaign: CampaignId(2), sql: "select 'é'".into() },
            Offer { campaign: CampaignId(11), sql: "select 2".into() },
        ];
        assert_eq!(
            questions(&offers, &json!(60)).to_string(),
            r#"{"queries":{"campaign_000000000002":"select 'é'","campaign_000000000011":"select 2"},"accelerate":60}"#
        );
    }
}
