//! Two ways to drive a server: as fast as it answers, and at a rate that is set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::http::{Connection, Target};
use super::{CONNECTIONS, Outcome};

/// What is asked: one of these at a time, in turn, by any connection.
pub type Requests = Arc<Vec<Vec<u8>>>;

/// An answer, and which request it is for.
type Numbered = (usize, Vec<u8>);

/// Whether a connection is kept, or made anew for each request as osquery does.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Connections {
    /// Kept alive.
    Kept,
    /// New for each request.
    New,
}

/// Drives `target` as fast as it answers for `time`; the number of answers, each the expected one.
pub async fn closed(
    target: &Target,
    requests: &Requests,
    connections: Connections,
    time: Duration,
    is_expected: fn(&[u8]) -> bool,
) -> Outcome<u64> {
    let next = Arc::new(AtomicUsize::new(0));
    let answers = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + time;
    let mut tasks: JoinSet<Outcome<()>> = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (target, requests) = (target.clone(), Arc::clone(requests));
        let (next, answers) = (Arc::clone(&next), Arc::clone(&answers));
        tasks.spawn(async move {
            let mut connection = target.connect().await?;
            while Instant::now() < end {
                let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
                let answer = connection.exchange(request).await?;
                if !is_expected(&answer) {
                    return Err(
                        format!("an answer of another kind: {}", String::from_utf8_lossy(&answer)).into()
                    );
                }
                answers.fetch_add(1, Ordering::Relaxed);
                if connections == Connections::New {
                    drop(connection);
                    connection = target.connect().await?;
                }
            }
            Ok(())
        });
    }
    finish(tasks).await?;
    Ok(answers.load(Ordering::Relaxed))
}

/// Sends every request once over so many connections, as fast as the server answers; the answers, in the order of the
/// requests.
pub async fn once(target: &Target, connections: usize, requests: &Requests) -> Outcome<Vec<Vec<u8>>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks: JoinSet<Outcome<Vec<Numbered>>> = JoinSet::new();
    for _ in 0..connections.min(requests.len()) {
        let (target, requests, next) = (target.clone(), Arc::clone(requests), Arc::clone(&next));
        tasks.spawn(async move {
            let mut connection = target.connect().await?;
            let mut answers = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(index) else { return Ok(answers) };
                answers.push((index, connection.exchange(request).await?));
            }
        });
    }
    let mut answers = Vec::new();
    while let Some(task) = tasks.join_next().await {
        answers.extend(task??);
    }
    answers.sort_unstable_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// Sends `rate` requests a second for `time` over kept connections, each at its intended moment however long others
/// take. The latencies, from the intended moment to the answer, sorted.
pub async fn open(target: &Target, requests: &Requests, rate: f64, time: Duration) -> Outcome<Vec<Duration>> {
    let start = Instant::now() + Duration::from_millis(20);
    let mut tasks: JoinSet<Outcome<Vec<Duration>>> = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let (target, requests) = (target.clone(), Arc::clone(requests));
        tasks.spawn(async move {
            let mut connection = target.connect().await?;
            let mut latencies = Vec::new();
            for number in (lane..).step_by(CONNECTIONS) {
                let intended = Duration::from_secs_f64(number as f64 / rate);
                if intended >= time {
                    break;
                }
                latencies
                    .push(at(&mut connection, &requests[number % requests.len()], start + intended).await?);
            }
            Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(task) = tasks.join_next().await {
        latencies.extend(task??);
    }
    latencies.sort_unstable();
    Ok(latencies)
}

async fn at(connection: &mut Connection, request: &[u8], intended: Instant) -> Outcome<Duration> {
    tokio::time::sleep_until(intended.into()).await;
    connection.exchange(request).await?;
    Ok(intended.elapsed())
}

/// The value that this share of sorted latencies does not exceed.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

async fn finish(mut tasks: JoinSet<Outcome<()>>) -> Outcome<()> {
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}
