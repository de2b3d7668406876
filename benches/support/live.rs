//! Hosts that check in each at a moment of its own, and answer what they are asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::fleet::Hosts;
use super::http::Target;
use super::{CONNECTIONS, Outcome};

/// How often each host checks in.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// Checks in for every [`CONNECTIONS`]th of the first `count` hosts from `lane` on, each at its own moment of the
/// interval, for three intervals; answers what it is asked. Who answered, and when it was sent.
pub async fn check_in(
    target: Target,
    hosts: Arc<Hosts>,
    count: usize,
    lane: usize,
    start: Instant,
) -> Outcome<Vec<(usize, Instant)>> {
    let reads = hosts.reads(count);
    let mut connection = target.connect().await?;
    let mut sent = Vec::new();
    for round in 0..3 {
        for host in (lane..count).step_by(CONNECTIONS) {
            let due = start + INTERVAL * round + INTERVAL * u32::try_from(host)? / u32::try_from(count)?;
            tokio::time::sleep_until(due.into()).await;
            let answer = connection.exchange(&reads[host]).await?;
            if let Some(query) = asked(&answer)? {
                let write = hosts.write(host, &query);
                sent.push((host, Instant::now()));
                connection.exchange(&write).await?;
            }
        }
    }
    Ok(sent)
}

/// The name of the query in the answer to a check-in.
pub fn asked(answer: &[u8]) -> Outcome<Option<String>> {
    let answer: Value = serde_json::from_slice(answer)?;
    let queries = answer["queries"].as_object();
    Ok(queries.and_then(|queries| queries.keys().next().cloned()))
}
