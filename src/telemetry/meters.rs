//! Metrics: what each is, and the registry that they are read from.

use metrics::{describe_counter, describe_gauge, describe_histogram};
pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use super::process;

/// Upper ends of the buckets of durations, in seconds.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper ends of the buckets of numbers of things.
const NUMBERS: &[f64] = &[1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 16_384.0, 262_144.0];

/// Counters and what they count.
const COUNTERS: &[(&str, &str)] = &[
    ("muster_http_requests_total", "Answers, by route and status"),
    ("muster_agent_requests_total", "Answers to agents, by endpoint and what they meant"),
    ("muster_polls_total", "Check-ins for live queries, by whether there were any: empty or queries"),
    ("muster_agent_logs_dropped_total", "Requests with log lines that were thrown away, by the reason"),
    ("muster_log_lines_set_apart_total", "Log lines that are no JSON object"),
    ("muster_spool_damaged_bytes_total", "Bytes of accepted log lines that the disk had damaged"),
    ("muster_destination_lines_total", "Log lines delivered, by the name of the destination"),
    (
        "muster_destination_parked_lines_total",
        "Log lines parked as dead letters, by the name of the destination",
    ),
    ("muster_destination_failures_total", "Failures of a log destination, by its name"),
    ("muster_log_bytes_total", "Bytes of log lines that were made durable, by kind"),
    (
        "muster_answers_total",
        "Answers of hosts to campaigns: recorded, or dropped as late, doubled or unasked",
    ),
    ("muster_answer_commit_failures_total", "Transactions with answers that failed and were tried again"),
    ("muster_due_commit_failures_total", "Transactions with answers to what was due that failed likewise"),
    ("muster_due_offers_total", "Queries that were due and handed out, by kind"),
    ("muster_due_answers_total", "Answers to what was due, by kind and outcome: rows or failed"),
    ("muster_database_statements_total", "Statements and transactions that the database was asked"),
    ("muster_database_errors_total", "Statements that failed"),
    (
        "muster_database_silences_total",
        "Times the database went without a word, and was given up until it answered",
    ),
    ("muster_task_runs_total", "Runs of background tasks, by task and by how they ended: done or failed"),
    ("muster_bus_messages_total", "Messages on the bus between servers: published, received or dropped"),
    ("muster_bus_connects_total", "Connections that the bus made to Redis; all but the first are reconnects"),
    ("muster_bus_breaker_openings_total", "Times that Redis was found not to work"),
    (
        "muster_campaign_reads_total",
        "Reads of events for viewers, by where they were: recent, or store for want of those",
    ),
    ("muster_connections_refused_total", "Connections that were closed at once, by the reason"),
    ("muster_connections_cut_total", "Connections whose client was too slow, by what it was slow at"),
    ("muster_accept_pauses_total", "Pauses in accepting connections, by the reason"),
    ("muster_tls_handshake_failures_total", "TLS handshakes that did not end well, by the reason"),
];

/// Gauges and what they show.
const GAUGES: &[(&str, &str)] = &[
    ("muster_build_info", "Always 1, with the version"),
    ("muster_degraded", "1 where a part does not work now"),
    ("muster_keeps_house", "1 where the tasks that one server runs at a time run now"),
    ("muster_connections", "Connections that are open"),
    ("muster_roster_keys", "Node keys in memory"),
    ("muster_board_campaigns", "Running campaigns on this server's board"),
    ("muster_board_outstanding_targets", "Hosts that the campaigns on the board still await, added up"),
    ("muster_answers_waiting", "Answers in the queue of the answer writer"),
    ("muster_due_waiting", "Reports of hosts in the queue of the writer of vitals"),
    ("muster_viewers", "Streams of campaigns that are open here"),
    ("muster_socket_waiting_bytes", "Bytes of results that wait until their sockets can take them"),
    ("muster_hosts", "Hosts by status: online, offline or missing"),
    ("muster_database_connections", "Connections to the database, by state: idle or in_use"),
    ("muster_bus_connected", "1 while the bus between servers is connected"),
    (
        "muster_spool_bytes",
        "Bytes of accepted log lines on the disk, those included that are kept for replays",
    ),
    ("muster_destination_lag_bytes", "Bytes of the spool that a log destination has not got, by its name"),
    (
        "muster_destination_lag_seconds",
        "Age of the oldest line that a log destination has not got, by its name",
    ),
    ("muster_destination_failing", "1 while a log destination does not take lines, by its name"),
    ("process_resident_memory_bytes", "Memory that the process has in RAM"),
    ("process_open_fds", "File descriptors that are open"),
    ("process_max_fds", "File descriptors that may be open"),
];

/// Histograms, what they measure, and their buckets.
const HISTOGRAMS: &[(&str, &str, &[f64])] = &[
    (
        "muster_http_request_duration_seconds",
        "Time from a request's headers to its answer, by route",
        SECONDS,
    ),
    ("muster_answer_commit_seconds", "Time of one transaction with answers", SECONDS),
    ("muster_answer_group_answers", "Answers in one transaction", NUMBERS),
    ("muster_due_commit_seconds", "Time of one transaction with answers to what was due", SECONDS),
    ("muster_due_group_hosts", "Hosts whose answers to what was due were in one transaction", NUMBERS),
    ("muster_viewer_lag_events", "Events that a viewer was behind when its stream read on", NUMBERS),
];

/// Makes this process record its metrics, and answers the handle that renders them.
///
/// # Errors
/// When a recorder is installed already.
pub fn record_metrics() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, _, buckets) in HISTOGRAMS {
        builder = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)?;
    }
    let handle = builder.install_recorder()?;
    for (name, help) in COUNTERS {
        describe_counter!(*name, *help);
    }
    for (name, help) in GAUGES {
        describe_gauge!(*name, *help);
    }
    for (name, help, _) in HISTOGRAMS {
        describe_histogram!(*name, *help);
    }
    metrics::gauge!("muster_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// A handle that renders no metrics: for an application in process, beside others.
#[must_use]
pub fn no_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}

/// Looks at the process again, and folds what was measured since the last time; to be called every few seconds.
pub fn refresh(handle: &PrometheusHandle) {
    process::look();
    handle.run_upkeep();
}
