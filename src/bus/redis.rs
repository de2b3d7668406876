//! The bus between servers: Redis publish and subscribe, one connection each.
//!
//! Redis may be away, restart or freeze at any time. Then what is published is dropped, nobody waits longer than
//! [`LIMIT`], and every receiver gets a gap once it is back.

mod publisher;
mod subscriber;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion};
use tokio::sync::{mpsc, oneshot};

use super::receivers::Receivers;
use super::{Bus, Channel, Notice};

/// How long a connection, a command or a subscription may take.
const LIMIT: Duration = Duration::from_millis(500);

/// Pause between tries to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// Messages that may wait for the publishing connection; beyond, they are dropped.
const OUTBOX: usize = 4_096;

/// How to reach Redis.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://`, `rediss://` or `redis+unix://`.
    pub url: String,
    /// Keeps apart the installations that share one Redis.
    pub namespace: String,
}

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The URL can't be understood.
    #[error("the Redis URL is not valid")]
    Url(#[source] redis::RedisError),
}

/// A bus over Redis.
pub struct RedisBus {
    outbox: mpsc::Sender<(Channel, Bytes)>,
    wanted: mpsc::Sender<Wanted>,
    receivers: Arc<Receivers>,
    connected: Arc<AtomicBool>,
}

/// A channel that has a new receiver, and whom to tell when its messages will arrive.
struct Wanted {
    channel: Channel,
    done: oneshot::Sender<()>,
}

impl RedisBus {
    /// Starts the bus, and gives Redis a moment to answer. It need not be there: the bus connects when it comes.
    ///
    /// # Errors
    /// When the URL can't be understood.
    pub async fn start(settings: &RedisSettings) -> Result<Self, BusError> {
        let client = client(&settings.url).map_err(BusError::Url)?;
        let prefix: Arc<str> = format!("muster:{}:", settings.namespace).into();
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let (wanted, requests) = mpsc::channel(OUTBOX);
        let bus = Self { outbox, wanted, receivers: Arc::default(), connected: Arc::default() };
        let subscriber = subscriber::Subscriber {
            client: client.clone(),
            prefix: Arc::clone(&prefix),
            receivers: Arc::clone(&bus.receivers),
            connected: Arc::clone(&bus.connected),
            wanted: requests,
        };
        let (ready, first) = oneshot::channel();
        tokio::spawn(subscriber.run(ready));
        tokio::spawn(publisher::Publisher::new(client, prefix, messages).run());
        // Either way the bus works: late, with a gap for those who subscribed meanwhile.
        let _ = tokio::time::timeout(LIMIT * 2, first).await;
        Ok(bus)
    }

    /// Asks for the channel and waits for Redis to confirm. One that is confirmed later, or by a new connection,
    /// gets a gap then.
    async fn confirm(&self, channel: Channel) {
        let (done, confirmed) = oneshot::channel();
        if self.wanted.send(Wanted { channel, done }).await.is_ok() {
            let _ = confirmed.await;
        }
    }
}

impl Bus for RedisBus {
    fn publish(&self, channel: Channel, message: Bytes) {
        if self.outbox.try_send((channel, message)).is_err() {
            metrics::counter!("muster_bus_messages_total", "what" => "dropped").increment(1);
            tracing::debug!("dropped a message: the bus is away or behind");
        }
    }

    fn subscribe(&self, channel: Channel) -> BoxFuture<'_, mpsc::Receiver<Notice>> {
        async move {
            let receiver = self.receivers.add(Arc::clone(&channel));
            if self.healthy() {
                let _ = tokio::time::timeout(LIMIT, self.confirm(channel)).await;
            }
            receiver
        }
        .boxed()
    }

    fn healthy(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
    }
}

/// A client that speaks RESP3 without Nagle's delay.
fn client(url: &str) -> redis::RedisResult<Client> {
    let info = url.into_connection_info()?;
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let tcp = TcpSettings::default().set_nodelay(true);
    Client::open(info.set_redis_settings(redis).set_tcp_settings(tcp))
}

/// Time limits that every connection has.
fn limits() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(LIMIT)).set_response_timeout(Some(LIMIT))
}
