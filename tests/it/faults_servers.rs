//! Two of the real program on one PostgreSQL and one Redis, killed, asked to stop, stormed and made to wait, with
//! agents that go to whichever answers, as through a proxy.

use std::sync::Arc;

use rustix::process::Signal;
use tokio::task::JoinSet;

use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::binary::Process;
use crate::harness::campaign::rows_by_host;
use crate::harness::pair::{Campaign, Pair, alone, hosts, value};
use crate::harness::seeds::{Dice, is_long, seeds};
use crate::harness::server::Backend;
use crate::harness::services::not_run;
use crate::harness::socket::{Said, Socket};
use crate::harness::{block_on, within_deadline};

/// kill -9 of one of two servers at a random moment of a campaign: every acknowledged answer is stored once, every
/// host answers in the end, viewers on both see all of it once and in order, nobody enrolls again.
#[test]
fn f01_one_of_two_killed() {
    on_two_processes("f01_one_of_two_killed", async |pair| {
        for seed in seeds().take(20) {
            let mut dice = Dice::of(seed);
            // All histories together may take longer than an access token holds.
            pair.admin.sign_in().await;
            let campaign = Campaign::begin(pair, &format!("f01-{seed}-"), hosts()).await;
            let acknowledged = 1 + dice.below(hosts() - 1);
            campaign.acknowledged(acknowledged).await;
            let victim = dice.below(2);
            pair.servers[victim].kill();
            if dice.once_in(2) {
                campaign.acknowledged((acknowledged + hosts() / 10).min(hosts())).await;
            }
            pair.servers[victim].restart();
            campaign.check().await;
        }
    });
}

/// SIGTERM to one server after the other under load: sockets are told 1012, the program ends well, no agent loses
/// anything that was acknowledged or was under way.
#[test]
fn f03_rolling_restart() {
    on_two_processes("f03_rolling_restart", async |pair| {
        let campaign = Campaign::begin(pair, "f03-", hosts()).await;
        for number in [0, 1] {
            let socket = Socket::init(pair.servers[number].address, pair.admin.token.as_deref()).await;
            let (mut socket, said) = socket;
            assert!(matches!(said, Said::Message(_)), "{said:?}");
            campaign.acknowledged((number + 1) * hosts() / 4).await;
            let server = &mut pair.servers[number];
            server.signal(Signal::TERM);
            assert_eq!(socket.next().await, Said::Closed(1012), "a viewer is told to come again");
            assert_eq!(server.exit_code().await, Some(0), "within the ten seconds of the drain");
            server.restart();
        }
        campaign.check().await;
    });
}

/// All agents enroll at once; then the servers die, and all come back at once. Everybody is let in once, and served: whoever
/// is not let in, or finds nobody listening, tries again; who is known is never refused.
#[test]
fn f28_storms() {
    on_two_processes("f28_storms", async |pair| {
        let count = if is_long() { 2_000 } else { 250 };
        let secret = pair.servers[0].command(&["enroll", "secret"], "");
        let mut enrolling = JoinSet::new();
        for number in 0..count {
            let mut host = pair.agent(&format!("f28-{number}"), &secret, number);
            enrolling.spawn(async move {
                while !host.enroll().await {}
                while host.config().await.is_err() {}
                host
            });
        }
        let hosts = within_deadline("everybody to be let in", enrolling.join_all()).await;
        for server in &mut pair.servers {
            server.kill();
            server.restart();
        }
        let mut returning = JoinSet::new();
        for mut host in hosts {
            returning.spawn(async move {
                while host.config().await.is_err() || host.read().await.is_err() {}
                host.ledger
            });
        }
        for ledger in within_deadline("everybody to be served", returning.join_all()).await {
            assert_eq!(ledger.enrollments, 1, "nobody enrolled again");
            let refused: Vec<_> = ledger.refused.iter().filter(|said| !said.starts_with("enroll")).collect();
            assert!(refused.is_empty(), "a known host was refused: {refused:?}");
        }
    });
}

/// A viewer that takes nothing: what waits for it is bounded, others see everything at once, and it sees everything
/// later.
#[test]
fn f12_slow_viewer() {
    on_two_processes("f12_slow_viewer", async |pair| {
        let secret = pair.servers[0].command(&["enroll", "secret"], "");
        let count = 48;
        let mut hosts = Vec::new();
        for number in 0..count {
            let answering = Arc::new(move |_: &str| {
                AgentAnswer::rows((0..4).map(move |n| [("n", format!("{number}-{n}{}", "x".repeat(60_000)))]))
            });
            let identity = Identity::linux(&format!("f12-{number}"));
            let mut host = Agent::new(pair.servers[0].address, &secret, identity, answering);
            assert!(host.enroll().await, "the secret lets it in");
            host.poll().await.expect("a check-in");
            hosts.push(host);
        }
        let id = pair.admin.start("select n").await;
        let mut slow = pair.admin.follow(&id, None).await;
        assert!(slow.batch().await, "the first batch comes at once");
        let quick = pair.admin.follow(&id, None).await;
        let quick = tokio::spawn(quick.to_the_end());
        for host in &mut hosts {
            host.poll().await.expect("no agent waits for a viewer");
        }
        let seen = within_deadline("the quick viewer to see all", quick).await.expect("it lives");
        let waiting = pair.waiting_bytes().await;
        assert!(waiting > 0.0, "more was sent than the system takes");
        assert!(waiting < 1.3 * f64::from(1 << 20), "{waiting} bytes wait for one viewer");
        assert_eq!(slow.to_the_end().await, seen, "it sees all of it, later");
        assert_eq!(rows_by_host(&seen).len(), count);
        assert!(pair.waiting_bytes().await < 1.0, "nothing waits any more");
    });
}

/// Ten minutes of campaigns, one after the other: descriptors stay what they were, and memory grows by no more than what
/// the hosts need that have come. In the long tier alone.
#[test]
fn f32_soak() {
    const HOSTS: usize = 100;
    const BYTES_PER_HOST: f64 = 1024.0;
    if !is_long() {
        return;
    }
    on_two_processes("f32_soak", async |pair| {
        let until = tokio::time::Instant::now() + std::time::Duration::from_mins(10);
        let mut samples = Vec::new();
        while tokio::time::Instant::now() < until {
            Campaign::begin(pair, &format!("f32-{}-", samples.len()), HOSTS).await.check().await;
            let text = pair.scrape(0).await;
            samples
                .push(["process_resident_memory_bytes", "process_open_fds"].map(|name| value(&text, name)));
        }
        // A first third is for what is filled once.
        let third = samples.len() / 3;
        let (early, late) = (samples[third], samples[samples.len() - 1]);
        let came = u32::try_from((samples.len() - third) * HOSTS).expect("it is not that quick");
        let grown = late[0] - early[0];
        assert!(grown < f64::from(came) * BYTES_PER_HOST, "{grown} bytes for {came} hosts: {samples:?}");
        assert!(late[1] < early[1] + 32.0, "descriptors are kept: {samples:?}");
    });
}

/// Runs a law on two servers; where something is missing, says so.
fn on_two_processes(test: &str, law: impl AsyncFnOnce(&mut Pair)) {
    block_on(async {
        let _alone = alone().await;
        let first = match Process::start(Backend::Postgres).await {
            Ok(process) => process,
            Err(missing) => return not_run(&format!("faults_servers::{test}"), &missing),
        };
        let mut pair = Pair::with(first).await;
        law(&mut pair).await;
        let [first, second] = pair.servers;
        drop(second);
        first.remove().await;
    });
}
