//! Follows the files of the certificate: reads them again at SIGHUP, and every few seconds.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Reloaded, Tls};

impl Tls {
    /// Says which certificate is in use, and follows its files for ever. What can't be used is told once, and changes
    /// nothing.
    pub async fn watch(self: Arc<Self>, interval: Duration, mut hangup: Option<Signal>) {
        self.announce();
        let mut told = None;
        loop {
            due(interval, hangup.as_mut()).await;
            let tls = Arc::clone(&self);
            // A reload that panicked has been told by the panic itself.
            let Ok(failure) = spawn_blocking(move || tls.renew()).await else { continue };
            if failure.is_some() && failure != told {
                tracing::warn!(error = failure, "the new certificate can't be used; the old one stays");
            }
            told = failure;
        }
    }

    /// Reloads; why not, if it failed.
    fn renew(&self) -> Option<String> {
        match self.reload() {
            Ok(Reloaded::Unchanged) => None,
            Ok(Reloaded::Replaced) => {
                self.announce();
                None
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                Some(format!("{error}{}", cause.unwrap_or_default()))
            }
        }
    }

    /// Tells operators which certificate is in use, and what it costs them if it is an expensive one.
    fn announce(&self) {
        let (file, fingerprint) = (self.files.cert.display(), self.fingerprint());
        tracing::info!(%file, fingerprint, "TLS certificate");
        if self.current.load().is_rsa() {
            tracing::warn!(
                "the certificate is RSA: with 2048 bits about 800 µs of CPU a handshake, and osquery makes one for \
                 each request; ECDSA P-256 takes about 300 µs"
            );
        }
    }
}

/// Waits for the interval or the signal.
async fn due(interval: Duration, hangup: Option<&mut Signal>) {
    let heard = async {
        match hangup {
            Some(hangup) => hangup.recv().await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = sleep(interval) => {}
        _ = heard => {}
    }
}
