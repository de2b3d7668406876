//! Logs, metrics and traces of this process.

mod exporter;
mod meters;
mod process;
mod traces;

use std::io::{self, IsTerminal as _};

pub use meters::{PrometheusHandle, no_metrics, record_metrics, refresh};
pub use traces::{Traces, TracesError, continue_trace, is_traced};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

/// What is not logged whatever the filter says: this crate traces every message of a socket as it came, credentials
/// included.
const QUIET: &str = "tungstenite=info";

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Pretty,
    /// One JSON object a line; the fields of the innermost span, such as the request's id, under `span`.
    Json,
}

/// Sends logs to stderr, and spans to where traces are collected; `filter` is in the syntax of `RUST_LOG` and holds
/// for both. The second call in a process is idle.
///
/// # Errors
/// When the filter can't be parsed.
pub fn start(filter: &str, format: Format, traces: Option<&Traces>) -> Result<(), ParseError> {
    let lines = match format {
        Format::Pretty => {
            let ansi = io::stderr().is_terminal();
            fmt::layer().with_ansi(ansi).with_target(false).with_writer(io::stderr).boxed()
        }
        Format::Json => {
            let json = fmt::layer().json().flatten_event(true).with_span_list(false);
            json.with_writer(io::stderr).boxed()
        }
    };
    let layers = vec![Some(lines), traces.map(Traces::layer)];
    let layers: Vec<_> = layers.into_iter().flatten().collect();
    let filter = EnvFilter::try_new(format!("{filter},{QUIET}"))?;
    if registry().with(layers).with(filter).try_init().is_ok() && traces.is_some() {
        traces::switch_on();
    }
    Ok(())
}

/// Sends logs to stderr for people, as [`start`] does.
///
/// # Errors
/// When the filter can't be parsed.
pub fn log_for_people(filter: &str) -> Result<(), ParseError> {
    start(filter, Format::Pretty, None)
}
