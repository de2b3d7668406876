//! The publishing connection: one task that empties the outbox, many things in one write.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join;
use redis::aio::MultiplexedConnection;
use redis::{Client, Pipeline, RedisError, RedisResult};
use tokio::time::{MissedTickBehavior, interval};

use super::breaker::{Breaker, Side};
use super::outbox::{Outgoing, Outlet};
use super::recent::Bounds;
use super::{HEARTBEAT, Names, limits};

/// The channel that heartbeats go to: publishing is what is tried, for a user may be allowed less.
const HEARTBEATS: &str = "heartbeats";

/// The publishing connection while there is one; entries are read over it too. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct Connection(Arc<Mutex<Option<MultiplexedConnection>>>);

/// Owner of the publishing connection.
pub(super) struct Publisher {
    pub(super) client: Client,
    pub(super) names: Arc<Names>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) connection: Connection,
    pub(super) outbox: Outlet,
    pub(super) bounds: Bounds,
    /// Whether Redis has refused entries, and it was said.
    pub(super) is_refused: bool,
}

impl Connection {
    /// The connection, if there is one.
    pub(super) fn get(&self) -> Option<MultiplexedConnection> {
        self.lock().clone()
    }

    fn set(&self, connection: Option<MultiplexedConnection>) {
        *self.lock() = connection;
    }

    /// A connection is a handle and dropped whole, so nothing is half done under this lock.
    fn lock(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher {
    /// Publishes until the bus is dropped. What comes in while Redis is away is not put in the outbox.
    pub(super) async fn run(mut self) {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                more = self.outbox.take(&mut batch) => {
                    if !more {
                        return;
                    }
                    self.send(&batch).await;
                }
                _ = heartbeat.tick() => self.beat().await,
            }
            batch.clear();
        }
    }

    /// Sees whether Redis lives.
    async fn beat(&mut self) {
        let mut pipeline = redis::pipe();
        self.add_message(&mut pipeline, HEARTBEATS, &[]);
        let beaten = self.attempt(&pipeline, &redis::pipe()).await;
        self.note(&beaten);
    }

    /// Sends a batch. A connection that was made earlier may have died since: then once more on a new one.
    async fn send(&mut self, batch: &[Outgoing]) {
        let (mut messages, mut entries) = (redis::pipe(), redis::pipe());
        for outgoing in batch {
            match outgoing {
                Outgoing::Message(channel, message) => self.add_message(&mut messages, channel, message),
                Outgoing::Entries(log, new) => self.bounds.add(&mut entries, &self.names.log(log), new),
            }
        }
        let was_connected = self.connection.get().is_some();
        let mut sent = self.attempt(&messages, &entries).await;
        if sent.as_ref().is_err_and(is_of_the_connection) && was_connected {
            sent = self.attempt(&messages, &entries).await;
        }
        let what = if sent.is_ok() { "published" } else { "dropped" };
        metrics::counter!("muster_bus_messages_total", "what" => what).increment(batch.len() as u64);
        self.note(&sent);
    }

    fn add_message(&self, pipeline: &mut Pipeline, channel: &str, message: &[u8]) {
        pipeline.cmd("PUBLISH").arg(self.names.channel(channel)).arg(self.names.seal(message)).ignore();
    }

    /// Sends entries and messages, the entries first: whoever hears of them finds them.
    async fn attempt(&mut self, messages: &Pipeline, entries: &Pipeline) -> RedisResult<()> {
        let connection = match self.connection.get() {
            Some(connection) => connection,
            None => self.client.get_multiplexed_async_connection_with_config(&limits()).await?,
        };
        self.connection.set(Some(connection.clone()));
        let (mut first, mut second) = (connection.clone(), connection);
        // Polled in this order, they are written in this order.
        let (kept, published) = join(send(entries, &mut first), send(messages, &mut second)).await;
        let kept = kept.or_else(|error| self.refused(error));
        let sent = published.and(kept);
        if sent.as_ref().is_err_and(is_of_the_connection) {
            self.connection.set(None);
        }
        sent
    }

    /// Entries that Redis does not take are missed by nobody: the store has them. An error of the connection stays one.
    fn refused(&mut self, error: RedisError) -> RedisResult<()> {
        if is_of_the_connection(&error) {
            return Err(error);
        }
        if !std::mem::replace(&mut self.is_refused, true) {
            tracing::warn!(%error, "Redis does not keep recent events; they are read from the store");
        }
        Ok(())
    }

    fn note(&self, result: &RedisResult<()>) {
        match result {
            Ok(()) => self.breaker.worked(Side::Publishing),
            Err(error) => self.breaker.failed(Side::Publishing, error),
        }
    }
}

/// Sends a pipeline, if there is anything in it.
async fn send(pipeline: &Pipeline, connection: &mut MultiplexedConnection) -> RedisResult<()> {
    if pipeline.is_empty() {
        return Ok(());
    }
    pipeline.query_async(connection).await
}

/// Whether an error says that the connection is of no use any more; others are answers of Redis.
pub(super) fn is_of_the_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped()
}
