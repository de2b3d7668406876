//! HTTP out: one request at a time on a connection that is kept, never a redirect, never more of an answer than is
//! needed.

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, RETRY_AFTER};
use hyper::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::Failure;
use super::egress::Egress;
use super::trust::{Pem, Trust};
use crate::clock::Clock;

/// Time for an answer, once a request was sent.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;
/// Bytes of an answer that are told in an error.
const MAX_TOLD: usize = 200;

/// A client of one server.
pub(super) struct Client {
    egress: Egress,
    trust: Option<Trust>,
    authority: String,
    host: String,
    port: u16,
    clock: Clock,
    kept: Option<SendRequest<Full<Bytes>>>,
}

/// An answer, as much of it as is read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A URL as a destination may have it: `http` or `https`, a host, no credentials.
pub(super) fn url(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| format!("`{text}` is not a URL"))?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if !is_web || authority.is_empty() || authority.contains('@') {
        return Err(
            "a URL begins with https:// or http://, names a host, and holds no credentials".to_owned()
        );
    }
    Ok(uri)
}

impl Client {
    /// A client of the server of a [`url`].
    pub(super) fn new(uri: &Uri, pem: &Pem<'_>, egress: Egress, clock: Clock) -> Result<Self, String> {
        let is_tls = uri.scheme_str() == Some("https");
        let authority = uri.authority().ok_or("the URL names no host")?;
        Ok(Self {
            egress,
            trust: if is_tls { Some(Trust::new(pem)?) } else { None },
            authority: authority.as_str().to_owned(),
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            clock,
            kept: None,
        })
    }

    /// What a request says in its header `Host`.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Sees whether the server can be connected to.
    pub(super) async fn reach(&mut self) -> Result<(), Failure> {
        self.kept = Some(self.connect().await?);
        Ok(())
    }

    /// Sends a request, and answers what came back, whatever its status.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let (mut parts, body) = request.into_parts();
        let host = self.authority.parse().map_err(|_| Failure::Wrong("the host has no name".to_owned()))?;
        parts.headers.insert(HOST, host);
        let again = || Request::from_parts(parts.clone(), body.clone());
        // A server may close a kept connection at any time: then a new one decides.
        if let Some(mut kept) = self.kept.take()
            && kept.ready().await.is_ok()
        {
            let response = timeout(ANSWER, kept.send_request(again())).await;
            if let Ok(response) = response.map_err(|_| Failure::retry("it did not answer in time"))? {
                return self.read(kept, response).await;
            }
        }
        let mut sender = self.connect().await?;
        let response = timeout(ANSWER, sender.send_request(again())).await;
        let response = response.map_err(|_| Failure::retry("it did not answer in time"))?;
        self.read(sender, response.map_err(Failure::retry)?).await
    }

    async fn read(
        &mut self,
        sender: SendRequest<Full<Bytes>>,
        response: Response<Incoming>,
    ) -> Result<Answer, Failure> {
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let reading = async {
            while let Some(frame) = body.frame().await {
                let data = frame.map_err(Failure::retry)?.into_data().unwrap_or_default();
                let room = MAX_ANSWER - bytes.len();
                bytes.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let is_whole = timeout(ANSWER, reading).await;
        if is_whole.map_err(|_| Failure::retry("its answer did not end in time"))?? {
            self.kept = Some(sender);
        }
        Ok(Answer { status: parts.status, headers: parts.headers, body: bytes.into() })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let connection = self.egress.connect(&self.host, self.port, self.trust.as_ref()).await?;
        let (sender, driver) = http1::handshake(TokioIo::new(connection)).await.map_err(Failure::retry)?;
        // Its errors are those of the requests on it.
        tokio::spawn(async { drop(driver.await) });
        Ok(sender)
    }

    /// What an answer means for what was sent.
    pub(super) fn judge(&self, answer: &Answer) -> Result<(), Failure> {
        let status = answer.status;
        if status.is_success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&answer.body[..answer.body.len().min(MAX_TOLD)]).into_owned();
        let told: String = told.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let reason = format!("it answered {status}: {told}");
        Err(match status.as_u16() {
            408 | 425 | 429 | 500..=599 => Failure::Retry(reason, self.retry_after(&answer.headers)),
            400 | 411 | 413 | 415 | 422 => Failure::Refused(reason),
            300..=399 => Failure::Wrong(format!("{reason} (redirects are not followed)")),
            _ => Failure::Wrong(reason),
        })
    }

    /// How long it asks to be left alone, as seconds or as a date.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = DateTime::parse_from_rfc2822(text).ok()?.timestamp_millis();
        u64::try_from(date - self.clock.now().0).ok().map(Duration::from_millis)
    }
}
