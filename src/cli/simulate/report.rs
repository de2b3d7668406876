//! What a simulation has seen, in words.

use std::time::Duration;

use crate::simulator::{Latency, StatsSnapshot};

/// One line: how many of everything, the latency of reads, and the errors by kind.
pub(super) fn line(stats: &StatsSnapshot) -> String {
    let StatsSnapshot { hosts, enrolled, online, check_ins, queries, answers, log_lines, problems, .. } =
        stats;
    let reads = stats.latencies.iter().filter(|(name, _)| *name == "read");
    let reads: String = reads
        .map(|(_, Latency { p50, p99, .. })| format!(" (p50 {}, p99 {})", shown(*p50), shown(*p99)))
        .collect();
    let problems: Vec<_> = problems.iter().map(|(what, times)| format!("{times} {what}")).collect();
    let problems = if problems.is_empty() { "no errors".to_owned() } else { problems.join(", ") };
    format!(
        "{enrolled}/{hosts} hosts enrolled, {online} online, {check_ins} check-ins{reads}, {queries} queries, \
         {answers} answers, {log_lines} log lines; {problems}"
    )
}

/// A table: requests answered by each endpoint, and how long it took.
pub(super) fn latencies(stats: &StatsSnapshot) -> String {
    let mut table = format!("{:<8}{:>10}{:>12}{:>12}{:>12}", "endpoint", "answers", "p50", "p95", "p99");
    for (name, Latency { count, p50, p95, p99 }) in &stats.latencies {
        let time = |time: &Duration| if *count == 0 { "-".to_owned() } else { shown(*time) };
        let [p50, p95, p99] = [p50, p95, p99].map(time);
        table.push_str(&format!("\n{name:<8}{count:>10}{p50:>12}{p95:>12}{p99:>12}"));
    }
    table
}

/// Milliseconds, with as many digits as were measured.
fn shown(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_report_names_what_was_seen() {
        let mut stats = StatsSnapshot { hosts: 2, enrolled: 1, check_ins: 3, ..StatsSnapshot::default() };
        let fast = Duration::from_micros(1500);
        stats.latencies[2] =
            ("read", Latency { count: 3, p50: fast, p95: fast, p99: Duration::from_millis(120) });
        assert!(
            line(&stats).starts_with("1/2 hosts enrolled, 0 online, 3 check-ins (p50 1.50 ms, p99 120 ms), ")
        );
        assert!(line(&stats).ends_with("; no errors"));
        stats.problems = BTreeMap::from([("no connection", 4)]);
        assert!(line(&stats).ends_with("; 4 no connection"));
        let table = latencies(&stats);
        assert!(table.contains("read             3     1.50 ms     1.50 ms      120 ms"), "{table}");
    }
}
