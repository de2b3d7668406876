//! The scheduled queries of a simulated host: which are due, and what is logged of a run, as osqueryd does it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::engine::AnswerRow;
use super::host::Host;
use super::wire::{self, Run};
use crate::clock::Timestamp;

/// Seconds between two runs of a query that does not say.
const DEFAULT_INTERVAL_S: u64 = 3_600;

/// The scheduled queries of a host, by the names under which they are logged.
#[derive(Default)]
pub(super) struct Schedule(BTreeMap<String, Query>);

/// A scheduled query.
struct Query {
    sql: String,
    every: Duration,
    is_snapshot: bool,
    logs_removed: bool,
    next: Instant,
    /// Number of the next run; the first one says everything.
    counter: i64,
    /// The rows of the last run, as texts.
    rows: BTreeSet<String>,
}

impl Schedule {
    /// Takes over a configuration. A query whose text stays goes on where it was.
    pub(super) fn follow(&mut self, config: &Map<String, Value>, host: &Host, now: Instant) {
        let mut before = std::mem::take(&mut self.0);
        let delimiter = config.get("options").and_then(|options| options["pack_delimiter"].as_str());
        let mut wanted: Vec<(String, &Value)> =
            members(config.get("schedule")).map(|(name, query)| (name.clone(), query)).collect();
        for (pack, member) in members(config.get("packs")).filter(|(_, pack)| runs_on(pack, host)) {
            let name =
                |query: &String| ["pack", pack.as_str(), query.as_str()].join(delimiter.unwrap_or("_"));
            wanted.extend(members(member.get("queries")).map(|(query, member)| (name(query), member)));
        }
        for (name, member) in wanted.into_iter().filter(|(_, query)| runs_on(query, host)) {
            let Some(sql) = member["query"].as_str() else { continue };
            let every = Duration::from_secs(member["interval"].as_u64().unwrap_or(DEFAULT_INTERVAL_S).max(1));
            let is_snapshot = member["snapshot"] == true;
            let logs_removed = member["removed"] != false;
            let query = match before.remove(&name).filter(|query| query.sql == sql) {
                Some(query) => Query { every, is_snapshot, logs_removed, ..query },
                // A tenth of its interval after it came, so that a demonstration has something to show.
                None => Query {
                    sql: sql.to_owned(),
                    every,
                    is_snapshot,
                    logs_removed,
                    next: now + every / 10,
                    counter: 0,
                    rows: BTreeSet::new(),
                },
            };
            self.0.insert(name, query);
        }
    }

    /// The queries that are due, by name, each with its SQL.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(String, String)> {
        let due = self.0.iter_mut().filter(|(_, query)| query.next <= now);
        due.map(|(name, query)| {
            query.next = now + query.every;
            (name.clone(), query.sql.clone())
        })
        .collect()
    }

    /// The lines of a run with these rows: a snapshot, or one for each row that went, and then one for each that came.
    pub(super) fn lines(
        &mut self,
        host: &Host,
        now: Timestamp,
        name: &str,
        rows: &[AnswerRow],
    ) -> Vec<Value> {
        let Some(query) = self.0.get_mut(name) else { return Vec::new() };
        if query.is_snapshot {
            let run = Run { name, counter: 0, now };
            return vec![wire::snapshot_line(host, run, rows)];
        }
        let run = Run { name, counter: query.counter, now };
        let found: BTreeSet<String> = rows.iter().map(|row| Value::Object(row.clone()).to_string()).collect();
        let gone = query.rows.difference(&found).filter(|_| query.logs_removed);
        let gone = gone.map(|row| wire::row_line(host, run, "removed", row));
        let came = found.difference(&query.rows).map(|row| wire::row_line(host, run, "added", row));
        let lines = gone.chain(came).collect();
        query.rows = found;
        query.counter += 1;
        lines
    }
}

/// The members of an object; none for anything else.
fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// Whether something with a platform and a version runs on a host.
fn runs_on(member: &Value, host: &Host) -> bool {
    let platform = member["platform"].as_str().unwrap_or("all");
    let name = host.platform.name();
    let is_posix = name != "windows" && platform.contains("posix");
    let fits = ["any", "all", name].iter().any(|word| platform.contains(word)) || is_posix;
    let mut parts =
        member["version"].as_str().unwrap_or("0").split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let wanted = super::catalog::Version(next(), next(), next());
    fits && host.osquery >= wanted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::catalog;
    use super::*;

    fn config(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else { panic!("an object") };
        members
    }

    fn rows(names: &[&str]) -> Vec<AnswerRow> {
        names.iter().map(|name| config(json!({ "name": name }))).collect()
    }

    #[test]
    fn what_is_logged_of_runs() {
        let host = Host::new(1, 0, &catalog::CURRENT);
        let (start, now) = (Instant::now(), Timestamp(1_700_000_000_000));
        let mut schedule = Schedule::default();
        let first = json!({ "schedule": { "all": { "query": "q", "interval": 60, "snapshot": true },
            "changes": { "query": "q", "interval": 60 }, "windows": { "query": "q", "platform": "windows" } },
            "packs": { "p": { "version": "1.4.5", "queries": { "new": { "query": "q", "interval": 60, "removed": false } } },
                "future": { "version": "99.0", "queries": { "a": { "query": "q" } } } } });
        schedule.follow(&config(first.clone()), &host, start);
        assert!(schedule.due(start).is_empty());
        let due = schedule.due(start + Duration::from_mins(1));
        assert_eq!(
            due.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["all", "changes", "pack_p_new"]
        );
        assert!(schedule.due(start + Duration::from_secs(61)).is_empty());
        let mut logged = |name: &str, names: &[&str]| -> Vec<(String, i64)> {
            let lines = schedule.lines(&host, now, name, &rows(names));
            let short = |line: &Value| {
                let rows = line["columns"]["name"]
                    .as_str()
                    .map_or_else(|| line["snapshot"].to_string(), str::to_owned);
                (
                    format!("{} {rows}", line["action"].as_str().unwrap_or_default()),
                    line["counter"].as_i64().unwrap_or(-1),
                )
            };
            lines.iter().map(short).collect()
        };
        let line = |text: &str, counter| (text.to_owned(), counter);
        assert_eq!(logged("all", &["a"]), [line(r#"snapshot [{"name":"a"}]"#, 0)]);
        assert_eq!(logged("changes", &["a", "b"]), [line("added a", 0), line("added b", 0)]);
        assert_eq!(logged("changes", &["b", "c"]), [line("removed a", 1), line("added c", 1)]);
        assert!(logged("changes", &["b", "c"]).is_empty());
        assert_eq!(logged("pack_p_new", &["a"]), [line("added a", 0)]);
        assert_eq!(logged("pack_p_new", &["b"]), [line("added b", 1)]);
        schedule.follow(&config(first), &host, start);
        let lines = schedule.lines(&host, now, "changes", &rows(&["d", "b", "c"]));
        assert_eq!(lines[0]["counter"], 3, "a query whose text stays goes on");
        schedule.follow(&config(json!({ "schedule": {} })), &host, start);
        assert!(schedule.due(start + Duration::from_hours(9)).is_empty());
    }
}
