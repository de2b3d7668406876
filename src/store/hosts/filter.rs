//! Which hosts are meant.

use entity::hosts::Column;
use entity::id::{HostId, LabelId, PolicyId, PublicId, TeamId};
use entity::kind::{Platform, PolicyState};
use entity::{hosts, label_members, policies, policy_results};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, Condition};

use super::{Freshness, HostStatus, InSync};
use crate::store::policies::IS_ABOUT;
use crate::store::{host_terms, text};

/// Values of one list in one statement at most: SQLite takes 32,766 values, PostgreSQL 65,535.
pub(super) const LIST: usize = 30_000;

/// Conditions that a host must all meet, by inside ids; in each list, any of; an absent list is no condition, an
/// empty one meets nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedHostFilter {
    /// Teams; [`TeamId::NONE`] for hosts in none.
    pub teams: Option<Vec<TeamId>>,
    /// Labels.
    pub labels: Option<Vec<LabelId>>,
    /// How they stand to policies.
    pub policies: Option<Vec<(PolicyId, PolicyState)>>,
    /// Platforms.
    pub platforms: Option<Vec<Platform>>,
    /// States, and the moment they are told at.
    pub statuses: Option<(Vec<HostStatus>, Freshness)>,
    /// Whether another machine, or another team's secret, was noticed; see the columns.
    pub flagged: Option<bool>,
    /// Whether they run the configuration that is served to them.
    pub in_sync: Option<InSync>,
    /// Hardware UUID, in any case.
    pub uuid: Option<String>,
    /// Hardware serial, in any case.
    pub serial_number: Option<String>,
    /// Prefix of host name, identifier, serial, UUID, an address or a user, in any case.
    pub search: Option<String>,
}

impl ResolvedHostFilter {
    /// The ids of the hosts that meet it, whoever may see them.
    #[must_use]
    pub fn ids(&self) -> SelectStatement {
        Query::select().column(Column::Id).from(hosts::Entity).cond_where(self.condition()).take()
    }

    /// The labels, when they are the only condition.
    #[must_use]
    pub fn only_labels(&self) -> Option<&[LabelId]> {
        let labels = self.labels.as_ref()?;
        let is_all = *self == Self { labels: Some(labels.clone()), ..Self::default() };
        is_all.then_some(labels)
    }

    /// The conditions as one.
    pub(super) fn condition(&self) -> Condition {
        let lists = Condition::all()
            .add_option(self.teams.as_ref().map(|teams| Column::TeamId.is_in(teams.iter().copied())))
            .add_option(self.labels.as_ref().map(|labels| with_any_label(labels)))
            .add_option(self.policies.as_ref().map(|standing| standing_so(standing)))
            .add_option(self.platforms.as_ref().map(|any| Column::Platform.is_in(any.iter().copied())))
            .add_option(self.statuses.as_ref().map(|(any, at)| with_any_status(any, at)));
        lists
            .add_option(self.flagged.map(is_flagged))
            .add_option(self.in_sync.as_ref().map(InSync::condition))
            .add_option(self.uuid.as_ref().map(|uuid| text::equals(Column::HardwareUuid, uuid)))
            .add_option(self.serial_number.as_ref().map(|serial| text::equals(Column::SerialNumber, serial)))
            .add_option(self.search.as_ref().map(|prefix| named_like(prefix)))
    }
}

/// A way to choose hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostSelection<'a> {
    /// Every host.
    All,
    /// These, by inside id.
    Ids(&'a [HostId]),
    /// These, by outside id.
    PublicIds(&'a [PublicId]),
    /// All conditions met.
    Filter(&'a ResolvedHostFilter),
}

impl HostSelection<'_> {
    /// The selection as conditions of one statement each; no host meets two of them if no id comes twice.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        match self {
            Self::All => vec![Condition::all()],
            Self::Filter(filter) => vec![filter.condition()],
            Self::Ids(ids) => chunked(ids, |ids| Column::Id.is_in(ids.iter().copied())),
            Self::PublicIds(ids) => chunked(ids, |ids| Column::PublicId.is_in(ids.iter().cloned())),
        }
    }
}

fn chunked<T>(ids: &[T], condition: impl Fn(&[T]) -> Expr) -> Vec<Condition> {
    ids.chunks(LIST).map(|ids| Condition::all().add(condition(ids))).collect()
}

pub(in crate::store) fn with_any_label(labels: &[LabelId]) -> Expr {
    let members = Query::select()
        .column(label_members::Column::HostId)
        .from(label_members::Entity)
        .and_where(label_members::Column::LabelId.is_in(labels.iter().copied()))
        .take();
    Column::Id.in_subquery(members)
}

fn standing_so(standing: &[(PolicyId, PolicyState)]) -> Condition {
    match standing {
        [] => Condition::all().add(Column::Id.is_in(Vec::<HostId>::new())),
        standing => standing.iter().fold(Condition::any(), |any, (policy, state)| match state {
            PolicyState::Unanswered => any.add(owing(*policy)),
            PolicyState::Pass | PolicyState::Fail | PolicyState::Error => {
                let state = policy_results::Column::State.eq(*state);
                any.add(Column::Id.in_subquery(answered(*policy).and_where(state).take()))
            }
        }),
    }
}

/// The hosts that answered a policy.
fn answered(policy: PolicyId) -> SelectStatement {
    Query::select()
        .column(policy_results::Column::HostId)
        .from(policy_results::Entity)
        .and_where(policy_results::Column::PolicyId.eq(policy))
        .take()
}

/// Hosts that a policy is about and that have not answered it.
fn owing(policy: PolicyId) -> Condition {
    let about = Query::select()
        .expr(Expr::val(1))
        .from(policies::Entity)
        .and_where(Expr::col((policies::Entity, policies::Column::Id)).eq(policy))
        .and_where(Expr::cust(IS_ABOUT))
        .take();
    Condition::all().add(Expr::exists(about)).add(Column::Id.not_in_subquery(answered(policy)))
}

fn with_any_status(statuses: &[HostStatus], at: &Freshness) -> Condition {
    match statuses {
        // Without a member, "any of" would be no condition at all.
        [] => Condition::all().add(Column::Id.is_in(Vec::<HostId>::new())),
        statuses => statuses.iter().fold(Condition::any(), |any, status| any.add(at.having(*status))),
    }
}

fn is_flagged(flagged: bool) -> Condition {
    let any = Condition::any()
        .add(Column::CloneSuspectedAt.is_not_null())
        .add(Column::ForeignSecretAt.is_not_null());
    if flagged { any } else { any.not() }
}

/// Each way to find a host is a select of its own, so that each is served by its index.
fn named_like(prefix: &str) -> Expr {
    let mut found = host_terms::hosts_found_by(prefix);
    for column in [Column::Hostname, Column::HostIdentifier, Column::SerialNumber, Column::HardwareUuid] {
        let by_column = Query::select()
            .column(Column::Id)
            .from(hosts::Entity)
            .cond_where(text::starts_with(column, prefix))
            .take();
        found.union(UnionType::All, by_column);
    }
    Column::Id.in_subquery(found)
}
