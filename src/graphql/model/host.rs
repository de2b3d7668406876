//! Hosts.

use async_graphql::{Context, Enum, ID, Object};

use super::host_answer::{HostAnswer, HostAnswerConnection};
use super::host_filter::each_into;
use super::host_vitals::{HostContact, HostVitals};
use super::label::{Label, LabelConnection};
use super::node::Node;
use super::osquery_config::OsqueryConfig;
use super::policy::PolicyState;
use super::policy_result::PolicyResultConnection;
use super::query_health::QueryHealth;
use super::report::{Report, ReportConnection};
use super::saved_query::SavedQuery;
use super::scheduled_query::{ReportState, ScheduledQuery, ScheduledQueryConnection};
use super::team::Team;
use crate::fleet::hosts::{self, Page};
use crate::fleet::osquery_config::{ConfiguredHost, Running};
use crate::graphql::connection::Listed;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, Identified, shown};
use crate::graphql::loader::{
    AnswersOf, ConfigOf, FailingOf, HealthOfHost, HostReports, LabelsOf, NodeId, PoliciesOf, ScheduleOf,
    UnansweredBy,
};
use crate::graphql::page::{List, rows};
use crate::graphql::scalars::{DateTime, Text, UInt64, int};

/// Operating system family; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hosts::Platform")]
pub enum Platform {
    /// Apple macOS.
    Darwin,
    /// Any Linux.
    Linux,
    /// Microsoft Windows.
    Windows,
    /// FreeBSD.
    Freebsd,
    /// Anything else, or not known yet.
    Other,
}

/// Whether a host has checked in lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hosts::HostStatus")]
pub enum HostStatus {
    /// Checked in within its interval plus grace.
    Online,
    /// Missed its check-in.
    Offline,
    /// Not seen for 30 days.
    Missing,
}

/// A machine that runs osquery.
#[derive(Clone, Debug)]
pub struct Host(pub hosts::Host);

impl Identified for Host {
    const PREFIX: &'static str = "hst";
}

impl Host {
    /// The host that a client names; none when it is absent or not visible.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn find(ctx: &Context<'_>, id: Id<Self>) -> Result<Option<Self>> {
        let node = ctx.load(NodeId(id.into_public())).await?;
        Ok(node.and_then(|node| if let Node::Host(host) = node { Some(host) } else { None }))
    }
}

/// A machine that runs osquery.
#[Object]
impl Host {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Host name; the identifier until it is known.
    async fn hostname(&self) -> &str {
        &self.0.hostname
    }

    /// What tells the host apart: what osquery calls itself by, unless the server is configured otherwise.
    async fn host_identifier(&self) -> &str {
        &self.0.host_identifier
    }

    /// Hardware UUID, as reported; not always unique.
    async fn uuid(&self) -> Option<&str> {
        Some(self.0.hardware_uuid.as_str()).filter(|uuid| !uuid.is_empty())
    }

    /// Hardware serial, when known.
    async fn serial_number(&self) -> Option<&str> {
        self.0.serial_number.as_deref()
    }

    /// Operating system family.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// Operating system name and version.
    async fn os_version(&self) -> Option<&str> {
        self.0.os_version.as_deref()
    }

    /// osquery version.
    async fn osquery_version(&self) -> Option<&str> {
        self.0.osquery_version.as_deref()
    }

    /// Current state.
    async fn status(&self) -> HostStatus {
        self.0.status.into()
    }

    /// Last contact.
    async fn last_seen_at(&self) -> Option<DateTime> {
        Some(DateTime(self.0.last_seen_at))
    }

    /// First enrolled.
    async fn enrolled_at(&self) -> DateTime {
        DateTime(self.0.enrolled_at)
    }

    /// When another machine, or another installation of osquery, was noticed behind the same identity: one of them may
    /// be a clone of the other. Null when none was.
    async fn clone_suspected_at(&self) -> Option<DateTime> {
        self.0.clone_suspected_at.map(DateTime)
    }

    /// When a secret of another team was used for the same machine, which made another host. Null when none was.
    async fn foreign_secret_at(&self) -> Option<DateTime> {
        self.0.foreign_secret_at.map(DateTime)
    }

    /// Physical memory in bytes.
    async fn memory_bytes(&self) -> Option<UInt64> {
        self.0.memory_bytes.map(UInt64::from)
    }

    /// What the host told of itself.
    async fn vitals(&self) -> HostVitals {
        HostVitals(self.0.clone())
    }

    /// When the host was heard of, and by what.
    async fn contact(&self) -> HostContact {
        HostContact(self.0.contact.clone())
    }

    /// Team the host is in; null for none.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// The latest rows of its scheduled queries, and of those that are not on its schedule and were logged anyway.
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Reports at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<ReportConnection> {
        let request = List::REPORTS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(HostReports(self.0.id, request.clone())).await?.unwrap_or_else(Page::empty);
        Ok(ReportConnection::new(Listed::page(List::REPORTS, &request, page, Report)))
    }

    /// The queries on its schedule that are for its platform, each with what became of it.
    async fn scheduled_queries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Queries at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Any of these states.")] states: Option<Vec<ReportState>>,
    ) -> Result<Option<ScheduledQueryConnection>> {
        let request = List::SCHEDULED_QUERIES.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let asked = ScheduleOf(ConfiguredHost::of(&self.0), (states.map(each_into), request.clone()));
        let page = ctx.load(asked).await?.unwrap_or_else(Page::empty);
        Ok(Some(ScheduledQueryConnection::new(Listed::page(
            List::SCHEDULED_QUERIES,
            &request,
            page,
            ScheduledQuery,
        ))))
    }

    /// How its queries fare, those of its schedule and those that it is asked, the worst first: what osquery refuses to
    /// run, then what took most time.
    async fn query_health(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Queries at most, 1 to 100.", default = 20)] first: i32,
    ) -> Result<Option<Vec<QueryHealth>>> {
        let first = rows("first", first)?;
        let worst = ctx.load(HealthOfHost(self.0.id, first)).await?;
        Ok(Some(worst.unwrap_or_default().into_iter().map(QueryHealth).collect()))
    }

    /// Queries on its schedule that it never answered.
    async fn unanswered_queries(&self, ctx: &Context<'_>) -> Result<Option<Vec<SavedQuery>>> {
        let open = ctx.load(UnansweredBy(ConfiguredHost::of(&self.0))).await?;
        Ok(Some(open.unwrap_or_default().into_iter().map(SavedQuery).collect()))
    }

    /// What the host is configured with.
    async fn osquery_config(&self, ctx: &Context<'_>) -> Result<Option<OsqueryConfig>> {
        Ok(ctx.load(ConfigOf(ConfiguredHost::of(&self.0))).await?.map(OsqueryConfig))
    }

    /// Whether it runs the configuration that is served to it now, by the hash that it told with its vitals: a change
    /// shows when they are told next. Null when it has told none, or when the hash of what is served can't be foretold.
    async fn config_in_sync(&self, ctx: &Context<'_>) -> Result<Option<bool>> {
        let Some(hash) = self.0.details.config_hash.clone() else { return Ok(None) };
        ctx.load(Running { host: ConfiguredHost::of(&self.0), hash }).await
    }

    /// Labels the host has.
    async fn labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Labels at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<LabelConnection> {
        let request = List::LABELS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let mut labels = ctx.load(LabelsOf(self.0.id)).await?.unwrap_or_default();
        labels.retain(|label| request.after.as_ref().is_none_or(|after| label.id.0 > after.id));
        let more = labels.len() as u64 > request.limit;
        labels.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
        let key = |id| hosts::Key { sort: None, id };
        let items = labels.into_iter().map(|label| (key(label.id.0), label)).collect();
        Ok(LabelConnection::new(Listed::page(List::LABELS, &request, Page { items, more }, Label)))
    }

    /// The policies that are about the host, and how it stands to each: failing ones first, critical ones before others, then
    /// errors, those that it has not answered, and what passes.
    async fn policies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Policies at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only those to which it stands so.")] state: Option<PolicyState>,
        #[graphql(desc = "Only critical ones, or only the others.")] critical: Option<bool>,
    ) -> Result<PolicyResultConnection> {
        let request = List::HOST_POLICIES.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let mut standing = ctx.load(PoliciesOf(self.0.id)).await?.unwrap_or_default();
        standing.retain(|standing| {
            state.is_none_or(|state| standing.result.state == state.into())
                && critical.is_none_or(|critical| standing.policy.critical == critical)
        });
        Ok(PolicyResultConnection::of_host(&request, standing))
    }

    /// How many policies the host fails.
    async fn failing_policy_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(int(ctx.load(FailingOf(self.0.id)).await?.unwrap_or_default()))
    }

    /// Answers of this host in campaigns, newest first; only those given while it was in a team that the caller may
    /// see.
    async fn answers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Answers at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<HostAnswerConnection> {
        let request = List::HOST_ANSWERS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(AnswersOf(self.0.id, request.clone())).await?.unwrap_or_else(Page::empty);
        Ok(HostAnswerConnection::new(Listed::page(List::HOST_ANSWERS, &request, page, HostAnswer)))
    }
}
