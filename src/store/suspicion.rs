//! Which connections to PostgreSQL are thrown away: those that died, and those that say nothing any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sea_orm::sqlx::{Connection as _, Error, PgConnection};
use tokio::time::timeout;

/// A connection that idled for longer is always tried out: something between may have forgotten it.
const IDLE: Duration = Duration::from_secs(30);

/// How long a connection may take to show that it lives. One whose server went without a word never would: its machine
/// was lost, or the database moved to another.
const PATIENCE: Duration = Duration::from_secs(2);

/// Remembers when something failed last. A connection that has idled since before that may have died with its server,
/// as all others then: it is tried out, so that nobody meets the dead ones one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspicion(Arc<Mutex<Option<Instant>>>);

impl Suspicion {
    /// Something failed.
    pub(super) fn note(&self) {
        *self.last() = Some(Instant::now());
    }

    /// Tries a connection out that has been idle for so long, if it is suspect or was idle for long; one that fails is
    /// thrown away.
    pub(super) fn try_out<'c>(
        &self,
        connection: &'c mut PgConnection,
        idle_for: Duration,
    ) -> BoxFuture<'c, Result<bool, Error>> {
        let is_suspect = idle_for >= IDLE || self.concerns(idle_for);
        async move { if is_suspect { lives(connection).await } else { Ok(true) } }.boxed()
    }

    fn concerns(&self, idle_for: Duration) -> bool {
        self.last().is_some_and(|last| last.elapsed() <= idle_for)
    }

    /// An instant is whole at every moment, so a panic of another thread leaves nothing half done.
    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks whether a connection lives that somebody gave back, perhaps because they would wait no longer. The pool looks
/// too, and for as long as it takes: meanwhile the place of the connection would be nobody's.
pub(super) fn given_back(connection: &mut PgConnection) -> BoxFuture<'_, Result<bool, Error>> {
    lives(connection).boxed()
}

async fn lives(connection: &mut PgConnection) -> Result<bool, Error> {
    match timeout(PATIENCE, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_idled_since_before_a_failure_is_suspect() {
        let suspicion = Suspicion::default();
        assert!(!suspicion.concerns(Duration::from_hours(1)), "nothing ever failed");
        suspicion.note();
        assert!(suspicion.concerns(Duration::from_hours(1)));
        assert!(!suspicion.concerns(Duration::ZERO), "it was used since");
    }
}
