//! Logs and metrics of this process.

use std::io::{self, IsTerminal as _};

pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Sends logs to stderr for people; `filter` is in the syntax of `RUST_LOG`. The second call in a process is idle.
///
/// # Errors
/// When the filter can't be parsed.
pub fn log_for_people(filter: &str) -> Result<(), ParseError> {
    let subscriber = tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(filter)?);
    let subscriber = subscriber.with_ansi(io::stderr().is_terminal()).with_target(false);
    drop(subscriber.with_writer(io::stderr).try_init());
    Ok(())
}

/// Sends logs to stderr as one JSON object a line; else as [`log_for_people`].
///
/// # Errors
/// When the filter can't be parsed.
pub fn log_as_json(filter: &str) -> Result<(), ParseError> {
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true);
    let subscriber = subscriber.with_env_filter(EnvFilter::try_new(filter)?);
    drop(subscriber.with_writer(io::stderr).try_init());
    Ok(())
}

/// Makes this process record its metrics, and answers the handle that renders them.
///
/// # Errors
/// When a recorder is installed already.
pub fn record_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().install_recorder()
}

/// A handle that renders no metrics: for an application in process, beside others.
#[must_use]
pub fn no_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}
