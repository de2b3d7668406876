//! From a request to a host that has proved itself, and what it brought.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, request};

use super::AgentSettings;
use super::body::{Incoming, Received};
use super::budget::Budget;
use super::document::{Document, Member};
use super::reply::Refusal;
use super::skim::Skim;
use super::trouble::Trouble;
use crate::fleet::offload::offload;
use crate::fleet::presence::ContactKind;
use crate::fleet::roster::KnownHost;
use crate::fleet::{Fleet, FleetError};

/// What the handlers of the agent face share.
#[derive(Clone)]
pub(super) struct Agent {
    pub(super) fleet: Fleet,
    pub(super) settings: AgentSettings,
    budget: Budget,
    trouble: Arc<Trouble>,
}

/// A request of a known host.
pub(super) struct Session {
    /// The host.
    pub(super) host: Arc<KnownHost>,
    /// What the agent calls itself by.
    pub(super) user_agent: Option<HeaderValue>,
    /// What it brought.
    pub(super) content: Content,
}

/// What a request brought.
pub(super) enum Content {
    /// Its document.
    Whole(Box<Document>),
    /// More than the endpoint takes.
    Over {
        /// What was noted of it.
        skim: Skim,
        /// Whether it came to its end before the deadline.
        ended: bool,
    },
}

impl Agent {
    /// The agent face of `fleet`.
    pub(super) fn new(fleet: Fleet, settings: AgentSettings) -> Self {
        let budget = Budget::new(settings.all_bodies_bytes);
        Self { fleet, settings, budget, trouble: Arc::default() }
    }

    /// Reads a request and finds its host, by the key in the header before the body is buffered, else by the key in
    /// the body. Notes the contact.
    pub(super) async fn open(
        &self,
        request: Request,
        kind: ContactKind,
        limit: usize,
    ) -> Result<Session, Refusal> {
        let (parts, body) = request.into_parts();
        let incoming = Incoming::new(body, &parts.headers, self.settings.body_deadline);
        let proven = match header_key(&parts.headers) {
            None => None,
            Some(key) => match self.host_of(&key).await {
                Ok(host) => Some((key, host)),
                Err(refusal) => return Err(incoming.refuse(refusal).await),
            },
        };
        let content = content(incoming.receive(limit, &self.budget).await?).await?;
        if proven.is_none()
            && let Some(ended) = content.hides_a_key()
        {
            return Err(if ended { Refusal::TooLarge } else { Refusal::TooSlow });
        }
        let host = self.identify(proven, content.node_key()).await?;
        self.fleet.host_seen(&host, kind);
        Ok(Session { host, user_agent: parts.headers.get(USER_AGENT).cloned(), content })
    }

    /// Reads a request that needs no node key.
    pub(super) async fn open_unproven(
        &self,
        request: Request,
        limit: usize,
    ) -> Result<(request::Parts, Box<Document>), Refusal> {
        let (parts, body) = request.into_parts();
        let incoming = Incoming::new(body, &parts.headers, self.settings.body_deadline);
        match content(incoming.receive(limit, &self.budget).await?).await? {
            Content::Whole(document) => Ok((parts, document)),
            Content::Over { .. } => Err(Refusal::TooLarge),
        }
    }

    /// Reads a request to its end to answer a refusal.
    pub(super) async fn refuse(&self, request: Request, refusal: Refusal) -> Refusal {
        let (parts, body) = request.into_parts();
        Incoming::new(body, &parts.headers, self.settings.body_deadline).refuse(refusal).await
    }

    /// Awaits a verb of the core for as long as an agent waits.
    pub(super) async fn ask<T>(
        &self,
        verb: impl Future<Output = Result<T, FleetError>>,
    ) -> Result<T, Refusal> {
        let answer = tokio::time::timeout(self.settings.answer_deadline, verb).await;
        let answer = answer.unwrap_or_else(|_| Err(self.fleet.waited_in_vain()));
        match &answer {
            Ok(_) => self.trouble.answered(),
            Err(FleetError::Unavailable(cause)) => self.trouble.refused(cause),
            Err(_) => {}
        }
        answer.map_err(Refusal::from)
    }

    /// The host of the key in the header, if there was one; the key in the body must then be the same or absent.
    async fn identify(
        &self,
        proven: Option<(String, Arc<KnownHost>)>,
        told: Option<String>,
    ) -> Result<Arc<KnownHost>, Refusal> {
        match (proven, told) {
            (None, told) => self.host_of(&told.unwrap_or_default()).await,
            (Some((key, host)), Some(told)) if key != told => {
                tracing::warn!(host.id = host.id.0, "the node keys in header and body differ");
                Err(Refusal::Malformed("the node keys in header and body differ"))
            }
            (Some((_, host)), _) => Ok(host),
        }
    }

    async fn host_of(&self, node_key: &str) -> Result<Arc<KnownHost>, Refusal> {
        self.ask(self.fleet.known_host(node_key)).await?.ok_or(Refusal::NodeInvalid)
    }
}

impl Content {
    /// The key in the body; none when there is none, or it is empty.
    fn node_key(&self) -> Option<String> {
        let key = match self {
            Self::Whole(document) => document.string(Member::NodeKey).map(std::borrow::Cow::into_owned),
            Self::Over { skim, .. } => skim.node_key(),
        };
        key.filter(|key| !key.is_empty())
    }

    /// Some where a key may have been passed over, for a body that is too large is seen in part: whether it ended.
    fn hides_a_key(&self) -> Option<bool> {
        match self {
            Self::Over { skim, ended } if skim.node_key().is_none() => Some(*ended),
            _ => None,
        }
    }
}

impl Session {
    /// The document of an endpoint where a body over the limit is the sender's mistake.
    pub(super) fn document(self) -> Result<(Arc<KnownHost>, Box<Document>), Refusal> {
        match self.content {
            Content::Whole(document) => Ok((self.host, document)),
            Content::Over { .. } => Err(Refusal::TooLarge),
        }
    }
}

async fn content(received: Received) -> Result<Content, Refusal> {
    match received {
        Received::Over { skim, ended } => Ok(Content::Over { skim, ended }),
        Received::Whole(body, share) => {
            let document = offload(body.len(), move || Document::read(body, share)).await?;
            Ok(Content::Whole(Box::new(document)))
        }
    }
}

/// The key of `Authorization: NodeKey …`.
fn header_key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?;
    let (scheme, key) = value.to_str().ok()?.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("NodeKey") && !key.is_empty()).then(|| key.to_owned())
}

/// The address of the peer.
pub(super) fn source(parts: &request::Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip())
}
