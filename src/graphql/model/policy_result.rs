//! How hosts stand to policies, how they came to, and changes of that.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::host::Host;
use super::policy::{Policy, PolicyState};
use crate::fleet::hosts::{Key, Page, PageRequest, SortValue};
use crate::fleet::policies::{self, Standing};
use crate::graphql::connection::{Listed, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::shown;
use crate::graphql::loader::TurnsOf;
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text};

/// How a host stands to a policy.
#[derive(Clone, Debug)]
pub struct PolicyResult(pub policies::PolicyResult);

/// How a host stands to a policy.
#[Object]
impl PolicyResult {
    /// The policy; null when it is gone.
    async fn policy(&self, ctx: &Context<'_>) -> Result<Option<Policy>> {
        ctx.load(self.0.policy).await
    }

    /// The host; null when it has left the caller's sight.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.0.host).await
    }

    /// What it answered last.
    async fn state(&self) -> PolicyState {
        self.0.state.into()
    }

    /// Since when it answers so; another error is no other state. Null while it has not answered.
    async fn since(&self) -> Option<DateTime> {
        self.0.since.map(DateTime)
    }

    /// When it answered last. Null while it has not.
    async fn checked_at(&self) -> Option<DateTime> {
        self.0.checked_at.map(DateTime)
    }

    /// Why the query could not be run. Null when it could.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// How it came to stand so, the newest first, as long as that is kept.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<PolicyTurnConnection> {
        let list = List::POLICY_TURNS;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(TurnsOf((self.0.host, self.0.policy), request.clone())).await?;
        let page = page.unwrap_or_else(Page::empty);
        Ok(PolicyTurnConnection::new(Listed::page(list, &request, page, PolicyTurn)))
    }
}

connection! {
    /// Page of results of policies.
    PolicyResultConnection {}

    /// One result in a page.
    PolicyResultEdge {
        /// The result.
        PolicyResult
    }
}

impl PolicyResultConnection {
    /// The page of a host's whole list that a client asks for.
    #[must_use]
    pub fn of_host(request: &PageRequest, standing: Vec<Standing>) -> Self {
        let place = |standing: &Standing| (standing.rank, standing.policy.id.0);
        let after = request.after.as_ref().map(|key| match key.sort {
            Some(SortValue::Integer(rank)) => (rank, key.id),
            _ => (i64::MIN, key.id),
        });
        let rest = standing.into_iter().filter(|standing| after.is_none_or(|after| place(standing) > after));
        let key = |standing: &Standing| Key {
            sort: Some(SortValue::Integer(standing.rank)),
            id: standing.policy.id.0,
        };
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let page = Page::of(rest.take(limit.saturating_add(1)).collect(), request, key);
        Self::new(Listed::page(List::HOST_POLICIES, request, page, |standing| PolicyResult(standing.result)))
    }
}

/// That a host came to stand to a policy otherwise than before.
#[derive(Clone, Debug)]
pub struct PolicyTurn(pub policies::PolicyTurn);

/// That a host came to stand to a policy otherwise than before.
#[Object]
impl PolicyTurn {
    /// What it answered from then on.
    async fn state(&self) -> PolicyState {
        self.0.state.into()
    }

    /// What it answered before. Null when it was its first answer.
    async fn before(&self) -> Option<PolicyState> {
        self.0.before.map(PolicyState::from)
    }

    /// When.
    async fn changed_at(&self) -> DateTime {
        DateTime(self.0.changed_at)
    }

    /// Why the query could not be run. Null when it could.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}

connection! {
    /// Page of changes of a result.
    PolicyTurnConnection {}

    /// One change in a page.
    PolicyTurnEdge {
        /// The change.
        PolicyTurn
    }
}

/// A change of a policy, or of how hosts stand to it.
#[derive(Clone, Debug, SimpleObject)]
pub struct PolicyChange {
    /// What happened.
    kind: PolicyChangeKind,
    /// Policy after the change; null when it was deleted, and on RESYNC.
    policy: Option<Policy>,
    /// Id of the policy; null on RESYNC.
    policy_id: Option<ID>,
    /// How the hosts stand to it now that stood otherwise before, of those that the caller may see; empty when they are
    /// more than 100, or have left.
    results: Vec<PolicyResult>,
}

impl From<policies::PolicyChange> for PolicyChange {
    fn from(change: policies::PolicyChange) -> Self {
        let policies::PolicyChange { kind, policy, id, results } = change;
        Self {
            kind: kind.into(),
            policy: policy.map(Policy),
            policy_id: id.as_ref().map(shown),
            results: results.into_iter().map(PolicyResult).collect(),
        }
    }
}

/// Kinds of policy change; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "policies::PolicyChangeKind")]
pub enum PolicyChangeKind {
    /// First message, and after any gap: reload the list, then follow.
    Resync,
    /// Hosts stand to it otherwise than before, or other hosts do: its counts are others.
    Results,
    /// It was made or edited.
    Saved,
    /// It was deleted.
    Deleted,
}
