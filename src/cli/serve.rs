//! `muster serve`: the server.

use std::io;
use std::process::ExitCode;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::settings::Settings;
use super::{Failure, stop_signal};
use crate::app::{App, Listeners};
use crate::clock::Clock;
use crate::config::log::{Log, LogFormat};
use crate::fleet::Fleet;
use crate::telemetry::{self, Format, Traces};

/// Serve agents and people until Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load()?;
        let traces = if config.otel.traces { Some(Traces::start()?) } else { None };
        start_logs(&config.log, traces.as_ref())?;
        let shutdown = stop_signal()?;
        outlive_file_limits()?;
        let listeners = Listeners::bind(&config).await?;
        let app = App::build(&config, Clock::System, telemetry::record_metrics()?).await?;
        say_where(&listeners, app.tls.is_some())?;
        tracing::info!(data = %config.data.dir.display(), "data directory");
        let fleet = app.fleet.clone();
        let hint = shutdown.run_until_cancelled(say_how_to_begin(&fleet));
        let (served, _) = tokio::join!(app.serve(listeners, shutdown.clone()), hint);
        served?;
        tracing::info!("stopped");
        if let Some(traces) = traces {
            traces.finish().await;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes a file that may grow no more an error, as a full disk is: unheard, the signal would end the process.
fn outlive_file_limits() -> io::Result<()> {
    let exceeded = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    signal(exceeded).map(drop)
}

/// Logs each address that is listened on, and what is spoken there.
fn say_where(listeners: &Listeners, has_tls: bool) -> io::Result<()> {
    let Listeners { http, https, agent } = listeners;
    let agent_protocol = if has_tls { "https, agents alone" } else { "http, agents alone" };
    let others = [(https, "https"), (agent, agent_protocol)];
    let others = others.into_iter().filter_map(|(listener, protocol)| Some((listener.as_ref()?, protocol)));
    for (listener, protocol) in others.chain([(http, "http")]) {
        tracing::info!(address = %TcpListener::local_addr(listener)?, protocol, "listening");
    }
    Ok(())
}

/// Logs the token of the first administrator, while there is no user, once there is a database.
async fn say_how_to_begin(fleet: &Fleet) {
    fleet.database_opened().await;
    match fleet.setup_token().await {
        Ok(Some(token)) => tracing::warn!(
            token,
            "there is no user: make the first administrator by the mutation `setup` with this token, \
             or with `muster user create`"
        ),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "it could not be found out whether there are users"),
    }
}

/// Sends logs to stderr as configured, and spans to where they are collected.
fn start_logs(log: &Log, traces: Option<&Traces>) -> Result<(), Failure> {
    let format = match log.format {
        LogFormat::Pretty => Format::Pretty,
        LogFormat::Json => Format::Json,
    };
    let started = telemetry::start(&log.filter, format, traces);
    started.map_err(|error| format!("`log.filter` is not a filter of logs: {error}").into())
}
