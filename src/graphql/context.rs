//! What a resolver knows about its request.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;
use async_graphql::dataloader::Loader;

use super::error::{Failure, Result};
use super::loader::{Fetch, Loaders};
use super::plan::shape::Shape;
use super::transport::cookie::SessionCookie;
use crate::fleet::Fleet;
use crate::policy::Actor;

/// Who asks, from where: the transport puts it into every request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks; anonymous without a credential.
    pub actor: Actor,
    /// Where from, for rate limits and the audit trail.
    pub source: IpAddr,
    /// The id in logs and in `extensions.requestId`.
    pub request_id: String,
    /// What the client calls itself.
    pub agent: Option<String>,
    /// How a session cookie would be set; none on a socket, which sets none.
    pub cookie: Option<SessionCookie>,
    /// Where a stream is.
    pub place: Place,
}

/// Where a stream that can be resumed begins, and how far it is: for transports that say so beside the data.
#[derive(Clone, Debug, Default)]
pub struct Place {
    after: Option<String>,
    reached: Arc<Mutex<Option<String>>>,
}

impl Place {
    /// A stream that begins after a cursor, whatever its arguments say.
    #[must_use]
    pub fn after(cursor: Option<String>) -> Self {
        Self { after: cursor, ..Self::default() }
    }

    /// The cursor to begin after, when the transport gave one.
    #[must_use]
    pub fn begin(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Notes the cursor of what is sent next.
    pub fn reach(&self, cursor: &str) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor.to_owned());
    }

    /// The cursor of what was sent last.
    #[must_use]
    pub fn reached(&self) -> Option<String> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a request asked for, and the shape of its answer.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The document as it came.
    pub document: String,
    /// The operation in it, when the request named one.
    pub operation_name: Option<String>,
    /// The shape of the answer.
    pub shape: Arc<Shape>,
}

/// What resolvers ask of their context.
pub trait ContextExt {
    /// The core.
    fn fleet(&self) -> &Fleet;

    /// Who asks, from where.
    fn request(&self) -> &RequestContext;

    /// Who asks.
    fn actor(&self) -> &Actor {
        &self.request().actor
    }

    /// The object at the other end of an edge, read together with those of other edges; none when it is absent or
    /// not visible.
    fn load<K>(&self, key: K) -> impl Future<Output = Result<Option<<Fetch as Loader<K>>::Value>>> + Send
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Fetch: Loader<K, Error = Failure>;

    /// Like [`Self::load`], for several at once; what is absent or not visible is left out.
    fn load_many<K>(
        &self,
        keys: impl Iterator<Item = K> + Send,
    ) -> impl Future<Output = Result<HashMap<K, <Fetch as Loader<K>>::Value>>> + Send
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Fetch: Loader<K, Error = Failure>;
}

impl ContextExt for Context<'_> {
    fn fleet(&self) -> &Fleet {
        self.data_unchecked()
    }

    fn request(&self) -> &RequestContext {
        self.data_unchecked()
    }

    async fn load<K>(&self, key: K) -> Result<Option<<Fetch as Loader<K>>::Value>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Fetch: Loader<K, Error = Failure>,
    {
        self.data_unchecked::<Loaders>().load_one(key).await
    }
    async fn load_many<K>(
        &self,
        keys: impl Iterator<Item = K> + Send,
    ) -> Result<HashMap<K, <Fetch as Loader<K>>::Value>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Fetch: Loader<K, Error = Failure>,
    {
        self.data_unchecked::<Loaders>().load_many(keys).await
    }
}
