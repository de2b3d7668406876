//! The contract of the bus, held by both: the local one and Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use muster::bus::{Bus, Channel, Entry, LocalBus, Notice, RedisBus, RedisSettings};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::harness::binary::free_port;
use crate::harness::services::guarded::directory;
use crate::harness::services::{not_run, redis::Redis};
use crate::harness::tls::ServerFiles;
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
    on_redis("bus::namespaces", async |redis| {
        let (one, two) = (connect(&redis.url).await, connect(&redis.url).await);
        let other = start(RedisSettings { namespace: "other".into(), ..settings(&redis.url) }).await;
        let mut receiver = two.subscribe(channel("a")).await;
        let mut theirs = other.subscribe(channel("a")).await;
        other.publish(channel("a"), text("theirs"));
        assert_eq!(message(&mut theirs).await, text("theirs"));
        // On a loaded machine the breaker may be open for a moment: then once more.
        let ours = async {
            loop {
                one.publish(channel("a"), text("ours"));
                if let Ok(first) = timeout(Duration::from_millis(100), message(&mut receiver)).await {
                    return first;
                }
            }
        };
        assert_eq!(within_deadline("a message of the other server", ours).await, text("ours"));
    });
}

/// A message reaches the receivers of its own server once, though Redis sends it back.
#[test]
fn no_echo() {
    on_redis("bus::no_echo", async |redis| {
        let (one, two) = (connect(&redis.url).await, connect(&redis.url).await);
        let mut own = subscribed(&one, "a").await;
        for number in 0..50 {
            one.publish(channel("a"), text(&number.to_string()));
        }
        two.publish(channel("a"), text("last"));
        for number in 0..50 {
            assert_eq!(message(&mut own).await, text(&number.to_string()));
        }
        // What came back from Redis would have come before this.
        assert_eq!(message(&mut own).await, text("last"));
    });
}

/// While Redis is away nobody waits for it, and receivers of the same server miss nothing; when it is back, every
/// receiver gets a gap and then what follows.
#[test]
fn redis_restart() {
    on_redis("bus::redis_restart", async |redis| {
        let (one, two) = (connect(&redis.url).await, connect(&redis.url).await);
        let mut before = subscribed(&two, "a").await;
        redis.stop();
        for number in 0..10_000 {
            one.publish(channel("a"), text("lost"));
            if number == 0 {
                two.publish(channel("a"), text("own"));
                assert_eq!(message(&mut before).await, text("own"));
            }
        }
        let mut meanwhile = within_deadline("a subscription", two.subscribe(channel("b"))).await;
        redis.restart();
        gap(&mut before).await;
        gap(&mut meanwhile).await;
        // The publishing connection comes back by itself.
        let heard = async {
            loop {
                one.publish(channel("a"), text("found"));
                one.publish(channel("b"), text("found"));
                if timeout(Duration::from_millis(100), found(&mut before)).await.is_ok() {
                    break;
                }
            }
        };
        within_deadline("the bus to come back", heard).await;
        found(&mut meanwhile).await;
        becomes(&one, true).await;
    });
}

/// A Redis that accepts and never answers holds up nobody either, and is noticed though nobody does anything.
#[test]
fn redis_freeze() {
    on_redis("bus::redis_freeze", async |redis| {
        let bus = connect(&redis.url).await;
        let mut receiver = bus.subscribe(channel("a")).await;
        redis.freeze();
        becomes(&bus, false).await;
        notices(&bus).await;
        for _ in 0..10_000 {
            bus.publish(channel("b"), text("lost"));
        }
        drop(within_deadline("a subscription", bus.subscribe(channel("b"))).await);
        assert_eq!(within_deadline("nothing", bus.kept("log", 0, 9, 9)).await, []);
        redis.thaw();
        gap(&mut receiver).await;
        becomes(&bus, true).await;
    });
}

/// Entries are kept for all servers: in order, up to a hole or a double, the newest of what is too much, for a while.
#[test]
fn recent_entries() {
    on_redis("bus::recent_entries", async |redis| {
        let bounded = RedisSettings { recent_bytes: 2_000, ..settings(&redis.url) };
        let (one, two) = (start(bounded.clone()).await, start(bounded).await);
        let entries = |positions: std::ops::RangeInclusive<i64>, filler: &str| {
            let entry = |position| Entry { position, bytes: text(&format!("{position}{filler}")) };
            positions.map(entry).collect::<Vec<_>>()
        };
        let filler = "x".repeat(90);
        keep(&one, entries(1..=3, "")).await;
        keep(&one, entries(5..=6, "")).await;
        keeps(&two, (0, 9, 9), entries(1..=3, "")).await; // up to the hole
        keeps(&two, (4, 9, 1), entries(5..=5, "")).await; // as many as were wanted
        keeps(&two, (4, 5, 9), entries(5..=5, "")).await; // as far as was wanted
        assert_eq!(two.kept("log", 3, 9, 9).await, [], "the next one is missing");
        assert_eq!(two.kept("other", 0, 9, 9).await, []);
        keep(&two, entries(4..=4, "")).await;
        keeps(&one, (0, 9, 9), entries(1..=6, "")).await; // the hole is filled
        keep(&two, entries(6..=7, " another")).await;
        keeps(&one, (4, 9, 9), entries(5..=5, "")).await; // up to the double
        keep(&one, entries(8..=100, &filler)).await;
        keeps(&two, (81, 100, 99), entries(82..=100, &filler)).await; // 2,000 bytes of the newest
        assert_eq!(two.kept("log", 80, 100, 9).await, [], "the oldest are gone");
        let key = format!("muster:{}:recent:log", settings("").namespace);
        for key in [key.clone(), format!("{key}:bytes")] {
            let seconds: i64 = redis.ask(&["TTL", &key]).await;
            assert!((1..=60).contains(&seconds), "{key} ends in {seconds}");
        }
    });
}

/// A user that may do no more than it must, over TLS with a certificate of a private authority.
#[test]
fn tls_and_acl() {
    let place = directory("mu-redis-");
    let tls = ServerFiles::make(&place);
    // Another test may get the port between this and the start of Redis; then it does not start.
    let port = free_port().port();
    let rights = "resetchannels '&muster:*' '~muster:*' -@all +hello +auth +ping +publish +subscribe \
         +unsubscribe +eval +zadd +zpopmin +zrangebyscore +get +set +del +pexpire";
    let options = format!(
        "--port 0 --tls-port {port} --tls-cert-file {} --tls-key-file {} --tls-ca-cert-file {} --tls-auth-clients no \
         --user default off --user muster on '>p@ss/w:d' {rights}",
        tls.cert.display(),
        tls.key.display(),
        tls.ca.display(),
    );
    let redis = match Redis::start_with(&place, &options) {
        Ok(redis) => redis,
        Err(missing) => return not_run("bus::tls_and_acl", &missing),
    };
    block_on(async {
        let url = format!("rediss://muster:p%40ss%2Fw%3Ad@127.0.0.1:{port}");
        let secure = RedisSettings { ca: Some(tls.ca.clone()), ..settings(&url) };
        let (one, two) = (start(secure.clone()).await, start(secure.clone()).await);
        let mut receiver = subscribed(&two, "a").await;
        one.publish(channel("a"), text("over TLS"));
        assert_eq!(message(&mut receiver).await, text("over TLS"));
        let entries = vec![Entry { position: 1, bytes: text("kept") }];
        keep(&one, entries.clone()).await;
        keeps(&two, (0, 9, 9), entries).await;
        let wrong = url.replace("p%40ss", "wrong");
        for refused in [RedisSettings { ca: None, ..secure.clone() }, RedisSettings { url: wrong, ..secure }]
        {
            let bus = RedisBus::start(&refused).await.expect("the settings can be understood");
            assert!(!bus.healthy(), "{refused:?}");
        }
        drop(redis);
    });
}

/// What can't be understood is told at the start.
#[test]
fn settings_that_are_wrong() {
    block_on(async {
        let refused = async |settings| RedisBus::start(&settings).await.map(drop).expect_err("it is wrong");
        assert_eq!(refused(settings("http://x")).await.to_string(), "the Redis URL is not valid");
        let nowhere = RedisSettings { ca: Some("/nowhere".into()), ..settings("rediss://127.0.0.1:1") };
        assert!(refused(nowhere).await.to_string().contains("/nowhere"));
    });
}

/// Runs a test on a private Redis; where it is missing, says so.
fn on_redis(test: &str, law: impl AsyncFnOnce(&Redis)) {
    match Redis::start_private() {
        Ok(redis) => block_on(law(&redis)),
        Err(missing) => not_run(test, &missing),
    }
}

/// As the tests use Redis; each server has a name of its own.
fn settings(url: &str) -> RedisSettings {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    RedisSettings {
        url: url.to_owned(),
        ca: None,
        namespace: format!("test-{}", std::process::id()),
        server: format!("server-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        recent_bytes: 4 << 20,
        recent_time: Duration::from_mins(1),
    }
}

/// A bus that is connected.
async fn connect(url: &str) -> RedisBus {
    start(settings(url)).await
}

/// A bus that is connected, under a name of its own.
async fn start(with: RedisSettings) -> RedisBus {
    let with = RedisSettings { server: settings("").server, ..with };
    let bus = RedisBus::start(&with).await.expect("the settings can be understood");
    becomes(&bus, true).await;
    bus
}

/// Waits until the bus is connected, or is not.
async fn becomes(bus: &RedisBus, healthy: bool) {
    let turned = async {
        while bus.healthy() != healthy {
            tokio::task::yield_now().await;
        }
    };
    within_deadline(if healthy { "the bus to be connected" } else { "the breaker to open" }, turned).await;
}

/// Waits until each connection of a bus has noticed that Redis is away: they do so one after the other.
async fn notices(bus: &RedisBus) {
    let noticed = async {
        // Only where nobody subscribes any more is a receiver there at once.
        while bus.keeps() || bus.subscribe(channel("c")).now_or_never().is_none() {
            tokio::task::yield_now().await;
        }
    };
    within_deadline("both connections to notice", noticed).await;
}

/// Has entries kept, again and again until the last one is: on a loaded machine the breaker may be open for a moment.
async fn keep(bus: &RedisBus, entries: Vec<Entry>) {
    let last = entries.last().expect("there are some").position;
    let kept = async {
        loop {
            bus.keep("log".into(), entries.clone());
            let found = bus.kept("log", last - 1, i64::MAX, 1).await;
            if found.first().is_some_and(|entry| entry.position == last) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    within_deadline("the entries to be kept", kept).await;
}

/// Waits until what is kept after a position, up to another, so many at most, is this.
async fn keeps(bus: &RedisBus, (after, up_to, limit): (i64, i64, usize), expected: Vec<Entry>) {
    let right = async {
        while bus.kept("log", after, up_to, limit).await != expected {
            tokio::task::yield_now().await;
        }
    };
    within_deadline(&format!("{} entries after {after} to be kept", expected.len()), right).await;
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
