//! Kafka: a record a line, thanked for when every replica in sync has it.
//!
//! A cluster announces its brokers by name, and a client follows. Clients connect by themselves, past
//! [`super::egress`], and want a connection a partition (rskafka) or OpenSSL and cmake (rdkafka); the crate of the
//! protocol alone (kafka-protocol) makes room for as much as a length in an answer says. What is needed is little, so
//! it is written out: four messages over connections of our own, one a broker that leads a partition.

#[cfg(test)]
mod broker_tests;
mod delivery;
mod fate;
mod records;
mod scram;
mod session;
mod wire;

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::egress::{Egress, host_and_port};
use super::envelope::{Content, Line};
use super::secret::Secret;
use super::trust::{Pem, Trust};
use super::{Destination, Failure};
use fate::Fate;
use session::{Door, Leader, Metadata, Session};

/// Port of Kafka.
const PORT: u16 = 9092;
/// How long what is known of a cluster is taken for true while nothing fails.
const FRESH: Duration = Duration::from_mins(5);
/// Characters of a topic's name at most.
const MAX_TOPIC: usize = 249;
/// Bytes of a record that are not the line, at most.
const OVERHEAD: usize = 512;
/// Bytes of a line at most; a broker may take fewer, and says so.
const MAX_LINE: usize = 32 << 20;

/// What can be set of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaTarget {
    /// Brokers to ask first, each as `HOST:PORT`.
    pub brokers: Vec<String>,
    /// Topic of a line; `{kind}` and `{team}` stand for those of the line.
    #[serde(default = "topic")]
    pub topic: String,
    /// What a record is.
    #[serde(default)]
    pub content: Content,
    /// Records are compressed with gzip.
    #[serde(default)]
    pub compress: bool,
    /// Brokers speak TLS.
    #[serde(default)]
    pub tls: bool,
    /// Authorities to trust instead of those of browsers, in PEM.
    pub ca: Option<String>,
    /// What is shown to a server that wants to know who connects, in PEM.
    pub client_certificate: Option<String>,
    /// The private key of it, in PEM.
    pub client_key: Option<Secret>,
    /// How `username` and `password` are proved.
    pub sasl: Option<Mechanism>,
    /// Who connects.
    pub username: Option<String>,
    /// The password of the user.
    pub password: Option<Secret>,
}

/// How a password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// It is told; only TLS keeps it secret.
    #[serde(rename = "plain")]
    Plain,
    /// SCRAM with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl Mechanism {
    /// Its name in the protocol.
    fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What is proved.
struct Credentials {
    mechanism: Mechanism,
    username: String,
    password: Secret,
}

fn topic() -> String {
    "muster-{kind}".to_owned()
}

impl KafkaTarget {
    /// What is wrong with it.
    pub(super) fn validate(&self) -> Result<(), String> {
        self.places()?;
        self.credentials()?;
        let example = self.topic.replace("{kind}", "k").replace("{team}", "t");
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_topic = !matches!(example.as_str(), "" | "." | "..") && example.chars().all(fits);
        if !is_topic || self.topic.len() > MAX_TOPIC / 2 {
            return Err("`topic` is letters, digits, `.`, `_` and `-`, beside {kind} and {team}".to_owned());
        }
        if !self.pem().is_empty() && !self.tls {
            return Err("`ca` and `client_certificate` are of no use without `tls`".to_owned());
        }
        self.trust().map(|_| ())
    }

    fn places(&self) -> Result<Vec<(String, u16)>, String> {
        let place = |address: &String| {
            let is_odd = |c: char| !c.is_ascii_graphic() || matches!(c, '/' | '@' | ',');
            if address.is_empty() || address.contains(is_odd) {
                return Err("`brokers` are each HOST:PORT".to_owned());
            }
            Ok(host_and_port(address).unwrap_or_else(|_| (address.clone(), PORT)))
        };
        if self.brokers.is_empty() {
            return Err("`brokers` names at least one".to_owned());
        }
        self.brokers.iter().map(place).collect()
    }

    fn trust(&self) -> Result<Option<Trust>, String> {
        if self.tls { Trust::new(&self.pem()).map(Some) } else { Ok(None) }
    }

    fn pem(&self) -> Pem<'_> {
        Pem {
            ca: self.ca.as_deref(),
            certificate: self.client_certificate.as_deref(),
            key: self.client_key.as_ref(),
        }
    }

    fn credentials(&self) -> Result<Option<Credentials>, String> {
        match (self.sasl, &self.username, &self.password) {
            (None, None, None) => Ok(None),
            (Some(mechanism), Some(username), Some(password)) => {
                let is_plain = |text: &str| text.chars().all(|c| c.is_ascii() && !c.is_ascii_control());
                if username.is_empty() || !is_plain(username) || !is_plain(password.reveal()) {
                    return Err("`username` and `password` are of ASCII characters".to_owned());
                }
                Ok(Some(Credentials { mechanism, username: username.clone(), password: password.clone() }))
            }
            _ => Err("`sasl`, `username` and `password` come together".to_owned()),
        }
    }
}

/// A cluster.
pub(super) struct Kafka {
    target: KafkaTarget,
    first: Vec<(String, u16)>,
    door: Door,
    cluster: Cluster,
    /// Connections that nothing is awaited on, by broker.
    sessions: HashMap<i32, Session>,
}

/// What is known of a cluster; forgotten when a broker says that it is not so any more.
#[derive(Default)]
struct Cluster {
    brokers: HashMap<i32, (String, u16)>,
    topics: HashMap<String, Vec<Leader>>,
    /// When it was learned of.
    at: Option<Instant>,
}

impl Kafka {
    pub(super) fn new(target: &KafkaTarget, egress: Egress) -> Result<Self, String> {
        let door = Door { egress, trust: target.trust()?, credentials: target.credentials()? };
        let (first, target) = (target.places()?, target.clone());
        Ok(Self { target, first, door, cluster: Cluster::default(), sessions: HashMap::new() })
    }

    /// Learns of the cluster, with these topics, from the first broker that answers: one of the configuration, or one
    /// that is known of.
    async fn learn(&mut self, topics: &[String]) -> Result<(), Failure> {
        let mut last = Failure::retry("no broker is known");
        let known: Vec<(String, u16)> = self.cluster.brokers.values().cloned().collect();
        for (host, port) in self.first.iter().chain(&known) {
            let asked = async {
                let mut session = self.door.open(host, *port).await?;
                session.metadata(topics).await
            };
            match asked.await {
                Ok(metadata) => return self.cluster.take(metadata, topics),
                Err(failure) => last = failure.of(&format!("broker {host}:{port}")),
            }
        }
        Err(last)
    }
}

impl Cluster {
    /// Keeps what a broker told of what it was asked for.
    fn take(&mut self, told: Metadata, asked: &[String]) -> Result<(), Failure> {
        let place = |port: i32| u16::try_from(port).ok();
        self.at = Some(Instant::now());
        self.brokers = told
            .brokers
            .into_iter()
            .filter_map(|broker| Some((broker.id, (broker.host, place(broker.port)?))))
            .collect();
        for topic in told.topics.into_iter().filter(|topic| asked.contains(&topic.name)) {
            let reason = format!("topic {}: {}", topic.name, fate::word(topic.error));
            match fate::of(topic.error) {
                Fate::Kept => {}
                Fate::Again => return Err(Failure::Retry(reason, None)),
                Fate::Refused | Fate::Wrong => return Err(Failure::Wrong(reason)),
            }
            let mut leaders = topic.leaders;
            leaders.sort_unstable_by_key(|leader| leader.partition);
            self.topics.insert(topic.name, leaders);
        }
        Ok(())
    }

    /// Whether there may be other partitions by now.
    fn is_old(&self) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= FRESH)
    }

    fn place(&self, broker: i32) -> Option<&(String, u16)> {
        self.brokers.get(&broker)
    }
}

impl Destination for Kafka {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { self.produce(lines).await?.result() })
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.learn(&[]))
    }

    fn longest_line(&self) -> usize {
        MAX_LINE - OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(options: &str) -> KafkaTarget {
        toml::from_str(&format!("brokers = ['x:1', 'y']\n{options}")).expect("valid")
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(target("").places(), Ok(vec![("x".to_owned(), 1), ("y".to_owned(), PORT)]));
        for options in [
            "topic = ''",
            "topic = 'a b'",
            "topic = '{host}'",
            "topic = '..'",
            "ca = 'x'",
            "tls = true\nca = 'no certificate'",
            "sasl = 'plain'",
            "username = 'x'",
            "sasl = 'plain'\nusername = 'é'\npassword = 'x'",
        ] {
            assert!(target(options).validate().is_err(), "{options}");
        }
        for brokers in [vec![], vec![""], vec!["a b:1"], vec!["kafka://x:1"], vec!["a,b"]] {
            let brokers = brokers.into_iter().map(str::to_owned).collect();
            assert!(KafkaTarget { brokers, ..target("") }.validate().is_err());
        }
        assert_eq!(
            target("tls = true\nsasl = 'scram-sha-512'\nusername = 'u'\npassword = 'p'").validate(),
            Ok(())
        );
    }
}
