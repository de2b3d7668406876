//! What a server does beside serving, over and over.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;

use crate::fleet::Fleet;
use crate::http::tls::Tls;
use crate::telemetry::{self, PrometheusHandle};

/// How often what was measured is folded.
const UPKEEP: Duration = Duration::from_secs(5);

/// Folds what was measured, every few seconds: without a scrape it would pile up.
pub(super) async fn refresh(metrics: &PrometheusHandle) {
    let mut ticks = interval(UPKEEP);
    loop {
        ticks.tick().await;
        telemetry::refresh(metrics);
    }
}

/// Opens log files again at SIGHUP: whoever rotates them has moved the old ones.
pub(super) async fn reopen_log_files(fleet: &Fleet) {
    // Without the signal they are rotated by Muster alone.
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        fleet.reopen_log_files().await;
    }
}

/// Reads the files again that may be replaced under a running server, at SIGHUP and every so often. Without TLS there
/// are none, and the signal, which would end the process, does nothing.
pub(super) async fn follow_files(tls: Option<Arc<Tls>>, every: Duration, mut hangup: Option<Signal>) {
    if let Some(tls) = tls {
        return tls.watch(every, hangup).await;
    }
    while let Some(hangup) = &mut hangup
        && hangup.recv().await.is_some()
    {
        tracing::info!("SIGHUP: there is no certificate to be read again");
    }
    pending::<()>().await;
}
