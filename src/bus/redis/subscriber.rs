//! The subscribing connection: pushes go straight to the receivers; a task keeps it alive and its channels right.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Client, PushInfo, PushKind, RedisResult, Value};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::breaker::{Breaker, Side};
use super::{HEARTBEAT, Names, PAUSE, limits};
use crate::bus::Channel;
use crate::bus::receivers::Receivers;

/// Channels in one command at most.
const CHANNELS: usize = 500;

/// Owner of the subscribing connection.
pub(super) struct Subscriber {
    pub(super) client: Client,
    pub(super) names: Arc<Names>,
    pub(super) receivers: Arc<Receivers>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) wanted: mpsc::Receiver<Wanted>,
}

/// A channel that has a new receiver, and whom to tell when its messages will arrive.
pub(super) struct Wanted {
    pub(super) channel: Channel,
    pub(super) done: oneshot::Sender<()>,
}

/// A live connection and what it is subscribed to.
struct Session {
    connection: MultiplexedConnection,
    channels: HashSet<Channel>,
    lost: Arc<Notify>,
}

impl Subscriber {
    /// Connects, again and again, until the bus is dropped.
    pub(super) async fn run(mut self) {
        while !self.wanted.is_closed() {
            let ended = match self.connect().await {
                Ok(session) => {
                    metrics::counter!("muster_bus_connects_total").increment(1);
                    self.serve(session).await
                }
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => return,
                Err(error) => self.breaker.failed(Side::Subscribing, &error),
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
        self.reconcile(&mut session).await?;
        // From here on new receivers ask for their channel; those who came just before are found in the list.
        self.breaker.worked(Side::Subscribing);
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
            session.connection.subscribe(self.names.channel(&wanted.channel)).await?;
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
            let names: Vec<String> = batch.iter().map(|channel| self.names.channel(channel)).collect();
            session.connection.subscribe(names).await?;
        }
        if !late.is_empty() {
            self.receivers.gap();
        }
        for batch in missing(&session.channels, &listened).chunks(CHANNELS) {
            let names: Vec<String> = batch.iter().map(|channel| self.names.channel(channel)).collect();
            session.connection.unsubscribe(names).await?;
        }
        session.channels = listened;
        Ok(())
    }

    /// What the connection calls for every push, on its own task: it must not wait.
    fn pushes(&self, lost: Arc<Notify>) -> impl Fn(PushInfo) -> Result<(), std::convert::Infallible> + use<> {
        let receivers = Arc::clone(&self.receivers);
        let names = Arc::clone(&self.names);
        move |push| {
            match push.kind {
                PushKind::Message => deliver(&receivers, &names, push.data),
                PushKind::Disconnection => lost.notify_one(),
                _ => {}
            }
            Ok(())
        }
    }
}

/// Delivers the parts of a message push: the channel's name, then the payload.
fn deliver(receivers: &Receivers, names: &Names, parts: Vec<Value>) {
    let mut parts = parts.into_iter();
    let (Some(Value::BulkString(channel)), Some(Value::BulkString(sealed))) = (parts.next(), parts.next())
    else {
        return;
    };
    let Some(message) = names.open(Bytes::from(sealed)) else { return };
    metrics::counter!("muster_bus_messages_total", "what" => "received").increment(1);
    if let Some(channel) =
        std::str::from_utf8(&channel).ok().and_then(|name| name.strip_prefix(names.prefix.as_str()))
    {
        receivers.deliver(channel, &message);
    }
}

/// What is wanted and not there.
fn missing(wanted: &HashSet<Channel>, there: &HashSet<Channel>) -> Vec<Channel> {
    wanted.difference(there).cloned().collect()
}
