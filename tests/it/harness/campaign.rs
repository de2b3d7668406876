//! Live queries as a person sees them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::personas::Person;
use super::socket::{Subscription, Told};

/// Counters, all of them.
pub const TOTALS: &str = "totals { targeted responded succeeded failed outstanding rows rowsDropped }";

/// Fields of an event that do not depend on when it is read.
pub const EVENT: &str = "__typename cursor occurredAt
    ... on CampaignHostRows { hostId hostname columns rows chunk isLastChunk rowsDropped durationMs }
    ... on CampaignHostError { hostId hostname code message }
    ... on CampaignEnded { endedAs: status totals { targeted responded succeeded failed outstanding rows rowsDropped } }";

impl Person {
    /// Starts a live query on all hosts, for an hour, and answers its id.
    #[track_caller]
    pub fn start(&self, sql: &str) -> impl Future<Output = String> {
        self.start_on(sql, json!({ "allHosts": true }))
    }

    /// Starts a live query on a selection and answers its id.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "calls read better without a reference")]
    pub fn start_on(&self, sql: &str, targets: Value) -> impl Future<Output = String> {
        let caller = std::panic::Location::caller();
        let input = json!({ "source": { "sql": sql }, "targets": targets });
        async move {
            let payload = self.mutate("startCampaign", "campaign { id }", input).await;
            let id = payload["campaign"]["id"].as_str();
            id.unwrap_or_else(|| panic!("{caller}: {payload}")).to_owned()
        }
    }

    /// Stops a live query; answers the payload.
    pub async fn stop(&self, id: &str) -> Value {
        self.mutate("stopCampaign", "campaign { id status endedAt }", json!({ "campaignId": id })).await
    }

    /// A live query: status and counters.
    pub async fn campaign(&self, id: &str) -> Value {
        let query = format!(
            "query($id: ID!) {{ node(id: $id) {{ ... on Campaign {{
                id status latestCursor onlineOutstanding endedAt expiresAt {TOTALS} }} }} }}"
        );
        self.ask(&query, json!({ "id": id })).await["node"].clone()
    }

    /// All events of a live query after a cursor, read as pages of `first`.
    pub async fn events(&self, id: &str, mut after: Option<String>, first: u32) -> Vec<Value> {
        let query = format!(
            "query($id: ID!, $first: Int!, $after: String) {{ node(id: $id) {{ ... on Campaign {{
                events(first: $first, after: $after) {{
                    nodes {{ {EVENT} }} pageInfo {{ hasNextPage endCursor }} }} }} }} }}"
        );
        let mut events = Vec::new();
        loop {
            let variables = json!({ "id": id, "first": first, "after": after });
            let page = self.ask(&query, variables).await["node"]["events"].clone();
            events.extend(page["nodes"].as_array().expect("a list").iter().cloned());
            if page["pageInfo"]["hasNextPage"] != true {
                return events;
            }
            after = page["pageInfo"]["endCursor"].as_str().map(str::to_owned);
        }
    }

    /// Follows a live query from its beginning, or after a cursor.
    pub async fn follow(&self, id: &str, after: Option<&str>) -> Viewing {
        self.follow_in_batches(id, after, 100).await
    }

    /// As [`Self::follow`], with at most so many events in a batch.
    pub async fn follow_in_batches(&self, id: &str, after: Option<&str>, most: u32) -> Viewing {
        let query = format!(
            "subscription($id: ID!, $after: String, $most: Int!) {{
                campaignEvents(campaignId: $id, after: $after, maxBatchSize: $most, maxDelayMs: 0) {{
                    events {{ {EVENT} }} endCursor {TOTALS} status isFinal }} }}"
        );
        let variables = json!({ "id": id, "after": after, "most": most });
        Viewing {
            subscription: self.subscribe(&query, variables).await,
            events: Vec::new(),
            last: Value::Null,
        }
    }
}

/// Somebody who watches.
pub struct Viewing {
    /// The subscription.
    pub subscription: Subscription,
    /// Every event so far.
    pub events: Vec<Value>,
    /// The newest batch: cursor, counters, state.
    pub last: Value,
}

impl Viewing {
    /// Waits for a batch; false when the stream is complete.
    pub async fn batch(&mut self) -> bool {
        let told = self.subscription.next().await;
        self.take(told).unwrap_or_else(|broken| panic!("the stream broke: {broken:?}"))
    }

    /// Takes in what was told; false when the stream is complete.
    fn take(&mut self, told: Told) -> Result<bool, Told> {
        match told {
            Told::Next(result) if result.get("errors").is_none() => {
                self.last = result["data"]["campaignEvents"].clone();
                self.events.extend(self.last["events"].as_array().expect("a list").iter().cloned());
                Ok(true)
            }
            Told::Complete => Ok(false),
            broken => Err(broken),
        }
    }

    /// Watches to the end, and comes again after its cursor whenever the stream breaks.
    #[expect(clippy::wrong_self_convention, reason = "it goes to the end, and converts nothing")]
    pub async fn to_the_end_over_breaks(mut self, viewer: &Person, id: &str) -> Vec<Value> {
        loop {
            let told = self.subscription.next().await;
            match self.take(told) {
                Ok(true) => {}
                Ok(false) => return self.events,
                Err(_) => self.subscription = viewer.follow(id, Some(&self.cursor())).await.subscription,
            }
        }
    }

    /// As [`Self::batch`]; none where the stream broke, as it does when its server goes.
    pub async fn try_batch(&mut self) -> Option<bool> {
        match self.subscription.next().await {
            Told::Next(result) if result.get("errors").is_none() => {
                self.last = result["data"]["campaignEvents"].clone();
                self.events.extend(self.last["events"].as_array().expect("a list").iter().cloned());
                Some(true)
            }
            Told::Complete => Some(false),
            _ => None,
        }
    }

    /// Watches until so many events were seen in all.
    pub async fn until_events(&mut self, count: usize) {
        while self.events.len() < count {
            assert!(self.batch().await, "the stream ended after {} of {count} events", self.events.len());
        }
    }

    /// Watches to the end, and answers all events.
    #[expect(clippy::wrong_self_convention, reason = "it goes to the end, and converts nothing")]
    pub async fn to_the_end(mut self) -> Vec<Value> {
        while self.batch().await {}
        assert_eq!(self.last["isFinal"], true, "the last batch says that it is the last");
        self.events
    }

    /// Where to resume.
    pub fn cursor(&self) -> String {
        self.last["endCursor"].as_str().expect("every batch has a cursor").to_owned()
    }
}

/// The rows of each host, its chunks joined in order; every chunk once.
pub fn rows_by_host(events: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut next: BTreeMap<String, u64> = BTreeMap::new();
    for event in events.iter().filter(|event| event["__typename"] == "CampaignHostRows") {
        let host = event["hostname"].as_str().expect("a name").to_owned();
        let chunk = next.entry(host.clone()).or_default();
        assert_eq!(event["chunk"], *chunk, "chunks of {host} come in order, each once");
        *chunk += 1;
        rows.entry(host).or_default().extend(event["rows"].as_array().expect("a list").iter().cloned());
    }
    rows
}

/// The failures of hosts: name to code.
pub fn failures(events: &[Value]) -> BTreeMap<String, String> {
    let failed = events.iter().filter(|event| event["__typename"] == "CampaignHostError");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    failed.map(|event| (text(&event["hostname"]), text(&event["code"]))).collect()
}

/// Checks that counters are what the events say.
#[track_caller]
pub fn assert_totals_equal_events(totals: &Value, events: &[Value]) {
    let of =
        |kind: &str| events.iter().filter(|event| event["__typename"] == kind).cloned().collect::<Vec<_>>();
    let rows = of("CampaignHostRows");
    let succeeded = rows.iter().filter(|event| event["isLastChunk"] == true).count();
    let kept: usize = rows.iter().map(|event| event["rows"].as_array().map_or(0, Vec::len)).sum();
    let failed = of("CampaignHostError").len();
    assert_eq!(totals["succeeded"], succeeded, "succeeded: {totals}");
    assert_eq!(totals["failed"], failed, "failed: {totals}");
    assert_eq!(totals["responded"], succeeded + failed, "responded: {totals}");
    assert_eq!(totals["rows"], kept, "rows: {totals}");
    let targeted = usize::try_from(totals["targeted"].as_u64().expect("a number")).expect("it fits");
    let outstanding = targeted - succeeded - failed;
    assert_eq!(totals["outstanding"], outstanding, "outstanding: {totals}");
}
