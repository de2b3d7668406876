//! How the queries of a host's schedule fare, as osquery counts them.

use std::collections::BTreeMap;

use entity::host_schedule::Model;
use entity::id::HostId;

use super::Vital;
use super::details::{number, text};
use crate::clock::Timestamp;
use crate::fleet::due::Row;

/// The rows that a host's schedule is kept in, each name once; none when it was not told.
pub(super) fn of(host: HostId, told: &[(Vital, Vec<Row>)], now: Timestamp) -> Option<(HostId, Vec<Model>)> {
    let (_, rows) = told.iter().find(|(vital, _)| *vital == Vital::Schedule)?;
    let runs = rows.iter().filter_map(|row| run(host, row, now));
    let by_name: BTreeMap<String, Model> = runs.map(|run| (run.name.clone(), run)).collect();
    Some((host, by_name.into_values().collect()))
}

fn run(host: HostId, row: &Row, now: Timestamp) -> Option<Model> {
    let count = |column| number::<i64>(row, column).unwrap_or_default();
    // Old versions count whole seconds only.
    let wall_time_ms =
        number(row, "wall_time_ms").unwrap_or_else(|| count("wall_time").saturating_mul(1_000));
    let last = Some(count("last_executed")).filter(|seconds| *seconds > 0);
    let is_denylisted = count("denylisted") > 0;
    Some(Model {
        host_id: host,
        name: text(row, "name")?,
        last_executed_at: last.map(|seconds| Timestamp(seconds.saturating_mul(1_000))),
        is_denylisted,
        denylisted_since: is_denylisted.then_some(now),
        interval_s: count("interval"),
        executions: count("executions"),
        wall_time_ms,
        user_time_ms: count("user_time"),
        system_time_ms: count("system_time"),
        average_memory_bytes: count("average_memory"),
        output_bytes: count("output_size"),
        updated_at: now,
    })
}
