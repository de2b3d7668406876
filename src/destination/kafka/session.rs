//! A connection to one broker: by TLS where that is set up, proved by SASL where that is, one request at a time.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::fate::{self, word};
use super::scram::{Hash, Scram};
use super::wire::{Api, METADATA, PRODUCE, Reader, SASL_AUTHENTICATE, SASL_HANDSHAKE, Writer};
use super::{Credentials, Mechanism};
use crate::destination::Failure;
use crate::destination::egress::{Connection, Egress};
use crate::destination::trust::Trust;

/// Time for an answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Time that a leader may wait for the replicas of its partitions.
const REPLICAS: Duration = Duration::from_secs(15);
/// Bytes of an answer at most.
const MAX_ANSWER: usize = 8 << 20;
/// What brokers know us by.
const CLIENT: &str = "muster";
/// All replicas that are in sync have the records before they are thanked for.
const ALL: i16 = -1;

/// A connection that nothing is awaited on.
pub(super) struct Session {
    connection: Connection,
    /// The number of the last request.
    number: i32,
}

/// How to connect to any broker of the cluster.
pub(super) struct Door {
    pub(super) egress: Egress,
    pub(super) trust: Option<Trust>,
    pub(super) credentials: Option<Credentials>,
}

/// What a broker tells of the cluster.
pub(super) struct Metadata {
    pub(super) brokers: Vec<Broker>,
    pub(super) topics: Vec<Topic>,
}

/// A broker, as the cluster announces it.
pub(super) struct Broker {
    pub(super) id: i32,
    pub(super) host: String,
    pub(super) port: i32,
}

/// A topic: an error of it as a whole, and who leads each of its partitions.
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) error: i16,
    pub(super) leaders: Vec<Leader>,
}

/// Who leads a partition; -1 is nobody.
#[derive(Clone, Copy)]
pub(super) struct Leader {
    pub(super) partition: i32,
    pub(super) broker: i32,
}

/// What a leader says of the records of one partition.
pub(super) struct Kept {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) error: i16,
}

/// Records of one partition.
pub(super) struct Records<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) batch: Vec<u8>,
}

impl Door {
    /// Connects to a broker, past the checks of every way out, and proves who we are.
    pub(super) async fn open(&self, host: &str, port: u16) -> Result<Session, Failure> {
        let connection = self.egress.connect(host, port, self.trust.as_ref()).await?;
        let mut session = Session { connection, number: 0 };
        if let Some(credentials) = &self.credentials {
            session.prove(credentials).await?;
        }
        Ok(session)
    }
}

impl Session {
    /// Asks for the brokers of the cluster and for these topics, which the cluster makes if it is set up so.
    pub(super) async fn metadata(&mut self, topics: &[String]) -> Result<Metadata, Failure> {
        let mut request = Writer::default();
        request.count(topics.len());
        for topic in topics {
            request.text(Some(topic));
        }
        request.bool(true);
        let answer = self.ask(METADATA, &request.0).await?;
        let mut answer = Reader(&answer);
        let _throttled = answer.i32()?;
        let brokers = answer.list(|answer| {
            let (id, host, port) = (answer.i32()?, answer.text()?.unwrap_or_default(), answer.i32()?);
            let _rack = answer.text()?;
            Ok(Broker { id, host, port })
        })?;
        let (_cluster, _controller) = (answer.text()?, answer.i32()?);
        let topics = answer.list(topic)?;
        Ok(Metadata { brokers, topics })
    }

    /// Sends records, those of a topic together, to the leader of their partitions; what it says of each.
    pub(super) async fn produce(&mut self, records: &[Records<'_>]) -> Result<Vec<Kept>, Failure> {
        let mut request = Writer::default();
        request.text(None);
        request.i16(ALL);
        request.i32(i32::try_from(REPLICAS.as_millis()).expect("seconds"));
        let topics: Vec<_> = records.chunk_by(|one, other| one.topic == other.topic).collect();
        request.count(topics.len());
        for parts in topics {
            request.text(parts.first().map(|part| part.topic));
            request.count(parts.len());
            for part in parts {
                request.i32(part.partition);
                request.bytes(&part.batch);
            }
        }
        let answer = self.ask(PRODUCE, &request.0).await?;
        let kept = Reader(&answer).list(|answer| {
            let topic = answer.text()?.unwrap_or_default();
            answer.list(|answer| {
                let (partition, error) = (answer.i32()?, answer.i16()?);
                let (_offset, _appended_at) = (answer.i64()?, answer.i64()?);
                Ok(Kept { topic: topic.clone(), partition, error })
            })
        })?;
        Ok(kept.into_iter().flatten().collect())
    }

    async fn prove(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        let mut request = Writer::default();
        request.text(Some(credentials.mechanism.as_str()));
        let answer = self.ask(SASL_HANDSHAKE, &request.0).await?;
        let mut answer = Reader(&answer);
        let (error, known) = (answer.i16()?, answer.list(Reader::text)?);
        if error != 0 {
            let known: Vec<String> = known.into_iter().flatten().collect();
            return Err(Failure::Wrong(format!("{}; it knows {}", word(error), known.join(", "))));
        }
        let (username, password) = (credentials.username.as_str(), credentials.password.reveal());
        let hash = match credentials.mechanism {
            Mechanism::Plain => {
                self.step(format!("\0{username}\0{password}").as_bytes()).await?;
                return Ok(());
            }
            Mechanism::ScramSha256 => Hash::Sha256,
            Mechanism::ScramSha512 => Hash::Sha512,
        };
        let scram = Scram::new(hash, username).map_err(Failure::retry)?;
        let asked = self.step(scram.first().as_bytes()).await?;
        let proof = scram.prove(&asked, password).map_err(|reason| Failure::Wrong(reason.to_owned()))?;
        let said = self.step(proof.message.as_bytes()).await?;
        if proof.is_answered(&said) {
            Ok(())
        } else {
            Err(Failure::Wrong("it does not know the password itself".to_owned()))
        }
    }

    /// A step of a mechanism.
    async fn step(&mut self, said: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut request = Writer::default();
        request.bytes(said);
        let answer = self.ask(SASL_AUTHENTICATE, &request.0).await?;
        let mut answer = Reader(&answer);
        let (error, message) = (answer.i16()?, answer.text()?);
        if error != 0 {
            return Err(fate::of_credentials(error, message));
        }
        Ok(answer.bytes()?.to_vec())
    }

    /// Sends a request and reads its answer, without what stands before it.
    async fn ask(&mut self, api: Api, body: &[u8]) -> Result<Vec<u8>, Failure> {
        self.number = self.number.wrapping_add(1);
        let mut request = Writer::default();
        request.i16(api.key);
        request.i16(api.version);
        request.i32(self.number);
        request.text(Some(CLIENT));
        request.0.extend_from_slice(body);
        let exchanged = timeout(ANSWER, self.exchange(&request.0)).await;
        exchanged.unwrap_or_else(|_| Err(Failure::retry("it did not answer in time")))
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut framed = Writer::default();
        framed.bytes(request);
        self.connection.write_all(&framed.0).await.map_err(Failure::retry)?;
        self.connection.flush().await.map_err(Failure::retry)?;
        let length = self.connection.read_i32().await.map_err(Failure::retry)?;
        let length = usize::try_from(length).ok().filter(|length| (4..=MAX_ANSWER).contains(length));
        let length = length.ok_or_else(|| Failure::retry("its answer has an odd length; is it Kafka?"))?;
        let mut answer = vec![0; length];
        self.connection.read_exact(&mut answer).await.map_err(Failure::retry)?;
        let body = answer.split_off(4);
        if answer != self.number.to_be_bytes() {
            return Err(Failure::retry("it answered something else"));
        }
        Ok(body)
    }
}

fn topic(answer: &mut Reader<'_>) -> Result<Topic, Failure> {
    let (error, name, _internal) = (answer.i16()?, answer.text()?.unwrap_or_default(), answer.bool()?);
    let leaders = answer.list(|answer| {
        // An error of a partition says no more than that nobody leads it.
        let (_error, partition, broker) = (answer.i16()?, answer.i32()?, answer.i32()?);
        let (_replicas, _in_sync) = (answer.list(Reader::i32)?, answer.list(Reader::i32)?);
        Ok(Leader { partition, broker })
    })?;
    Ok(Topic { name, error, leaders })
}
