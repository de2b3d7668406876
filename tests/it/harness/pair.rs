//! Two of the real program on one database and Redis, and a campaign over hosts of both, which answer by themselves and go
//! to whichever server answers, as through a proxy.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::agent::{Agent, AgentAnswer, Identity};
use super::binary::Process;
use super::campaign::{Viewing, assert_totals_equal_events, rows_by_host};
use super::personas::Person;
use super::seeds::is_long;
use super::services::env;
use super::{wire, within_deadline};

/// Hosts of a campaign in which something breaks: as many as `MUSTER_TEST_HOSTS` says, or as the tier has.
pub fn hosts() -> usize {
    let said = env("MUSTER_TEST_HOSTS").map(|count| count.parse().expect("MUSTER_TEST_HOSTS is a number"));
    said.unwrap_or(if is_long() { 2_000 } else { 100 })
}

/// How long whoever was failed by a server waits before they try again.
const PAUSE: Duration = Duration::from_millis(100);

/// Hosts of a campaign that enroll at the same time.
const ENROLLING: usize = 64;

/// Waits, in the long tier, until no other test has two servers: thousands of hosts are enough for a machine.
pub async fn alone() -> Option<MutexGuard<'static, ()>> {
    static PLACE: Mutex<()> = Mutex::const_new(());
    if is_long() { Some(PLACE.lock().await) } else { None }
}

/// Two servers, and somebody who may do everything.
pub struct Pair {
    pub servers: [Process; 2],
    pub admin: Person,
}

impl Pair {
    /// A server, and another beside it.
    pub async fn with(first: Process) -> Self {
        let admin = first.admin().await;
        let second = first.beside();
        Self { servers: [first, second], admin }
    }

    /// An agent that is not enrolled, of one of the servers.
    pub fn agent(&self, name: &str, secret: &str, number: usize) -> Agent {
        let answer = name.to_owned();
        let answering = Arc::new(move |_: &str| AgentAnswer::one("name", &answer));
        Agent::new(self.servers[number % 2].address, secret, Identity::linux(name), answering)
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        [self.servers[0].address, self.servers[1].address]
    }

    /// The metrics of a server.
    pub async fn scrape(&self, number: usize) -> String {
        let request = wire::request("GET", "/metrics", &[], b"");
        let response = wire::exchange(self.servers[number].address, &request).await.expect("an answer");
        String::from_utf8(response.body).expect("it is text")
    }

    /// Bytes that wait for viewers of the first.
    pub async fn waiting_bytes(&self) -> f64 {
        value(&self.scrape(0).await, "muster_socket_waiting_bytes")
    }
}

/// The value of a metric without labels.
pub fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("there is no {name}"))
}

/// A campaign under way: hosts answer by themselves, two people watch.
pub struct Campaign {
    id: String,
    admin: Person,
    hosts: Vec<JoinHandle<Agent>>,
    viewers: Vec<JoinHandle<Vec<Value>>>,
    acknowledged: watch::Sender<usize>,
}

impl Campaign {
    /// Enrolls hosts under these names, starts a campaign over them, and lets them answer.
    pub async fn begin(pair: &Pair, prefix: &str, count: usize) -> Self {
        let secret = pair.servers[0].command(&["enroll", "secret"], "");
        let admin = pair.admin.clone();
        let (mut enrolling, places) = (JoinSet::new(), Arc::new(Semaphore::new(ENROLLING)));
        for number in 0..count {
            let mut host = pair.agent(&format!("{prefix}{number}"), &secret, number);
            let places = Arc::clone(&places);
            enrolling.spawn(async move {
                let _place = places.acquire().await.expect("it is never closed");
                while !host.enroll().await {}
                while host.config().await.is_err() {}
                host
            });
        }
        let hosts = within_deadline("hosts to be let in", enrolling.join_all()).await;
        let targets = serde_json::json!({ "filter": { "search": prefix } });
        let id = admin.start_on("select name from system_info", targets).await;
        let viewers = [pair.addresses(), {
            let [one, two] = pair.addresses();
            [two, one]
        }];
        let viewers = viewers.map(|servers| tokio::spawn(view(admin.clone(), servers, id.clone())));
        let acknowledged = watch::Sender::new(0);
        let pause = Duration::from_millis(count as u64);
        let answering = |host| tokio::spawn(answer(host, pair.addresses(), pause, acknowledged.clone()));
        let hosts = hosts.into_iter().map(answering).collect();
        Self { id, admin, hosts, viewers: viewers.into(), acknowledged }
    }

    /// Waits until so many answers were acknowledged.
    pub async fn acknowledged(&self, count: usize) {
        let mut acknowledged = self.acknowledged.subscribe();
        let enough = acknowledged.wait_for(|acknowledged| *acknowledged >= count);
        within_deadline("answers to be acknowledged", enough).await.expect("it lives as long as this");
    }

    /// Everybody answers, and all that must hold does.
    pub async fn check(self) {
        let mut names = BTreeSet::new();
        for host in self.hosts {
            let host = within_deadline("a host to answer", host).await.expect("the agent lives");
            assert_eq!(host.ledger.enrollments, 1, "{} enrolled again", host.identity.hostname);
            assert_eq!(host.ledger.accepted.len(), 1);
            assert_eq!(host.unsent(), 0);
            names.insert(host.identity.hostname.clone());
        }
        let events = self.admin.events(&self.id, None, 100).await;
        assert_eq!(rows_by_host(&events).into_keys().collect::<BTreeSet<_>>(), names);
        assert_eq!(events.len(), names.len() + 1, "each answer once, and the end");
        let campaign = self.admin.campaign(&self.id).await;
        assert_eq!(campaign["status"], "COMPLETED", "{campaign}");
        assert_totals_equal_events(&campaign["totals"], &events);
        for viewer in self.viewers {
            let seen = within_deadline("a viewer to see the end", viewer).await.expect("the viewer lives");
            assert_eq!(seen, events, "what was seen in pieces is the whole");
        }
    }
}

/// Checks in until it was asked and its answer acknowledged; goes to the other server when one fails it. Pauses between, as
/// agents do: all together ask a thousand times a second, and leave the servers time to answer.
async fn answer(
    mut host: Agent,
    servers: [SocketAddr; 2],
    pause: Duration,
    acknowledged: watch::Sender<usize>,
) -> Agent {
    loop {
        if host.poll().await.is_err() {
            host.server = if host.server == servers[0] { servers[1] } else { servers[0] };
        }
        if !host.ledger.accepted.is_empty() {
            break;
        }
        sleep(pause).await;
    }
    acknowledged.send_modify(|acknowledged| *acknowledged += 1);
    host
}

/// Watches to the end; goes on at the other server, after its cursor, when one is gone.
async fn view(viewer: Person, servers: [SocketAddr; 2], id: String) -> Vec<Value> {
    let (mut seen, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
    for server in servers.into_iter().cycle() {
        let viewer = Person { server, ..viewer.clone() };
        if let Some((viewing, end)) = view_at_one(viewer, id.clone(), cursor.clone()).await {
            if viewing.last.is_object() {
                cursor = Some(viewing.cursor());
            }
            seen.extend(viewing.events);
            if end == Some(false) {
                break;
            }
        }
        sleep(PAUSE).await;
    }
    seen
}

/// Watches at one server, until the stream ends (false) or breaks; none where the server is away.
async fn view_at_one(viewer: Person, id: String, after: Option<String>) -> Option<(Viewing, Option<bool>)> {
    TcpStream::connect(viewer.server).await.ok()?;
    let watching = tokio::spawn(async move {
        let mut viewing: Viewing = viewer.follow_in_batches(&id, after.as_deref(), 20).await;
        let end = loop {
            match viewing.try_batch().await {
                Some(true) => {}
                end => break end,
            }
        };
        (viewing, end)
    });
    // A server that dies while it is asked ends that task.
    watching.await.ok()
}
