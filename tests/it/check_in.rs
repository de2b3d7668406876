//! A check-in with a warm roster asks neither the database nor anybody else.

use serde_json::json;

use crate::harness::agent::Agent;
use crate::harness::world::{World, on_both};

on_both!(no_statement, bounded);

/// No SQL statement, with no campaign and with 1,000 of them.
async fn no_statement(world: World) {
    let mut idle = world.host("idle").await;
    let busy = world.host("busy").await;
    assert_eq!(statements_of_reads(&world, &mut idle).await, 0, "with no campaign");
    let target = json!({ "filter": { "search": busy.identity.hostname } });
    for number in 0..1_000 {
        world.admin.start_on(&format!("select {number}"), target.clone()).await;
    }
    assert_eq!(statements_of_reads(&world, &mut idle).await, 0, "with 1,000 campaigns");
    assert_eq!(idle.ledger.asked, [], "none of them is for this host");
}

/// A host that owes much is asked a little at a time: at most 20, the oldest campaigns first.
/// Case R12.
async fn bounded(world: World) {
    let mut host = world.host("web").await;
    for number in 0..45 {
        world.admin.start(&format!("select {number}")).await;
    }
    let mut order = Vec::new();
    for expected in [20, 20, 5, 0] {
        let before = host.ledger.asked.len();
        host.poll().await.expect("the server takes the answers");
        let mut asked: Vec<usize> = host.ledger.asked[before..].iter().map(|(_, sql)| number(sql)).collect();
        assert_eq!(asked.len(), expected);
        asked.sort_unstable();
        order.extend(asked);
    }
    assert_eq!(order, (0..45).collect::<Vec<_>>(), "oldest first");
    assert_eq!(host.ledger.accelerate, None, "nothing is left to hurry for");
}

/// Statements of the whole server while a host reads two hundred times; the least of three times, for a message of the
/// bus that comes late makes the server look at what has changed.
async fn statements_of_reads(world: &World, host: &mut Agent) -> u64 {
    host.read().await.expect("the first one may use its key for the first time");
    let mut least = u64::MAX;
    for _ in 0..3 {
        let before = world.server.fleet.statements();
        for _ in 0..200 {
            host.read().await.expect("a check-in");
        }
        least = least.min(world.server.fleet.statements() - before);
    }
    least
}

fn number(sql: &str) -> usize {
    sql.strip_prefix("select ").and_then(|number| number.parse().ok()).expect("the SQL is ours")
}
