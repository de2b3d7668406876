//! POST distributed/read: what a host is asked now.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::reply::{self, Refusal};
use super::session::Agent;
use super::wire;
use crate::fleet::due::Questions;
use crate::fleet::presence::ContactKind;

/// Answers the live queries that await the host, by name; nothing most of the time.
pub(super) async fn read(State(agent): State<Agent>, request: Request) -> Result<Response, Refusal> {
    let session = agent.open(request, ContactKind::CheckIn, agent.settings.read_bytes).await?;
    let user_agent = session.user_agent.clone();
    let (host, _) = session.document()?;
    let asked = agent.fleet.questions(&host).await;
    if asked.is_empty() {
        return Ok(reply::done());
    }
    let as_string =
        wire::wants_accelerate_as_string(user_agent.as_ref().and_then(|agent| agent.to_str().ok()));
    let seconds = agent.fleet.settings.accelerate_s;
    let accelerate = if as_string { json!(seconds.to_string()) } else { json!(seconds) };
    let accelerate = asked.is_urgent.then_some(accelerate);
    Ok(reply::object(questions(&asked, accelerate).to_string().into()))
}

/// The answer to a check-in that has queries.
fn questions(asked: &Questions, accelerate: Option<Value>) -> Value {
    let of_campaigns = asked.campaigns.iter();
    let of_campaigns = of_campaigns.map(|offer| (wire::query_name(offer.campaign), json!(&*offer.sql)));
    let due = asked.due.iter().map(|offer| (wire::due_name(offer.kind, &offer.key), json!(&*offer.sql)));
    let queries: Map<String, Value> = of_campaigns.chain(due).collect();
    match accelerate {
        Some(accelerate) => json!({ "queries": queries, "accelerate": accelerate }),
        None => json!({ "queries": queries }),
    }
}

#[cfg(test)]
mod tests {
    use entity::id::CampaignId;

    use super::*;
    use crate::fleet::check_in::Offer;
    use crate::fleet::due::{DueKind, DueOffer};

    #[test]
    fn queries_are_told_by_name_and_accelerate_last() {
        let campaigns = vec![
            Offer { campaign: CampaignId(2), sql: "select 'é'".into() },
            Offer { campaign: CampaignId(11), sql: "select 2".into() },
        ];
        let asked = Questions { campaigns, ..Questions::default() };
        assert_eq!(
            questions(&asked, Some(json!(60))).to_string(),
            r#"{"queries":{"campaign_000000000002":"select 'é'","campaign_000000000011":"select 2"},"accelerate":60}"#
        );
        let due = vec![DueOffer { kind: DueKind::Vital, key: "uptime".into(), sql: "select 3".into() }];
        let asked = Questions { due, ..Questions::default() };
        assert_eq!(questions(&asked, None).to_string(), r#"{"queries":{"vital_uptime":"select 3"}}"#);
    }
}
