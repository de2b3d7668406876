//! The contract of the bus, held by both: the local one and Redis.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use muster::bus::{Bus, Channel, LocalBus, Notice, RedisBus, RedisSettings};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::harness::services::{not_run, redis::Redis};
use crate::harness::{block_on, within_deadline};

/// Makes a test of each law for each bus.
macro_rules! contract {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        mod $name {
            $(#[$doc])*
            #[test]
            fn local() {
                super::block_on(super::laws::$name(&super::LocalBus::default()));
            }

            $(#[$doc])*
            #[test]
            fn redis() {
                match super::Redis::start() {
                    Ok(redis) => super::block_on(async {
                        super::laws::$name(&super::connect(&redis.url).await).await;
                    }),
                    Err(missing) => super::not_run(concat!("bus::", stringify!($name), "::redis"), &missing),
                }
            }
        }
    )*};
}

contract! {
    /// Whoever subscribed before gets what is published after, on its channel alone.
    delivery
    /// Messages of a channel arrive in the order of publication.
    order
    /// Who falls behind gets one gap in place of what it missed, and then what follows.
    overflow
    /// A receiver that was dropped is no hindrance to the others.
    departure
}

/// The laws, for any bus.
mod laws {
    use super::*;

    pub(super) async fn delivery(bus: &impl Bus) {
        let mut first = subscribed(bus, "a").await;
        let mut second = subscribed(bus, "a").await;
        let mut other = subscribed(bus, "b").await;
        bus.publish(channel("a"), text("one"));
        bus.publish(channel("b"), text("two"));
        assert_eq!(message(&mut first).await, text("one"));
        assert_eq!(message(&mut second).await, text("one"));
        assert_eq!(message(&mut other).await, text("two"));
    }

    pub(super) async fn order(bus: &impl Bus) {
        let mut receiver = subscribed(bus, "a").await;
        for number in 0..200 {
            bus.publish(channel("a"), text(&number.to_string()));
        }
        for number in 0..200 {
            assert_eq!(message(&mut receiver).await, text(&number.to_string()));
        }
    }

    pub(super) async fn overflow(bus: &impl Bus) {
        let mut slow = subscribed(bus, "a").await;
        let mut quick = subscribed(bus, "a").await;
        for number in 0..1_000 {
            bus.publish(channel("a"), text(&number.to_string()));
            // One that keeps up gets all of it, which also shows that everything was delivered.
            assert_eq!(message(&mut quick).await, text(&number.to_string()));
        }
        let mut expected = 0;
        loop {
            match notice(&mut slow).await {
                Notice::Message(received) if received == text(READY) => {}
                Notice::Message(received) => {
                    assert_eq!(
                        received,
                        text(&expected.to_string()),
                        "what comes before the gap has no hole"
                    );
                    expected += 1;
                }
                Notice::Gap if expected > 0 => break,
                // The subscription came late.
                Notice::Gap => {}
            }
        }
        assert!(expected < 1_000, "the queue is bounded");
        bus.publish(channel("a"), text("after"));
        assert_eq!(message(&mut slow).await, text("after"), "nothing that was missed comes late");
    }

    pub(super) async fn departure(bus: &impl Bus) {
        let mut stays = subscribed(bus, "a").await;
        for _ in 0..500 {
            drop(bus.subscribe(channel("a")).await);
        }
        bus.publish(channel("a"), text("one"));
        assert_eq!(message(&mut stays).await, text("one"));
    }
}

/// Servers that share a Redis hear each other; other installations in it do not.
#[test]
fn namespaces() {
    let redis = match Redis::start() {
        Ok(redis) => redis,
        Err(missing) => return not_run("bus::namespaces", &missing),
    };
    block_on(async {
        let (one, two) = (connect(&redis.url).await, connect(&redis.url).await);
        let other = RedisSettings { url: redis.url.clone(), namespace: "other".into() };
        let other = RedisBus::start(&other).await.expect("the URL is valid");
        let mut receiver = two.subscribe(channel("a")).await;
        let mut theirs = other.subscribe(channel("a")).await;
        other.publish(channel("a"), text("theirs"));
        assert_eq!(message(&mut theirs).await, text("theirs"));
        one.publish(channel("a"), text("ours"));
        assert_eq!(message(&mut receiver).await, text("ours"));
    });
}

/// While Redis is away nobody waits for it; when it is back, every receiver gets a gap and then what follows.
#[test]
fn redis_restart() {
    let mut redis = match Redis::start_private() {
        Ok(redis) => redis,
        Err(missing) => return not_run("bus::redis_restart", &missing),
    };
    block_on(async {
        let bus = connect(&redis.url).await;
        let mut before = bus.subscribe(channel("a")).await;
        let stopped = redis.stop();
        for _ in 0..10_000 {
            bus.publish(channel("a"), text("lost"));
        }
        let mut meanwhile = within_deadline("a subscription", bus.subscribe(channel("b"))).await;
        redis.restart(stopped);
        gap(&mut before).await;
        gap(&mut meanwhile).await;
        // The publishing connection comes back by itself, with one of these.
        let heard = async {
            loop {
                bus.publish(channel("a"), text("found"));
                bus.publish(channel("b"), text("found"));
                if timeout(Duration::from_millis(100), found(&mut before)).await.is_ok() {
                    break;
                }
            }
        };
        within_deadline("the bus to come back", heard).await;
        found(&mut meanwhile).await;
        assert!(bus.healthy());
    });
}

/// A Redis that accepts and never answers holds up nobody either, and is noticed.
#[test]
fn redis_freeze() {
    let redis = match Redis::start_private() {
        Ok(redis) => redis,
        Err(missing) => return not_run("bus::redis_freeze", &missing),
    };
    block_on(async {
        let bus = connect(&redis.url).await;
        let mut receiver = bus.subscribe(channel("a")).await;
        redis.freeze();
        for _ in 0..10_000 {
            bus.publish(channel("a"), text("lost"));
        }
        let subscribed = within_deadline("a subscription", bus.subscribe(channel("b"))).await;
        drop(subscribed);
        redis.thaw();
        gap(&mut receiver).await;
    });
}

async fn connect(url: &str) -> RedisBus {
    let settings = RedisSettings { url: url.to_owned(), namespace: format!("test-{}", std::process::id()) };
    let bus = RedisBus::start(&settings).await.expect("the URL is valid");
    assert!(bus.healthy(), "Redis is there");
    bus
}

fn channel(name: &str) -> Channel {
    Arc::from(name)
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn notice(receiver: &mut Receiver<Notice>) -> Notice {
    within_deadline("a notice", receiver.recv()).await.expect("the bus lives")
}

/// What [`subscribed`] publishes until it arrives.
const READY: &str = "ready";

/// Subscribes, and waits until what is published arrives: on a loaded machine a subscription may come late.
async fn subscribed(bus: &impl Bus, name: &str) -> Receiver<Notice> {
    let mut receiver = bus.subscribe(channel(name)).await;
    loop {
        bus.publish(channel(name), text(READY));
        let ready = async { while notice(&mut receiver).await != Notice::Message(text(READY)) {} };
        if timeout(Duration::from_millis(100), ready).await.is_ok() {
            return receiver;
        }
    }
}

/// The next message that is not of [`subscribed`]; gaps before it are allowed at any time.
async fn message(receiver: &mut Receiver<Notice>) -> Bytes {
    loop {
        if let Notice::Message(message) = notice(receiver).await
            && message != text(READY)
        {
            return message;
        }
    }
}

/// Waits for what is published once the bus is back: a second gap is no fault, and what was published meanwhile may
/// still arrive.
async fn found(receiver: &mut Receiver<Notice>) {
    while message(receiver).await != text("found") {}
}

/// Waits for a gap; messages of before are allowed.
async fn gap(receiver: &mut Receiver<Notice>) {
    while notice(receiver).await != Notice::Gap {}
}
