//! The publishing connection: one task that empties the outbox, many messages in one write.

use std::sync::Arc;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{PAUSE, limits};
use crate::bus::Channel;

/// Messages in one write at most.
const BATCH: usize = 512;

/// Owner of the publishing connection.
pub(super) struct Publisher {
    client: Client,
    prefix: Arc<str>,
    outbox: mpsc::Receiver<(Channel, Bytes)>,
    connection: Option<MultiplexedConnection>,
    /// Until then, after a failure, messages are dropped unsent.
    away_until: Instant,
}

impl Publisher {
    /// Connects with the first message.
    pub(super) fn new(client: Client, prefix: Arc<str>, outbox: mpsc::Receiver<(Channel, Bytes)>) -> Self {
        Self { client, prefix, outbox, connection: None, away_until: Instant::now() }
    }

    /// Publishes until the bus is dropped.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.outbox.recv_many(&mut batch, BATCH).await > 0 {
            if Instant::now() >= self.away_until {
                self.send(&batch).await;
            }
            batch.clear();
        }
    }

    /// Sends a batch. A connection that was made earlier may have died since: then once more on a new one.
    async fn send(&mut self, batch: &[(Channel, Bytes)]) {
        let mut pipeline = redis::pipe();
        for (channel, message) in batch {
            let name = format!("{}{channel}", self.prefix);
            pipeline.cmd("PUBLISH").arg(name).arg(message.as_ref()).ignore();
        }
        let was_connected = self.connection.is_some();
        let mut sent = self.attempt(&pipeline).await;
        if sent.is_err() && was_connected {
            sent = self.attempt(&pipeline).await;
        }
        let what = if sent.is_ok() { "published" } else { "dropped" };
        metrics::counter!("muster_bus_messages_total", "what" => what).increment(batch.len() as u64);
        if let Err(error) = sent {
            tracing::debug!(%error, messages = batch.len(), "dropped messages: the bus is away");
            self.away_until = Instant::now() + PAUSE;
        }
    }

    async fn attempt(&mut self, pipeline: &redis::Pipeline) -> RedisResult<()> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.get_multiplexed_async_connection_with_config(&limits()).await?,
        };
        let connection = self.connection.insert(connection);
        let sent = pipeline.query_async(connection).await;
        if sent.is_err() {
            self.connection = None;
        }
        sent
    }
}
