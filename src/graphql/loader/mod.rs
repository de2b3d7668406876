//! Edges read in batches: a page of 100 hosts costs as many statements as a page of one.

mod batches;
mod nodes;
mod lists;

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Data, Executor, Request, Response};
use futures_util::StreamExt;
use futures_util::future::poll_fn;
use futures_util::stream::{self, BoxStream};

use self::batches::Batches;
pub use self::lists::{
    AnswersOf, EventsOf, FailuresOf, HealthOf, HealthOfHost, HostCountIn, HostInCampaign, HostReports,
    HostsOf, HostsRunning, Known, OnlineOutstanding, PackQueries, PackQueryCount, QueryReports, ResultsOf,
    RunCount, RunsOf, ScheduleOf, TargetCount, TargetsOf, TeamQueries, TeamQueryCount, TurnsOf,
};
pub use self::nodes::{
    ConfigOf, CountsOf, DenylistedSince, FailingOf, FailureCountOf, HostCountOf, LabelsOf, NodeId,
    PoliciesOf, ScopeOf, TotalsOf, UnansweredBy, VitalsOf,
};
use super::context::RequestContext;
use crate::fleet::Fleet;
use crate::policy::Actor;

/// Batches the reads of one request; it keeps nothing, so a subscription never sees what is stale.
pub type Loaders = DataLoader<Fetch>;

/// Reads for one actor.
pub struct Fetch {
    fleet: Fleet,
    actor: Actor,
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

    fn equip(&self, request: Request) -> (Request, Batches) {
        let batches = Batches::default();
        let context = request.data.get(&TypeId::of::<RequestContext>());
        let context = context.and_then(|context| context.downcast_ref::<RequestContext>());
        let request = match context.map(|context| context.actor.clone()) {
            Some(actor) => request.data(batches.loaders(self.fleet.clone(), actor)),
            None => request,
        };
        (request, batches)
    }
}

impl<E: Executor> Executor for WithLoaders<E> {
    async fn execute(&self, request: Request) -> Response {
        let (request, mut batches) = self.equip(request);
        let mut answering = std::pin::pin!(self.executor.execute(request));
        poll_fn(|cx| batches.drive(cx, |cx| answering.as_mut().poll(cx))).await
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let (request, mut batches) = self.equip(request);
        let mut answers = self.executor.execute_stream(request, session);
        stream::poll_fn(move |cx| batches.drive(cx, |cx| answers.poll_next_unpin(cx))).boxed()
    }
}
