//! `muster serve`: the server.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tokio::net::TcpListener;

use super::settings::Settings;
use super::{Failure, stop_signal};
use crate::app::App;
use crate::clock::Clock;
use crate::config::log::{Log, LogFormat};
use crate::telemetry;

/// Serve agents and people until Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load()?;
        start_logs(&config.log)?;
        let shutdown = stop_signal()?;
        let listener = listen(config.http.listen).await?;
        let app = App::build(&config, Clock::System, telemetry::record_metrics()?).await?;
        tracing::info!(address = %listener.local_addr()?, data = %config.data.dir.display(), "listening");
        app.serve(listener, shutdown).await;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}

/// Listens on `address`, or says in one sentence why not.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| format!("can't listen on {address}: {error}").into())
}

/// Sends logs to stderr as configured.
fn start_logs(log: &Log) -> Result<(), Failure> {
    let started = match log.format {
        LogFormat::Pretty => telemetry::log_for_people(&log.filter),
        LogFormat::Json => telemetry::log_as_json(&log.filter),
    };
    started.map_err(|error| format!("`log.filter` is not a filter of logs: {error}").into())
}
