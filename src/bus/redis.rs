//! The bus between servers: Redis in front of the bus inside this server, by one connection that publishes and one
//! that subscribes.
//!
//! Messages of this server reach its own receivers at once; its echo from Redis is ignored. Redis may be away, restart
//! or freeze at any time. Then the breaker opens: what is published to others is dropped, nobody waits for it, and
//! every receiver gets a gap once it is back.

mod breaker;
mod outbox;
mod publisher;
mod recent;
mod subscriber;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, TlsCertificates};
use tokio::sync::{mpsc, oneshot};

use self::breaker::{Breaker, Side};
use self::outbox::{Outbox, Outgoing};
use self::publisher::{Connection, Publisher, is_of_the_connection};
use self::subscriber::{Subscriber, Wanted};
use super::receivers::Receivers;
use super::{Bus, Channel, Entry, Notice};

/// How long a connection, a command or a subscription may take.
const LIMIT: Duration = Duration::from_millis(700);

/// Pause between tries to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// How often each connection is asked whether it lives: with [`LIMIT`], a Redis that hangs is noticed within a second.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Channels that may wait to be subscribed to.
const WANTED: usize = 256;

/// How to reach Redis, and what it keeps.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://`, `rediss://` or `redis+unix://`, with user and password where it wants them.
    pub url: String,
    /// PEM file of the authority that signed its certificate; none: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// Keeps apart the installations that share one Redis.
    pub namespace: String,
    /// Tells this server's messages from those of others; no two servers have the same.
    pub server: String,
    /// Bytes of entries that are kept of one log at most.
    pub recent_bytes: usize,
    /// How long entries are kept after the newest of their log.
    pub recent_time: Duration,
}

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The URL can't be understood.
    #[error("the Redis URL is not valid")]
    Url(#[source] redis::RedisError),
    /// The file of the authority can't be read.
    #[error("the file {} with the authority of Redis can't be read", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A bus over Redis.
pub struct RedisBus {
    outbox: Outbox,
    wanted: mpsc::Sender<Wanted>,
    receivers: Arc<Receivers>,
    breaker: Arc<Breaker>,
    connection: Connection,
    names: Arc<Names>,
}

/// Names of channels and keys in Redis, and of this server in messages.
struct Names {
    /// `muster:NAMESPACE:`.
    prefix: String,
    server: String,
}

impl RedisBus {
    /// Starts the bus, and gives Redis a moment to answer. It need not be there: the bus connects when it comes.
    ///
    /// # Errors
    /// When the URL can't be understood, or the file of the authority can't be read.
    pub async fn start(settings: &RedisSettings) -> Result<Self, BusError> {
        let client = client(settings)?;
        let (outbox, messages) = outbox::outbox();
        let (wanted, requests) = mpsc::channel(WANTED);
        let prefix = format!("muster:{}:", settings.namespace);
        let names = Arc::new(Names { prefix, server: settings.server.clone() });
        let (receivers, breaker) = (Arc::<Receivers>::default(), Arc::<Breaker>::default());
        let connection = Connection::default();
        let subscriber = Subscriber {
            client: client.clone(),
            names: Arc::clone(&names),
            receivers: Arc::clone(&receivers),
            breaker: Arc::clone(&breaker),
            wanted: requests,
        };
        let publisher = Publisher {
            client,
            names: Arc::clone(&names),
            breaker: Arc::clone(&breaker),
            connection: connection.clone(),
            outbox: messages,
            bounds: recent::Bounds { bytes: settings.recent_bytes, time: settings.recent_time },
            is_refused: false,
        };
        tokio::spawn(subscriber.run());
        tokio::spawn(publisher.run());
        // Either way the bus works: late, with a gap for those who subscribed meanwhile.
        let _ = tokio::time::timeout(LIMIT * 2, breaker.closed()).await;
        Ok(Self { outbox, wanted, receivers, breaker, connection, names })
    }

    /// Asks for the channel and waits for Redis to confirm. One that is confirmed later, or by a new connection,
    /// gets a gap then.
    async fn confirm(&self, channel: Channel) {
        let (done, confirmed) = oneshot::channel();
        if self.wanted.send(Wanted { channel, done }).await.is_ok() {
            let _ = confirmed.await;
        }
    }

    /// Puts something in the outbox, unless nobody would send it.
    fn send(&self, outgoing: Outgoing) {
        if !self.breaker.works(Side::Publishing) || !self.outbox.offer(outgoing) {
            metrics::counter!("muster_bus_messages_total", "what" => "dropped").increment(1);
        }
    }
}

impl Bus for RedisBus {
    fn publish(&self, channel: Channel, message: Bytes) {
        self.receivers.deliver(&channel, &message);
        self.send(Outgoing::Message(channel, message));
    }

    fn subscribe(&self, channel: Channel) -> BoxFuture<'_, mpsc::Receiver<Notice>> {
        async move {
            let receiver = self.receivers.add(Arc::clone(&channel));
            if self.breaker.works(Side::Subscribing) {
                let _ = tokio::time::timeout(LIMIT, self.confirm(channel)).await;
            }
            receiver
        }
        .boxed()
    }

    fn healthy(&self) -> bool {
        self.breaker.is_closed()
    }

    fn keeps(&self) -> bool {
        self.breaker.works(Side::Publishing)
    }

    fn keep(&self, log: Arc<str>, entries: Vec<Entry>) {
        self.send(Outgoing::Entries(log, entries));
    }

    fn kept<'a>(&'a self, log: &'a str, after: i64, up_to: i64, limit: usize) -> BoxFuture<'a, Vec<Entry>> {
        async move {
            let connection = self.connection.get().filter(|_| self.breaker.works(Side::Publishing));
            let Some(mut connection) = connection else { return Vec::new() };
            let wanted = recent::Wanted { key: self.names.log(log), after, up_to, limit };
            wanted.read(&mut connection).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "recent entries could not be read; the store is read instead");
                if is_of_the_connection(&error) {
                    // Others need not wait as long; the next heartbeat tells whether it is so.
                    self.breaker.failed(Side::Publishing, &error);
                }
                Vec::new()
            })
        }
        .boxed()
    }
}

impl Names {
    /// The name of a channel.
    fn channel(&self, channel: &str) -> String {
        format!("{}{channel}", self.prefix)
    }

    /// The key of a log's entries.
    fn log(&self, log: &str) -> String {
        format!("{}recent:{log}", self.prefix)
    }

    /// A message as it goes over the wire: the name of the server, a line end, the message.
    fn seal(&self, message: &[u8]) -> Vec<u8> {
        [self.server.as_bytes(), b"\n", message].concat()
    }

    /// The message in what came over the wire; none when it is this server's own.
    fn open(&self, mut sealed: Bytes) -> Option<Bytes> {
        let end = sealed.iter().position(|byte| *byte == b'\n')?;
        let server = sealed.split_to(end);
        (server != self.server.as_bytes()).then(|| sealed.slice(1..))
    }
}

/// A client that speaks RESP3 without Nagle's delay.
fn client(settings: &RedisSettings) -> Result<Client, BusError> {
    let info = settings.url.as_str().into_connection_info().map_err(BusError::Url)?;
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let info = info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let client = match &settings.ca {
        None => Client::open(info),
        Some(path) => {
            let ca =
                std::fs::read(path).map_err(|source| BusError::Authority { path: path.clone(), source })?;
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(ca) })
        }
    };
    client.map_err(BusError::Url)
}

/// Time limits that every connection has.
fn limits() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(LIMIT)).set_response_timeout(Some(LIMIT))
}
