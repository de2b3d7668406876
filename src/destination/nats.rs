//! NATS `JetStream`: a message a line, thanked for by the stream that keeps it.
//!
//! What is needed of the protocol is little and its client would connect past [`super::egress`], so it is written out:
//! a publish with a reply subject each, and the acknowledgements that come back. The line id is the id of the message,
//! so a line that comes twice within the stream's window is kept once.

mod session;

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::time::timeout;

use super::egress::{Egress, host_and_port};
use super::envelope::{Content, Line};
use super::secret::Secret;
use super::trust::{Pem, Trust};
use super::{Destination, Failure};
use session::{Answer, Session, inbox};

/// Time for everything that was published to be thanked for.
const ACKNOWLEDGED: Duration = Duration::from_secs(10);
/// Port of NATS.
const PORT: u16 = 4222;
/// Bytes of a message that are headers, at most.
const HEADERS: usize = 256;
/// Bytes of a message at most, until the server says otherwise.
const MAX_PAYLOAD: usize = 1 << 20;

/// What can be set of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsTarget {
    /// `nats://HOST:PORT`, or `tls://HOST:PORT`.
    pub url: String,
    /// Subject of a line; `{kind}` and `{team}` stand for those of the line. A stream must listen to it.
    #[serde(default = "subject")]
    pub subject: String,
    /// What a message is.
    #[serde(default)]
    pub content: Content,
    /// With `password`, who connects.
    pub username: Option<String>,
    /// The password of the user.
    pub password: Option<Secret>,
    /// Instead of them, a token.
    pub token: Option<Secret>,
    /// Authorities to trust instead of those of browsers, in PEM.
    pub ca: Option<String>,
    /// What is shown to a server that wants to know who connects, in PEM.
    pub client_certificate: Option<String>,
    /// The private key of it, in PEM.
    pub client_key: Option<Secret>,
}

fn subject() -> String {
    "muster.{kind}".to_owned()
}

impl NatsTarget {
    /// What is wrong with it.
    pub(super) fn validate(&self) -> Result<(), String> {
        self.place()?;
        let is_subject = |text: &str| {
            text.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic()))
        };
        if !is_subject(&self.subject) || self.subject.contains(['*', '>']) {
            return Err("`subject` is words with dots between them, and no wildcards".to_owned());
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

    /// Host and port, and whether it is by TLS in any case.
    fn place(&self) -> Result<(String, u16, bool), String> {
        let parts = self.url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "nats" | "tls"));
        let Some((scheme, address)) =
            parts.filter(|(_, rest)| !rest.is_empty() && !rest.contains(['@', '/']))
        else {
            return Err("`url` is nats://HOST:PORT or tls://HOST:PORT".to_owned());
        };
        let (host, port) = host_and_port(address).unwrap_or_else(|_| (address.to_owned(), PORT));
        Ok((host, port, scheme == "tls"))
    }
}

/// A server with a stream.
pub(super) struct Nats {
    target: NatsTarget,
    host: String,
    port: u16,
    is_tls: bool,
    trust: Trust,
    egress: Egress,
    session: Option<Session>,
    max_payload: usize,
}

/// What a server says first.
#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    headers: bool,
    max_payload: Option<usize>,
}

impl Nats {
    pub(super) fn new(target: &NatsTarget, egress: Egress) -> Result<Self, String> {
        let (host, port, is_tls) = target.place()?;
        let trust = Trust::new(&target.pem())?;
        let (target, session) = (target.clone(), None);
        Ok(Self { target, host, port, is_tls, trust, egress, session, max_payload: MAX_PAYLOAD })
    }

    /// Connects, proves who it is, and listens to an inbox of its own.
    async fn connect(&mut self) -> Result<Session, Failure> {
        let connection = self.egress.connect(&self.host, self.port, None).await?;
        let mut session = Session { stream: BufReader::new(connection), inbox: inbox()? };
        let hello = session.line().await?;
        let info = hello.strip_prefix("INFO ").and_then(|info| serde_json::from_str::<Info>(info).ok());
        let info = info.ok_or_else(|| Failure::Wrong("it does not speak NATS".to_owned()))?;
        if !info.headers {
            return Err(Failure::Wrong("it takes no headers".to_owned()));
        }
        if self.is_tls || info.tls_required {
            let plain = session.stream.into_inner();
            session.stream = BufReader::new(self.egress.secure(plain, &self.host, &self.trust).await?);
        }
        self.max_payload = info.max_payload.unwrap_or(MAX_PAYLOAD);
        let hello = format!("CONNECT {}\r\nSUB {}.* 1\r\nPING\r\n", self.introduction(), session.inbox);
        session.write(hello.as_bytes()).await?;
        loop {
            let line = session.line().await?;
            match line.as_str() {
                "PONG" => return Ok(session),
                "+OK" | "PING" => {}
                other if other.starts_with("-ERR") => return Err(Failure::Wrong(other.to_owned())),
                _ => {}
            }
        }
    }

    fn introduction(&self) -> Value {
        let mut introduction = json!({
            "verbose": false, "pedantic": false, "headers": true, "no_responders": true, "echo": false,
            "name": "muster", "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "protocol": 1,
        });
        if let Some(token) = &self.target.token {
            introduction["auth_token"] = token.reveal().into();
        }
        if let Some(username) = &self.target.username {
            introduction["user"] = username.as_str().into();
            introduction["pass"] = self.target.password.as_ref().map_or("", Secret::reveal).into();
        }
        introduction
    }

    async fn publish(&mut self, lines: &[Line]) -> Result<(), Failure> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect().await?,
        };
        let mut bytes = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let subject = subject_of(&self.target.subject, line);
            let headers = format!("NATS/1.0\r\nNats-Msg-Id: {}\r\n\r\n", line.id);
            let payload = self.target.content.text(line);
            let (inbox, whole) = (&session.inbox, headers.len() + payload.len());
            let head = format!("HPUB {subject} {inbox}.{at} {} {whole}\r\n{headers}", headers.len());
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(payload);
            bytes.extend_from_slice(b"\r\n");
        }
        let exchange = async {
            session.write(&bytes).await?;
            session.acknowledgements(lines.len()).await
        };
        let answers = timeout(ACKNOWLEDGED, exchange).await;
        let answers = answers.map_err(|_| Failure::retry("not every line was acknowledged in time"))??;
        self.session = Some(session);
        outcome(&answers)
    }
}

fn outcome(answers: &[Answer]) -> Result<(), Failure> {
    let (mut again, mut refused, mut reason) = (Vec::new(), Vec::new(), None);
    for (at, answer) in answers.iter().enumerate() {
        match answer {
            Answer::Kept => {}
            Answer::Again(why) => {
                again.push(at);
                reason = Some(why.clone());
            }
            Answer::Refused(why) => refused.push((at, why.clone())),
        }
    }
    match reason {
        None if refused.is_empty() => Ok(()),
        // Nothing came through: most likely there is no stream that listens.
        Some(reason) if again.len() == answers.len() => Err(Failure::Retry(reason, None)),
        reason => {
            let reason = reason.unwrap_or_else(|| "some lines were refused".to_owned());
            Err(Failure::Partly { again, refused, reason })
        }
    }
}

/// The subject of a line; no word of it is the host's.
fn subject_of(pattern: &str, line: &Line) -> String {
    pattern.replace("{kind}", line.kind.as_str()).replace("{team}", line.team.as_deref().unwrap_or("none"))
}

impl Destination for Nats {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.publish(lines))
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async {
            let connecting = timeout(ACKNOWLEDGED, self.connect()).await;
            let session = connecting.map_err(|_| Failure::retry("it did not answer in time"))??;
            self.session = Some(session);
            Ok(())
        })
    }

    fn longest_line(&self) -> usize {
        self.max_payload.saturating_sub(HEADERS)
    }
}

#[cfg(test)]
mod tests {
    use super::session::judge;
    use super::*;

    fn target(options: &str) -> NatsTarget {
        toml::from_str(&format!("url = 'nats://x:1'\n{options}")).expect("valid")
    }

    #[test]
    fn what_is_wrong_is_said() {
        for subject in ["", "a..b", "a.>", "a.*", "a b", "a.\r\nPUB"] {
            let target = NatsTarget { subject: subject.to_owned(), ..target("") };
            assert!(target.validate().is_err(), "{subject}");
        }
        for url in ["x", "http://x", "nats://", "nats://a:b@x", "nats://x/y"] {
            assert!(NatsTarget { url: url.to_owned(), ..target("") }.validate().is_err(), "{url}");
        }
        assert_eq!(target("").place(), Ok(("x".to_owned(), 1, false)));
        let tls = NatsTarget { url: "tls://nats.example".to_owned(), ..target("") };
        assert_eq!(tls.place(), Ok(("nats.example".to_owned(), PORT, true)));
    }

    #[test]
    fn acknowledgements_decide_for_each_line() {
        let headers = b"NATS/1.0 503\r\n\r\n";
        let answers = vec![
            judge(br#"{"stream":"S","seq":1}"#, 0),
            judge(br#"{"stream":"S","seq":1,"duplicate":true}"#, 0),
            judge(headers, headers.len()),
            judge(br#"{"error":{"code":400,"description":"bad"}}"#, 0),
            judge(br#"{"error":{"code":503,"description":"full"}}"#, 0),
            judge(b"", 0),
        ];
        let Err(Failure::Partly { again, refused, .. }) = outcome(&answers) else {
            panic!("some were not kept")
        };
        assert_eq!(again, [2, 4, 5]);
        assert_eq!(refused, [(3, "bad".to_owned())]);
        assert_eq!(outcome(&answers[..2]), Ok(()));
        assert!(matches!(outcome(&answers[4..]), Err(Failure::Retry(..))));
    }
}
