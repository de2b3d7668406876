//! A campaign through the schema: from the selection to the events, with every edge on the way.

use std::sync::Arc;

use async_graphql::Value as GraphValue;
use bytes::Bytes;
use futures_util::StreamExt;

use super::*;
use crate::fleet::campaigns::{Answer, Chunk, Outcome};
use crate::fleet::enrollment::{EnrollRequest, Enrolled};
use crate::fleet::hosts::Platform;
use crate::fleet::roster::KnownHost;

const ROWS: &str = r#"[{"name":"web","size":null}]"#;

impl Asking {
    /// Enrolls a Linux host in a new team.
    async fn host(&self, name: &str) -> Arc<KnownHost> {
        let team = self.team(name).await;
        let query = "mutation($team: ID) { createEnrollSecret(input: {teamId: $team}) { secret } }";
        let made = self.data(query, json!({ "team": team })).await;
        let request = EnrollRequest {
            secret: made["createEnrollSecret"]["secret"].as_str().expect("the text is told once").to_owned(),
            host_identifier: name.to_owned(),
            platform: Some(Platform::Linux),
            hardware_uuid: None,
            hostname: Some(name.to_owned()),
            serial_number: None,
            os_version: None,
            osquery_version: None,
            instance_id: None,
            memory_bytes: Some(1 << 40),
        };
        let enrolled = self.fleet.enroll(request, [127, 0, 0, 1].into()).await.expect("the database answers");
        let Enrolled::Key(key) = enrolled else { panic!("not enrolled: {enrolled:?}") };
        self.fleet.known_host(&key).await.expect("the database answers").expect("the host is known")
    }

    /// Starts a campaign over `targets` and answers its payload.
    async fn start(&self, targets: Value) -> Value {
        let query = "mutation($targets: TargetsInput!) {
            startCampaign(input: {source: {sql: \"select 1\"}, targets: $targets}) {
                campaign { id status latestCursor totals { targeted outstanding rowsDropped }
                    selection { allHosts hostIds filter { teams { name } platforms } campaign { id } } }
                userErrors { __typename code path } } }";
        self.data(query, json!({ "targets": targets })).await["startCampaign"].take()
    }

    /// A chunk of [`ROWS`] as the answer of `host`.
    async fn answers(&self, host: &KnownHost, campaign: &Value) {
        let id = campaign["id"].as_str().expect("an id is a text").to_owned();
        let id = entity::id::PublicId(id);
        let found = self.fleet.campaigns_by_public_ids(&Actor::System, std::slice::from_ref(&id)).await;
        let outcome = Outcome::Rows {
            columns: vec!["name".to_owned(), "size".to_owned()],
            chunks: vec![Chunk { json: Bytes::from_static(ROWS.as_bytes()), rows: 1 }],
            rows_dropped: 0,
        };
        let answer = Answer { campaign: found.expect("it is stored")[&id].id, outcome, duration_ms: Some(3) };
        self.fleet.accept_answers(host, vec![answer]).await.expect("the answer is durable");
    }
}

#[tokio::test]
async fn a_selection_is_refused_or_kept_as_it_was_given() {
    let asking = Asking::admin().await;
    let refused =
        |code: &str, path: &[&str]| json!([{ "__typename": "InputError", "code": code, "path": path }]);
    let none = asking.start(json!({ "allHosts": false })).await;
    assert_eq!(none["userErrors"], refused("INVALID", &["targets", "allHosts"]));
    let nobody = asking.start(json!({ "allHosts": true })).await;
    assert_eq!(nobody["userErrors"][0]["code"], "NO_TARGETS");

    asking.host("a").await;
    let teams = "{ teams { nodes { id hosts { nodes { id memoryBytes team { name } } totalCount } } } }";
    let team = asking.data(teams, json!({})).await["teams"]["nodes"][0].take();
    let host = json!({ "id": team["hosts"]["nodes"][0]["id"], "memoryBytes": "1099511627776", "team": { "name": "a" } });
    assert_eq!(team["hosts"], json!({ "nodes": [host], "totalCount": 1 }));

    let filter = json!({ "teamIds": [team["id"]], "platforms": ["LINUX"] });
    let by_filter = asking.start(json!({ "filter": filter })).await["campaign"].take();
    let kept = json!({ "teams": [{ "name": "a" }], "platforms": ["LINUX"] });
    assert_eq!(by_filter["selection"]["filter"], kept, "{by_filter}");
    let by_id = asking.start(json!({ "hostIds": [host["id"]] })).await["campaign"].take();
    assert_eq!(by_id["selection"]["hostIds"], json!([host["id"]]));
    let again = asking.start(json!({ "campaign": { "campaignId": by_id["id"] } })).await["campaign"].take();
    assert_eq!(again["selection"]["campaign"]["id"], by_id["id"]);
    assert_eq!(again["totals"], json!({ "targeted": 1, "outstanding": 1, "rowsDropped": "0" }));
}

#[tokio::test]
async fn events_are_followed_and_paged_with_their_hosts() {
    let asking = Asking::admin().await;
    asking.fleet.start_engine();
    let host = asking.host("web").await;
    let campaign = asking.start(json!({ "allHosts": true })).await["campaign"].take();
    asking.answers(&host, &campaign).await;

    let query = "subscription($id: ID!) { campaignEvents(campaignId: $id) {
        isFinal status totals { succeeded rows } endCursor
        events { __typename cursor ... on CampaignHostRows { hostname rows host { team { name } labels { nodes { name } } } } } } }";
    let mut batches =
        asking.schema.execute_stream(asking.request(query, json!({ "id": campaign["id"] })), None);
    let mut events = Vec::new();
    while let Some(batch) = batches.next().await {
        assert!(batch.errors.is_empty(), "{:?}", batch.errors);
        let GraphValue::Object(mut data) = batch.data else { panic!("a batch is an object") };
        let Some(GraphValue::Object(batch)) = data.swap_remove("campaignEvents") else { panic!("no batch") };
        let GraphValue::List(shown) = &batch["events"] else { panic!("no events") };
        events.extend(shown.iter().cloned());
    }
    let [GraphValue::Object(rows), GraphValue::Object(ended)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(rows["rows"], GraphValue::Binary(Bytes::from_static(ROWS.as_bytes())), "spliced, not parsed");
    let edges = rows["host"].clone().into_json().expect("an edge is JSON");
    assert_eq!(edges["team"]["name"], "web");
    assert!(edges["labels"]["nodes"].as_array().is_some_and(|labels| !labels.is_empty()), "{edges}");
    assert_eq!(ended["__typename"], GraphValue::from("CampaignEnded"));

    let query = "query($id: ID!, $after: String) { node(id: $id) { ... on Campaign { status
        events(after: $after) { nodes { __typename cursor } pageInfo { hasNextPage endCursor } }
        targets { nodes { state rows host { hostname answers { nodes { campaign { id } rows } } } } totalCount } } } }";
    let cursor = rows["cursor"].clone().into_json().expect("a cursor is JSON");
    let paged = asking.data(query, json!({ "id": campaign["id"], "after": cursor })).await["node"].take();
    let end = ended["cursor"].clone().into_json().expect("a cursor is JSON");
    assert_eq!(paged["events"]["nodes"], json!([{ "__typename": "CampaignEnded", "cursor": end }]));
    assert_eq!(paged["events"]["pageInfo"], json!({ "hasNextPage": false, "endCursor": end }));
    let answers = json!({ "nodes": [{ "campaign": { "id": campaign["id"] }, "rows": 1 }] });
    let target =
        json!({ "state": "SUCCEEDED", "rows": 1, "host": { "hostname": "web", "answers": answers } });
    assert_eq!(paged["targets"], json!({ "nodes": [target], "totalCount": 1 }));
}

#[tokio::test]
async fn a_null_clears_and_what_is_left_out_stays() {
    let asking = Asking::admin().await;
    let create = "mutation { createSavedQuery(input: {name: \"a\", sql: \"select 1\", description: \"x\"}) {
        savedQuery { id version description } savedQueryEdge { cursor } } }";
    let made = asking.data(create, json!({})).await["createSavedQuery"].take();
    let query = &made["savedQuery"];
    let update = "mutation($input: UpdateSavedQueryInput!) { updateSavedQuery(input: $input) {
        savedQuery { name description version } userErrors { code } } }";
    let renamed = json!({ "input": { "id": query["id"], "expectedVersion": 1, "name": "b" } });
    let renamed = asking.data(update, renamed).await["updateSavedQuery"].take();
    assert_eq!(renamed["savedQuery"], json!({ "name": "b", "description": "x", "version": 2 }));
    let cleared = json!({ "input": { "id": query["id"], "description": null } });
    let cleared = asking.data(update, cleared).await["updateSavedQuery"].take();
    assert_eq!(cleared["savedQuery"]["description"], Value::Null);
    let late = json!({ "input": { "id": query["id"], "expectedVersion": 1, "name": "c" } });
    let late = asking.data(update, late).await["updateSavedQuery"].take();
    assert_eq!(late["userErrors"], json!([{ "code": "VERSION_CONFLICT" }]));

    let list = "query($after: String) { savedQueries(after: $after) { totalCount edges { cursor } } }";
    let all = asking.data(list, json!({})).await["savedQueries"].take();
    assert_eq!(all["edges"][0], made["savedQueryEdge"], "the edge of a new query is that of the list");
}
