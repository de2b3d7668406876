//! The heartbeat: whether PostgreSQL answers, by a connection that nothing else uses.
//!
//! A database may go without a word: its machine was lost, or something between drops what is sent. Connections stay, and
//! whoever has asked by one waits, in the end for ever. The heartbeat waits for five seconds. Then there is *silence*:
//! whatever waits fails, and what comes fails at once, until the database answers on a new connection. Whatever was
//! connected before is forgotten then.
//!
//! A beat that is late is doubted before. New connections are tried while it is awaited: one that is answered first has
//! come a longer way than the beat, so the old connections are dead, and the silence is over as it begins. A database
//! that is slow answers the beat first.

use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{ConnectOptions as _, Connection as _, Error, PgConnection};
use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Pause between two beats; in the silence, between two tries to be heard.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long the database may take for a beat.
const PATIENCE: Duration = Duration::from_secs(5);

/// How late a beat is before new connections are tried.
const DOUBT: Duration = Duration::from_millis(1_500);

/// How much later than a new connection the old one may be answered: a database that was stopped and goes on answers both
/// at once.
const GRACE: Duration = Duration::from_millis(250);

/// Whether the database says nothing any more: how often that began or ended, so that nobody misses one which is over
/// soon. A cheap handle.
#[derive(Clone, Debug)]
pub(super) struct Silence(watch::Sender<u64>);

impl Default for Silence {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Silence {
    /// Whether there is silence now.
    pub(super) fn is_on(&self) -> bool {
        *self.0.borrow() % 2 == 1
    }

    /// Waits for an answer of the database as long as there is no silence.
    pub(super) async fn unless<T, E: From<DbErr>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut heard = self.0.subscribe();
        let next = *heard.borrow() | 1;
        tokio::select! {
            biased;
            answer = answer => answer,
            // The sender lives as long as this.
            _ = heard.wait_for(|now| *now >= next) => Err(silent().into()),
        }
    }

    /// The database says nothing any more.
    pub(super) fn begin(&self) {
        self.0.send_modify(|changes| *changes += 1);
        metrics::counter!("muster_database_silences_total").increment(1);
        tracing::warn!("the database says nothing any more; what needs it fails at once until it answers");
    }

    /// It answers.
    pub(super) fn end(&self) {
        self.0.send_modify(|changes| *changes += 1);
        tracing::info!("the database answers again");
    }
}

fn silent() -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(Error::Io(ErrorKind::TimedOut.into()))))
}

/// Beats until silence falls.
pub(super) async fn until_silent(options: &PgConnectOptions) {
    let mut connection = None;
    loop {
        let is_old = connection.is_some();
        tokio::select! {
            biased;
            // An error is a word, too: a database that refuses connections is told by whoever wants one.
            beaten = once(options, connection.take()) => connection = beaten.ok(),
            () = overtaken(options), if is_old => return,
            () = sleep(PATIENCE) => return,
        }
        sleep(INTERVAL).await;
    }
}

/// Waits until a beat that is late is overtaken by one on a new connection.
async fn overtaken(options: &PgConnectOptions) {
    sleep(DOUBT).await;
    // A refusal does not count: it may come from something between that has no room for more.
    until(options, Result::is_ok).await;
    sleep(GRACE).await;
}

/// One beat, on a new connection if there is none.
async fn once(options: &PgConnectOptions, connection: Option<PgConnection>) -> Result<PgConnection, Error> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => options.connect().await?,
    };
    connection.ping().await?;
    Ok(connection)
}

/// Waits until the database answers a new connection, if only to refuse it.
pub(super) async fn until_heard(options: &PgConnectOptions) {
    until(options, |beaten| matches!(beaten, Ok(_) | Err(Error::Database(_)))).await;
}

/// Tries to connect, again and again without waiting for the tries before, until one ends well enough.
async fn until(options: &PgConnectOptions, is_heard: fn(&Result<PgConnection, Error>) -> bool) {
    let mut tries = FuturesUnordered::new();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => tries.push(timeout(PATIENCE, once(options, None))),
            Some(end) = tries.next() => if end.is_ok_and(|beaten| is_heard(&beaten)) { return },
        }
    }
}

#[cfg(test)]
mod tests;
