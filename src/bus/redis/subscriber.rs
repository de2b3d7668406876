//! The subscribing connection: pushes go straight to the receivers; a task keeps it alive and its channels right.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Client, PushInfo, PushKind, RedisResult, Value};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{PAUSE, Wanted, limits};
use crate::bus::Channel;
use crate::bus::receivers::Receivers;

/// How often an idle connection is asked whether it lives, and channels that nobody listens to are left.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Channels in one command at most.
const CHANNELS: usize = 500;

/// Owner of the subscribing connection.
pub(super) struct Subscriber {
    pub(super) client: Client,
    pub(super) prefix: Arc<str>,
    pub(super) receivers: Arc<Receivers>,
    pub(super) connected: Arc<AtomicBool>,
    pub(super) wanted: mpsc::Receiver<Wanted>,
}

/// A live connection and what it is subscribed to.
struct Session {
    connection: MultiplexedConnection,
    channels: HashSet<Channel>,
    lost: Arc<Notify>,
}

impl Subscriber {
    /// Connects, again and again, until the bus is dropped; `ready` is told of the first connection.
    pub(super) async fn run(mut self, ready: oneshot::Sender<()>) {
        let mut ready = Some(ready);
        while !self.wanted.is_closed() {
            let ended = match self.connect().await {
                Ok(session) => {
                    let _ = ready.take().map(|ready| ready.send(()));
                    metrics::counter!("muster_bus_connects_total").increment(1);
                    tracing::info!("the bus is connected");
                    self.serve(session).await
                }
                Err(error) => Err(error),
            };
            let was_connected = self.connected.swap(false, Ordering::SeqCst);
            match ended {
                Ok(()) => return,
                Err(error) if was_connected => tracing::warn!(%error, "the bus is away"),
                Err(_) => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Connects and subscribes to every channel that somebody listens to.
    async fn connect(&self) -> RedisResult<Session> {
        let lost = Arc::new(Notify::new());
        let config = limits().set_push_sender(self.pushes(Arc::clone(&lost)));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut session = Session { connection, channels: HashSet::new(), lost };
        // From here on new receivers ask for their channel; those who came before are found in the list.
        self.connected.store(true, Ordering::SeqCst);
        self.reconcile(&mut session).await?;
        Ok(session)
    }

    /// Serves a connection: an error when it is lost, else the bus was dropped.
    async fn serve(&mut self, mut session: Session) -> RedisResult<()> {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let lost = Arc::clone(&session.lost);
            tokio::select! {
                wanted = self.wanted.recv() => match wanted {
                    Some(wanted) => self.add(&mut session, wanted).await?,
                    None => return Ok(()),
                },
                () = lost.notified() => {
                    return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into());
                }
                _ = heartbeat.tick() => {
                    redis::cmd("PING").exec_async(&mut session.connection).await?;
                    self.reconcile(&mut session).await?;
                }
            }
        }
    }

    /// Subscribes to a channel for a new receiver.
    async fn add(&self, session: &mut Session, wanted: Wanted) -> RedisResult<()> {
        if !session.channels.contains(&wanted.channel) {
            session.connection.subscribe(self.name(&wanted.channel)).await?;
            session.channels.insert(Arc::clone(&wanted.channel));
        }
        if wanted.done.send(()).is_err() {
            // It did not wait so long, and may have missed something.
            self.receivers.gap();
        }
        Ok(())
    }

    /// Subscribes to what somebody listens to, with a gap for what was missed, and leaves the rest.
    async fn reconcile(&self, session: &mut Session) -> RedisResult<()> {
        let listened: HashSet<Channel> = self.receivers.listened().into_iter().collect();
        let late = missing(&listened, &session.channels);
        for batch in late.chunks(CHANNELS) {
            let names: Vec<String> = batch.iter().map(|channel| self.name(channel)).collect();
            session.connection.subscribe(names).await?;
        }
        if !late.is_empty() {
            self.receivers.gap();
        }
        for batch in missing(&session.channels, &listened).chunks(CHANNELS) {
            let names: Vec<String> = batch.iter().map(|channel| self.name(channel)).collect();
            session.connection.unsubscribe(names).await?;
        }
        session.channels = listened;
        Ok(())
    }

    /// What the connection calls for every push, on its own task: it must not wait.
    fn pushes(&self, lost: Arc<Notify>) -> impl Fn(PushInfo) -> Result<(), std::convert::Infallible> + use<> {
        let receivers = Arc::clone(&self.receivers);
        let prefix = Arc::clone(&self.prefix);
        move |push| {
            match push.kind {
                PushKind::Message => deliver(&receivers, &prefix, push.data),
                PushKind::Disconnection => lost.notify_one(),
                _ => {}
            }
            Ok(())
        }
    }

    fn name(&self, channel: &Channel) -> String {
        format!("{}{channel}", self.prefix)
    }
}

/// Delivers the parts of a message push: the channel's name, then the payload.
fn deliver(receivers: &Receivers, prefix: &str, parts: Vec<Value>) {
    let mut parts = parts.into_iter();
    let (Some(Value::BulkString(name)), Some(Value::BulkString(message))) = (parts.next(), parts.next())
    else {
        return;
    };
    metrics::counter!("muster_bus_messages_total", "what" => "received").increment(1);
    if let Some(channel) = std::str::from_utf8(&name).ok().and_then(|name| name.strip_prefix(prefix)) {
        receivers.deliver(channel, &Bytes::from(message));
    }
}

/// What is wanted and not there.
fn missing(wanted: &HashSet<Channel>, there: &HashSet<Channel>) -> Vec<Channel> {
    wanted.difference(there).cloned().collect()
}
