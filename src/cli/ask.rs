//! A live query asked and its answers printed: what `query` and `demo` share.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::Failure;
use super::client::{Batch, Client, Event, Follower, Totals, first_message};
use super::terminal::{Progress, data};

const START: &str = "\
mutation ($input: StartCampaignInput!) {
  startCampaign(input: $input) {
    campaign { id }
    userErrors { message }
  }
}";

/// How asking ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The campaign has ended, with these counters.
    Ended(Totals),
    /// The time ran out; the campaign goes on.
    TimedOut,
}

/// A campaign that this command started.
#[derive(Debug)]
pub(super) struct Asked {
    /// The campaign's id.
    pub(super) campaign: String,
    /// How it ended.
    pub(super) ending: Ending,
}

/// Starts a campaign of `sql` over `targets` (a `TargetsInput`), prints each host's answer as one line of JSON, and
/// waits for its end, at most for `wait`.
pub(super) async fn ask(
    client: &Client,
    sql: &str,
    targets: Value,
    wait: Duration,
) -> Result<Asked, Failure> {
    let deadline = Instant::now() + wait;
    let campaign = start(client, sql, targets).await?;
    let mut follower = Follower::new(client, campaign.clone());
    let (mut answers, mut progress) = (Answers::default(), Progress::new());
    let mut totals = Totals::default();
    let ending = loop {
        let Ok(batch) = timeout_at(deadline, follower.next()).await else { break Ending::TimedOut };
        let batch = batch?;
        totals = batch.totals;
        let is_final = batch.is_final;
        for line in answers.complete(batch) {
            data(line)?;
        }
        if is_final {
            break Ending::Ended(totals);
        }
        progress.show(summary(&totals));
    };
    progress.finish(&summary(&totals));
    Ok(Asked { campaign, ending })
}

async fn start(client: &Client, sql: &str, targets: Value) -> Result<String, Failure> {
    let input = json!({ "source": { "sql": sql }, "targets": targets });
    let answer = client.call(START, json!({ "input": input })).await?;
    let payload = &answer["startCampaign"];
    if let Some(message) = first_message(&payload["userErrors"]) {
        return Err(message.into());
    }
    let id = payload["campaign"]["id"].as_str();
    Ok(id.ok_or("the server started no campaign and said no reason")?.to_owned())
}

/// `37 % responded, 2 failed, 370/1000`.
fn summary(totals: &Totals) -> String {
    let Totals { targeted, responded, failed, .. } = totals;
    let percent = (responded * 100).checked_div(*targeted).unwrap_or(0);
    format!("{percent} % responded, {failed} failed, {responded}/{targeted}")
}

/// Answers of hosts of which a part has come, by host id.
#[derive(Debug, Default)]
struct Answers(HashMap<String, Vec<Value>>);

impl Answers {
    /// The answers that `batch` completes, as they are printed.
    fn complete(&mut self, batch: Batch) -> Vec<Value> {
        batch.events.into_iter().filter_map(|event| self.add(event)).collect()
    }

    fn add(&mut self, event: Event) -> Option<Value> {
        match event {
            Event::Rows { host_id, hostname, rows, is_last_chunk } => {
                let mut all = self.0.remove(&host_id).unwrap_or_default();
                all.extend(rows);
                if is_last_chunk {
                    return Some(json!({ "host": hostname, "rows": all }));
                }
                self.0.insert(host_id, all);
                None
            }
            Event::Failure { host_id, hostname, code, message } => {
                self.0.remove(&host_id);
                Some(json!({ "host": hostname, "error": { "code": code, "message": message } }))
            }
            Event::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: Value) -> Event {
        serde_json::from_value(value).expect("it is an event")
    }

    fn rows(host: &str, number: u64, is_last_chunk: bool) -> Event {
        event(json!({ "__typename": "CampaignHostRows", "hostId": host, "hostname": host,
            "rows": [{ "n": number.to_string() }], "isLastChunk": is_last_chunk }))
    }

    #[test]
    fn chunks_of_hosts_that_alternate_are_joined_by_host() {
        let mut answers = Answers::default();
        let lines: Vec<_> = [rows("a", 1, false), rows("b", 2, true), rows("a", 3, true)]
            .into_iter()
            .filter_map(|event| answers.add(event))
            .map(|line| line.to_string())
            .collect();
        assert_eq!(
            lines,
            [r#"{"host":"b","rows":[{"n":"2"}]}"#, r#"{"host":"a","rows":[{"n":"1"},{"n":"3"}]}"#]
        );
    }

    #[test]
    fn a_failure_is_a_line_and_the_end_is_none() {
        let failure = json!({ "__typename": "CampaignHostError", "hostId": "a", "hostname": "a",
            "code": "SQL_ERROR", "message": "no" });
        let line = Answers::default().add(event(failure)).map(|line| line.to_string());
        assert_eq!(line.as_deref(), Some(r#"{"host":"a","error":{"code":"SQL_ERROR","message":"no"}}"#));
        assert!(Answers::default().add(event(json!({ "__typename": "CampaignEnded" }))).is_none());
    }

    #[test]
    fn the_summary_rounds_down_and_bears_no_hosts() {
        let totals = Totals { targeted: 1000, responded: 379, failed: 2, ..Totals::default() };
        assert_eq!(summary(&totals), "37 % responded, 2 failed, 379/1000");
        assert_eq!(summary(&Totals::default()), "0 % responded, 0 failed, 0/0");
    }
}
