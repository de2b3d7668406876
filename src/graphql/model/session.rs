//! Sessions: where the caller is signed in.

use async_graphql::{Context, Enum, ID, Object};

use crate::fleet::sessions;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::id::{Identified, shown};
use crate::graphql::scalars::DateTime;

/// How a session is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum SessionTransport {
    /// Tokens in the answer, for programs.
    #[default]
    Tokens,
    /// An `HttpOnly` cookie, for browsers.
    Cookie,
}

/// One sign-in.
#[derive(Clone, Debug)]
pub struct Session(pub sessions::Session);

impl Identified for Session {
    const PREFIX: &'static str = "ses";
}

/// One sign-in.
#[Object]
impl Session {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Whether the caller came with it.
    async fn is_current(&self, ctx: &Context<'_>) -> bool {
        ctx.fleet().is_own_session(ctx.actor(), &self.0)
    }

    /// How it is carried.
    async fn transport(&self) -> SessionTransport {
        if self.0.by_cookie { SessionTransport::Cookie } else { SessionTransport::Tokens }
    }

    /// Address it was begun from.
    async fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// The program it was begun with, as that calls itself.
    async fn user_agent(&self) -> Option<&str> {
        self.0.agent.as_deref()
    }

    /// When it began.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was last refreshed.
    async fn refreshed_at(&self) -> DateTime {
        DateTime(self.0.refreshed_at)
    }

    /// When it ends, unless it is refreshed.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }
}

connection! {
    /// Page of sessions.
    SessionConnection {}

    /// One session in a page.
    SessionEdge {
        /// The session.
        Session
    }
}
