//! Syslog, RFC 5424: a message a line, over UDP, TCP or TLS.
//!
//! The protocol has no acknowledgement. Over TCP and TLS a connection that its peer has closed is noticed before more
//! is written; what was on its way when it broke is lost without a word, and over UDP anything may be.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::egress::{Connection, Egress, host_and_port};
use super::envelope::{Content, Line, rfc3339};
use super::secret::Secret;
use super::trust::{Pem, Trust};
use super::{Destination, Failure};
use crate::spool::LogKind;

/// Time to write a delivery.
const WRITE: Duration = Duration::from_secs(20);
/// Bytes of the longest message in one datagram.
const MAX_DATAGRAM: usize = 60_000;
/// Characters of a host name at most.
const MAX_HOSTNAME: usize = 255;
/// Informational, the severity of what has none.
const INFORMATIONAL: u8 = 6;

/// What can be set of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogTarget {
    /// Where it listens, as `HOST:PORT`.
    pub address: String,
    /// How messages get there.
    #[serde(default)]
    pub transport: Transport,
    /// How messages are told apart in a stream.
    #[serde(default)]
    pub framing: Framing,
    /// Number of the facility; 16 is `local0`.
    #[serde(default = "local0")]
    pub facility: u8,
    /// What messages say that they are from.
    #[serde(default = "app_name")]
    pub app_name: String,
    /// What a message is.
    #[serde(default)]
    pub content: Content,
    /// Bytes of the longest message; a longer line is parked.
    #[serde(default = "max_message")]
    pub max_message: super::units::Bytes,
    /// Authorities to trust instead of those of browsers, in PEM.
    pub ca: Option<String>,
    /// What is shown to a server that wants to know who connects, in PEM.
    pub client_certificate: Option<String>,
    /// The private key of it, in PEM.
    pub client_key: Option<Secret>,
}

/// How messages get there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A datagram a message.
    Udp,
    /// A stream.
    #[default]
    Tcp,
    /// A stream in TLS.
    Tls,
}

/// How messages are told apart in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// By their lengths (RFC 5425, RFC 6587).
    #[default]
    OctetCounting,
    /// By a line feed behind each.
    Newline,
}

fn local0() -> u8 {
    16
}

fn app_name() -> String {
    "muster".to_owned()
}

fn max_message() -> super::units::Bytes {
    super::units::Bytes(64 << 10)
}

/// A receiver of messages.
pub(super) struct Syslog {
    target: SyslogTarget,
    host: String,
    port: u16,
    trust: Option<Trust>,
    egress: Egress,
    stream: Option<Connection>,
}

impl SyslogTarget {
    /// What is wrong with it.
    pub(super) fn validate(&self) -> Result<(), String> {
        host_and_port(&self.address)?;
        if self.facility > 23 {
            return Err("a facility is a number up to 23".to_owned());
        }
        let is_word = |text: &str| text.chars().all(|c| c.is_ascii_graphic());
        if self.app_name.is_empty() || self.app_name.len() > 48 || !is_word(&self.app_name) {
            return Err("`app_name` has 1 to 48 printable characters".to_owned());
        }
        Trust::new(&self.pem()).map(|_| ())
    }

    fn pem(&self) -> Pem<'_> {
        Pem {
            ca: self.ca.as_deref(),
            certificate: self.client_certificate.as_deref(),
            key: self.client_key.as_ref(),
        }
    }
}

impl Syslog {
    pub(super) fn new(target: &SyslogTarget, egress: Egress) -> Result<Self, String> {
        let (host, port) = host_and_port(&target.address)?;
        let is_tls = target.transport == Transport::Tls;
        let trust = if is_tls { Some(Trust::new(&target.pem())?) } else { None };
        Ok(Self { target: target.clone(), host, port, trust, egress, stream: None })
    }

    /// Sends a datagram a message.
    async fn datagrams(&self, lines: &[Line]) -> Result<(), Failure> {
        let addresses = self.egress.resolve(&self.host, self.port).await?;
        let address = addresses.first().ok_or_else(|| Failure::retry("it has no address"))?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).await.map_err(Failure::retry)?;
        socket.connect(address).await.map_err(Failure::retry)?;
        for line in lines {
            socket.send(&message(&self.target, line)).await.map_err(Failure::retry)?;
        }
        Ok(())
    }

    /// Writes to the stream; one that failed, or that the peer has closed, is not written again.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.egress.connect(&self.host, self.port, self.trust.as_ref()).await?,
        };
        if is_closed(&mut stream).await {
            stream = self.egress.connect(&self.host, self.port, self.trust.as_ref()).await?;
        }
        let writing = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        let written = timeout(WRITE, writing).await;
        written.map_err(|_| Failure::retry("it did not take them in time"))?.map_err(Failure::retry)?;
        self.stream = Some(stream);
        Ok(())
    }
}

/// Whether the peer has closed the stream: it never says anything else.
async fn is_closed(stream: &mut Connection) -> bool {
    let mut byte = [0];
    let mut reading = std::pin::pin!(stream.read(&mut byte));
    futures_util::poll!(&mut reading).is_ready()
}

impl Destination for Syslog {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if self.target.transport == Transport::Udp {
                return self.datagrams(lines).await;
            }
            let mut bytes = Vec::new();
            for line in lines {
                let message = message(&self.target, line);
                match self.target.framing {
                    Framing::OctetCounting => {
                        bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
                    }
                    Framing::Newline => {}
                }
                bytes.extend_from_slice(&message);
                if self.target.framing == Framing::Newline {
                    bytes.push(b'\n');
                }
            }
            self.write(&bytes).await
        })
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            if self.target.transport == Transport::Udp {
                return self.egress.resolve(&self.host, self.port).await.map(|_| ());
            }
            self.stream = Some(self.egress.connect(&self.host, self.port, self.trust.as_ref()).await?);
            Ok(())
        })
    }

    fn longest_line(&self) -> usize {
        let longest = self.target.max_message.in_memory();
        if self.target.transport == Transport::Udp { longest.min(MAX_DATAGRAM) } else { longest }
    }
}

/// A message. Nothing that a host says can end a field: its name is reduced to what a name may have, and the rest is
/// JSON in one line.
fn message(target: &SyslogTarget, line: &Line) -> Vec<u8> {
    let priority = u16::from(target.facility) * 8 + u16::from(severity(line));
    let hostname: String = line
        .hostname
        .iter()
        .flat_map(|name| name.chars())
        .filter(char::is_ascii_graphic)
        .take(MAX_HOSTNAME)
        .collect();
    let hostname = if hostname.is_empty() { "-" } else { &hostname };
    let time = rfc3339(line.received_at);
    let (app, kind) = (&target.app_name, line.kind.as_str());
    let mut message = format!("<{priority}>1 {time} {hostname} {app} - {kind} - ").into_bytes();
    message.extend_from_slice(target.content.text(line));
    message
}

/// Of a status line what osquery says (0 information, 1 warning, 2 error, 3 fatal), else informational.
fn severity(line: &Line) -> u8 {
    #[derive(Deserialize)]
    struct Status {
        severity: serde_json::Value,
    }
    if line.kind != LogKind::Status {
        return INFORMATIONAL;
    }
    let Ok(Status { severity }) = serde_json::from_slice(&line.raw) else { return INFORMATIONAL };
    let number = severity.as_u64().or_else(|| severity.as_str()?.parse().ok());
    match number {
        Some(1) => 4,
        Some(2) => 3,
        Some(3) => 2,
        _ => INFORMATIONAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::lines;
    use crate::spool::testing::batch;

    fn target(options: &str) -> SyslogTarget {
        toml::from_str(&format!("address = 'logs.example:601'\n{options}")).expect("valid")
    }

    fn text(kind: LogKind, hostname: &str, raw: &str) -> String {
        let mut batch = batch(kind, raw);
        batch.origin.host.as_mut().expect("it has one").hostname = hostname.to_owned();
        let target = target("content = 'raw'");
        String::from_utf8(message(&target, &lines(&batch)[0])).expect("UTF-8")
    }

    #[test]
    fn a_message_has_the_fields_of_the_standard() {
        assert_eq!(
            text(LogKind::Result, "web", "{\"a\":1}\n"),
            "<134>1 2023-11-14T22:13:20.123Z web muster - result - {\"a\":1}"
        );
        assert!(text(LogKind::Status, "web", "{\"severity\":\"2\"}\n").starts_with("<131>1 "));
        assert!(text(LogKind::Status, "web", "{\"severity\":1}\n").starts_with("<132>1 "));
    }

    #[test]
    fn a_hostile_name_ends_no_field() {
        let message = text(LogKind::Result, "a b\r\n<0>1 é\u{1b}[31m", "{}\n");
        assert!(message.starts_with("<134>1 2023-11-14T22:13:20.123Z ab<0>1[31m muster - "), "{message}");
        assert!(text(LogKind::Result, "", "{}\n").contains("Z - muster"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for options in ["facility = 24", "app_name = 'a b'", "app_name = ''", "ca = 'x'"] {
            assert!(target(options).validate().is_err(), "{options}");
        }
        for address in ["x", "x:", ":1", "x:0", "x:70000"] {
            assert!(host_and_port(address).is_err(), "{address}");
        }
        assert_eq!(host_and_port("[::1]:514"), Ok(("[::1]".to_owned(), 514)));
    }
}
