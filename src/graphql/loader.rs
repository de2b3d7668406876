//! Edges read in batches: a page of 100 hosts costs as many statements as a page of one.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Data, Executor, Request, Response};
use entity::id::{CampaignId, HostId, LabelId, PublicId, SavedQueryId, TeamId, UserId};
use futures_util::stream::BoxStream;
use tracing::Instrument;

use super::context::RequestContext;
use super::error::Failure;
use super::model::campaign::Campaign;
use super::model::host::Host;
use super::model::node::{Node, NodeKind};
use super::model::saved_query::SavedQuery;
use super::model::team::Team;
use super::model::user::User;
use crate::fleet::{self, Fleet, FleetError};
use crate::policy::{Actor, Denied};

/// Batches the reads of one request; it keeps nothing, so a subscription never sees what is stale.
pub type Loaders = DataLoader<Fetch>;

/// Reads for one actor.
pub struct Fetch {
    fleet: Fleet,
    actor: Actor,
}

/// The loaders of a request of `actor`.
fn new(fleet: Fleet, actor: Actor) -> Loaders {
    DataLoader::new(Fetch { fleet, actor }, |batch| tokio::spawn(batch.in_current_span()))
}

/// An executor that gives each request loaders of its own, which act for the actor of its [`RequestContext`].
#[derive(Clone)]
pub struct WithLoaders<E> {
    executor: E,
    fleet: Fleet,
}

impl<E> WithLoaders<E> {
    /// Wraps an executor.
    #[must_use]
    pub fn new(executor: E, fleet: Fleet) -> Self {
        Self { executor, fleet }
    }

    fn equip(&self, request: Request) -> Request {
        let context = request.data.get(&TypeId::of::<RequestContext>());
        let context = context.and_then(|context| context.downcast_ref::<RequestContext>());
        match context.map(|context| context.actor.clone()) {
            Some(actor) => request.data(new(self.fleet.clone(), actor)),
            None => request,
        }
    }
}

impl<E: Executor> Executor for WithLoaders<E> {
    async fn execute(&self, request: Request) -> Response {
        self.executor.execute(self.equip(request)).await
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        self.executor.execute_stream(self.equip(request), session)
    }
}

/// Any object, by its outside id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub PublicId);

/// The labels of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LabelsOf(pub HostId);

/// How many hosts have a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostCountOf(pub LabelId);

/// The counters of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TotalsOf(pub CampaignId);

/// One loader a line: key, value, and the verb that reads many. A key in brackets carries the id the verb wants.
macro_rules! loaders {
    ($($id:ident => $value:ident: $verb:ident;)* $([$key:ident] => $of:ty: $of_verb:ident;)*) => {
        $(impl Loader<$id> for Fetch {
            type Value = $value;
            type Error = Failure;

            async fn load(&self, keys: &[$id]) -> Result<HashMap<$id, $value>, Failure> {
                let found = self.fleet.$verb(&self.actor, keys).await?;
                Ok(found.into_iter().map(|(id, item)| (id, $value(item))).collect())
            }
        })*
        $(impl Loader<$key> for Fetch {
            type Value = $of;
            type Error = Failure;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, $of>, Failure> {
                let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
                let found = self.fleet.$of_verb(&self.actor, &ids).await?;
                Ok(found.into_iter().map(|(id, item)| ($key(id), item)).collect())
            }
        })*
    };
}

loaders! {
    HostId => Host: hosts_by_ids;
    TeamId => Team: teams_by_ids;
    UserId => User: users_by_ids;
    SavedQueryId => SavedQuery: saved_queries_by_ids;
    CampaignId => Campaign: campaigns_by_ids;
    [LabelsOf] => Vec<fleet::labels::Label>: labels_of_hosts;
    [HostCountOf] => u64: count_hosts_by_label;
    [TotalsOf] => fleet::campaigns::Totals: campaign_totals;
}

impl Loader<NodeId> for Fetch {
    type Value = Node;
    type Error = Failure;

    async fn load(&self, keys: &[NodeId]) -> Result<HashMap<NodeId, Node>, Failure> {
        let mut kinds = BTreeMap::<NodeKind, Vec<PublicId>>::new();
        for NodeId(id) in keys {
            kinds.entry(NodeKind::of(id)).or_default().push(id.clone());
        }
        let mut found = HashMap::new();
        for (kind, ids) in kinds {
            found.extend(self.nodes(kind, &ids).await?.into_iter().map(|(id, node)| (NodeId(id), node)));
        }
        Ok(found)
    }
}

impl Fetch {
    /// The visible objects of one kind. What the actor's roles hide is absent, as if it did not exist.
    async fn nodes(&self, kind: NodeKind, ids: &[PublicId]) -> Result<HashMap<PublicId, Node>, Failure> {
        match kind.fetch(&self.fleet, &self.actor, ids).await {
            Err(FleetError::Denied(Denied::Forbidden)) => Ok(HashMap::new()),
            found => Ok(found?),
        }
    }
}
