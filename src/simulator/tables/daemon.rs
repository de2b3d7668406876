//! The agent about itself: its flags and its schedule.

use crate::clock::Timestamp;

use super::super::host::Host;
use super::Row;

/// The flags that matter to a server.
pub(super) fn osquery_flags(host: &Host, _: Timestamp) -> Vec<Row> {
    let interval = host.check_in_interval_s.to_string();
    [
        ("config_plugin", "string", "filesystem", "tls"),
        ("config_refresh", "uint64", "0", "60"),
        ("disable_distributed", "bool", "true", "false"),
        ("disable_events", "bool", "false", "false"),
        ("distributed_interval", "uint64", "60", interval.as_str()),
        ("host_identifier", "string", "hostname", "uuid"),
        ("logger_plugin", "string", "filesystem", "tls"),
        ("logger_tls_period", "uint64", "4", "10"),
        ("schedule_splay_percent", "uint64", "10", "10"),
    ]
    .into_iter()
    .map(|(name, kind, default, value)| {
        Row::new()
            .text("name", name)
            .text("type", kind)
            .text("description", "")
            .text("default_value", default)
            .text("value", value)
            .int("shell_only", 0)
    })
    .collect()
}

/// The one query that it runs by itself.
pub(super) fn osquery_schedule(host: &Host, now: Timestamp) -> Vec<Row> {
    let mut draw = host.draw("schedule");
    let interval = 3_600;
    let executions = host.uptime(now) / interval;
    let each = draw.between(2, 40);
    let last = now.0 / 1_000 - draw.between(1, interval);
    vec![
        Row::new()
            .text("name", "uptime")
            .text("query", "select days, hours, total_seconds from uptime")
            .int("interval", interval)
            .int("executions", executions)
            .int("last_executed", if executions > 0 { last } else { 0 })
            .int("denylisted", 0)
            .int("output_size", executions * 96)
            .int("wall_time", executions * each / 1_000)
            .int("wall_time_ms", executions * each)
            .int("last_wall_time_ms", each)
            .int("user_time", executions * each / 2)
            .int("last_user_time", each / 2)
            .int("system_time", executions * each / 4)
            .int("last_system_time", each / 4)
            .int("average_memory", draw.between(20_000, 900_000))
            .int("last_memory", 40_960),
    ]
}
