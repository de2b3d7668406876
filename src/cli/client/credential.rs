//! What a client proves its right by: a token, or a session that renews itself.

use serde_json::json;
use tokio::sync::Mutex;

use super::{ClientError, Endpoint, exchange};
use crate::cli::contexts::store::{Contexts, StoredCredential};
use crate::config::Secret;

const REFRESH: &str = "\
mutation ($input: RefreshSessionInput!) {
  refreshSession(input: $input) { accessToken refreshToken userErrors { message code } }
}";

/// What a client proves its right by.
#[derive(Debug)]
pub(in crate::cli) enum Credential {
    /// Nothing: for signing in.
    Nobody,
    /// An API token, or an access token that somebody else renews.
    Token(Secret),
    /// The session of a stored context.
    Session(Session),
}

impl Credential {
    /// What goes into an `Authorization` header now.
    pub(super) async fn bearer(&self) -> Option<Secret> {
        match self {
            Self::Nobody => None,
            Self::Token(token) => Some(token.clone()),
            Self::Session(session) => Some(session.access_token.lock().await.clone()),
        }
    }
}

/// The session of a stored context. Its refresh token works once, and a second use would end the session, so the file
/// is locked from reading the token to storing the next: commands that run at once take turns.
#[derive(Debug)]
pub(in crate::cli) struct Session {
    contexts: Contexts,
    name: String,
    access_token: Mutex<Secret>,
}

impl Session {
    /// The session of the context `name`, last seen with this access token.
    pub(in crate::cli) fn new(contexts: Contexts, name: String, access_token: Secret) -> Self {
        Self { contexts, name, access_token: Mutex::new(access_token) }
    }

    /// An access token other than `used`: the one that another command has stored meanwhile, else a new one of the
    /// server.
    pub(super) async fn renew(&self, used: &Secret, endpoint: &Endpoint) -> Result<Secret, ClientError> {
        let mut current = self.access_token.lock().await;
        if *current != *used {
            return Ok(current.clone());
        }
        let failed = |error: crate::cli::Failure| ClientError::Contexts(error.to_string());
        let mut book = self.contexts.lock().await.map_err(failed)?;
        let over =
            || ClientError::Unauthenticated(format!("the session of the context `{}` is over", self.name));
        let context = book.contexts.get_mut(&self.name).ok_or_else(over)?;
        let Some(StoredCredential::Session { access_token, refresh_token }) = &mut context.credential else {
            return Err(over());
        };
        if access_token.as_str() == used.reveal() {
            let variables = json!({ "input": { "refreshToken": refresh_token } });
            let body = json!({ "query": REFRESH, "variables": variables }).to_string();
            let payload = exchange(endpoint, body, None).await?["refreshSession"].take();
            let fresh = (payload["accessToken"].as_str(), payload["refreshToken"].as_str());
            let (Some(access), Some(refresh)) = fresh else { return Err(over()) };
            (*access_token, *refresh_token) = (access.to_owned(), refresh.to_owned());
            *current = Secret::new(access.to_owned());
            book.save().map_err(failed)?;
        } else {
            *current = Secret::new(access_token.clone());
        }
        Ok(current.clone())
    }
}
