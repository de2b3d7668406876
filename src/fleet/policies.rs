//! Policies: yes/no queries that hosts are asked again and again, how they stand to them and since when. Not to be taken
//! for [`crate::policy`], which decides who may do what.
//!
//! In reading order: [`manage`] and [`edit`] make and change them; [`due`] says what is asked of hosts, and
//! [`record`](mod@record) writes what they answer, in the transaction of all that was due; [`settle`](mod@settle) keeps
//! that right when hosts or labels change; [`counts`], [`results`] and [`history`] are what people read; [`watch`] tells
//! of changes.

mod manage;
mod edit;
mod due;
mod record;
mod counts;
mod results;
mod history;
mod settle;
mod watch;

use std::collections::{BTreeMap, HashMap};

use entity::id::{LabelId, PolicyId, PublicId, TeamId};
pub use entity::kind::PolicyState;
pub use entity::policies::Model as Policy;
pub use entity::policy_changes::Model as PolicyTurn;
use sea_orm::Order;

pub use self::counts::PolicyCounts;
pub(in crate::fleet) use self::manage::check_sql;
pub(in crate::fleet) use self::record::{ask_newcomers, record};
pub use self::results::{PolicyResult, Standing};
pub(in crate::fleet) use self::settle::{forget_hosts, settle};
pub use self::watch::{PolicyChange, PolicyChangeKind};
pub(in crate::fleet) use self::watch::{PolicyMark, turned};
use super::due::Platform;
use super::hosts::{Page, PageRequest, SortValue};
use super::schedule::LabelScope;
use super::{Fleet, FleetError};
use crate::policy::{Action, Actor, Scope, allow};
pub use crate::store::policies::PolicySortField;
use crate::store::policies::{self, Wanted};
pub(in crate::fleet) use crate::store::policy_results::Unsettled;
use crate::store::teams;

/// A policy to make.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NewPolicy {
    /// Name, unique in its team; 1 to 255 characters.
    pub name: String,
    /// osquery SQL; linted.
    pub sql: String,
    /// Purpose.
    pub description: Option<String>,
    /// What to do where it fails.
    pub resolution: Option<String>,
    /// It matters more than others.
    pub critical: bool,
    /// The team whose hosts it is about; none for all hosts.
    pub team: Option<PublicId>,
    /// The platforms it is about; empty for all.
    pub platforms: Vec<Platform>,
    /// A host must have one of these labels; empty for any host.
    pub include_any: Vec<PublicId>,
    /// A host must have none of these labels.
    pub exclude_any: Vec<PublicId>,
}

/// A change of a policy: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct PolicyEdit {
    /// Version that was read; another one now is a conflict.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// New SQL: another question, so that all results begin anew.
    pub sql: Option<String>,
    /// New purpose; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// What to do where it fails; `Some(None)` clears it.
    pub resolution: Option<Option<String>>,
    /// It matters more than others.
    pub critical: Option<bool>,
    /// New platforms; empty for all.
    pub platforms: Option<Vec<Platform>>,
    /// New labels, one of which a host must have.
    pub include_any: Option<Vec<PublicId>>,
    /// New labels, none of which a host may have.
    pub exclude_any: Option<Vec<PublicId>>,
}

/// Which policies are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFilter {
    /// Of this team.
    pub team: Option<PublicId>,
    /// Critical ones, or the others.
    pub critical: Option<bool>,
    /// Those that a visible host fails, or that none does.
    pub failing: Option<bool>,
    /// With this in their name.
    pub search: Option<String>,
}

/// Order of policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PolicySort {
    /// The column.
    pub field: PolicySortField,
    /// Largest first.
    pub descending: bool,
}

/// The platforms that a policy is about; empty for all.
#[must_use]
pub fn platforms(policy: &Policy) -> Vec<Platform> {
    let named = |word: &str| Platform::ALL.iter().copied().find(|platform| platform.as_str() == word);
    policy.platforms.split(',').filter_map(named).collect()
}

/// Platforms as a column has them: each once, in order.
fn platforms_text(platforms: &[Platform]) -> String {
    let chosen = Platform::ALL.iter().filter(|platform| platforms.contains(platform));
    chosen.map(|platform| platform.as_str()).collect::<Vec<_>>().join(",")
}

/// The labels of a policy as one scope.
fn label_scope(labels: &[(LabelId, bool)]) -> LabelScope {
    let those = |wanted: bool| {
        labels.iter().filter(move |(_, is_excluded)| *is_excluded == wanted).map(|(label, _)| *label)
    };
    LabelScope { include_any: those(false).collect(), exclude_any: those(true).collect() }
}

/// Where an actor who reads policies sees hosts: perhaps nowhere.
fn hosts_seen(actor: &Actor) -> Option<Scope> {
    allow(actor, Action::ReadHosts, None).ok()
}

impl Fleet {
    /// Visible policies by inside id: global ones, and those of teams where the actor reads policies.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn policies_by_ids(
        &self,
        actor: &Actor,
        ids: &[PolicyId],
    ) -> Result<HashMap<PolicyId, Policy>, FleetError> {
        let scope = allow(actor, Action::ReadPolicies, None)?;
        let found = policies::by_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|policy| (policy.id, policy)).collect())
    }

    /// Visible policies by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn policies_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Policy>, FleetError> {
        let scope = allow(actor, Action::ReadPolicies, None)?;
        let found = policies::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|policy| (policy.public_id.clone(), policy)).collect())
    }

    /// A page of visible policies.
    ///
    /// # Errors
    /// Denied; the cursor is of another order; unavailable.
    pub async fn policies(
        &self,
        actor: &Actor,
        filter: &PolicyFilter,
        sort: PolicySort,
        page: PageRequest,
    ) -> Result<Page<Policy>, FleetError> {
        let scope = allow(actor, Action::ReadPolicies, None)?;
        if page.after.as_ref().is_some_and(|key| !sort.fits(key.sort.as_ref())) {
            return Err(FleetError::InvalidCursor);
        }
        let Some(wanted) = self.wanted_policies(&scope, filter).await? else { return Ok(Page::empty()) };
        let hosts = hosts_seen(actor).unwrap_or_else(nowhere);
        let order = if sort.descending { Order::Desc } else { Order::Asc };
        let db = self.store.reader();
        Ok(policies::page(db, &scope, &hosts, wanted, (sort.field, order), &page).await?)
    }

    /// How many policies match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_policies(&self, actor: &Actor, filter: &PolicyFilter) -> Result<u64, FleetError> {
        let scope = allow(actor, Action::ReadPolicies, None)?;
        let Some(wanted) = self.wanted_policies(&scope, filter).await? else { return Ok(0) };
        let hosts = hosts_seen(actor).unwrap_or_else(nowhere);
        Ok(policies::count(self.store.reader(), &scope, &hosts, wanted).await?)
    }

    /// The labels that narrow visible policies.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels_of_policies(
        &self,
        actor: &Actor,
        ids: &[PolicyId],
    ) -> Result<HashMap<PolicyId, LabelScope>, FleetError> {
        let scope = allow(actor, Action::ReadPolicies, None)?;
        let narrowed = policies::labels_of(self.store.reader(), &scope, Some(ids)).await?;
        Ok(narrowed.into_iter().map(|(policy, labels)| (policy, label_scope(&labels))).collect())
    }

    /// The conditions by inside ids; none when the team is out of scope, so that nothing can match.
    async fn wanted_policies<'a>(
        &self,
        scope: &Scope,
        filter: &'a PolicyFilter,
    ) -> Result<Option<Wanted<'a>>, FleetError> {
        let mut wanted = Wanted {
            team: None,
            critical: filter.critical,
            failing: filter.failing,
            search: filter.search.as_deref(),
        };
        if let Some(team) = &filter.team {
            let found = teams::by_public_ids(self.store.reader(), scope, std::slice::from_ref(team)).await?;
            let Some(team) = found.first() else { return Ok(None) };
            wanted.team = Some(team.id);
        }
        Ok(Some(wanted))
    }
}

/// Where somebody sees hosts who sees none.
fn nowhere() -> Scope {
    Scope::nowhere()
}

impl PolicySort {
    /// Whether a key can be of a list in this order.
    fn fits(self, key: Option<&SortValue>) -> bool {
        match self.field {
            PolicySortField::CreatedAt => key.is_none(),
            PolicySortField::Name => matches!(key, Some(SortValue::Text(_))),
            PolicySortField::Failing => matches!(key, Some(SortValue::Integer(_))),
        }
    }
}

/// Policies with their labels, as far as these narrow them.
pub(in crate::fleet) struct Known {
    policy: Policy,
    labels: LabelScope,
}

impl Known {
    /// Each policy with its labels.
    fn all(policies: Vec<Policy>, labels: &BTreeMap<PolicyId, Vec<(LabelId, bool)>>) -> Vec<Self> {
        let with_labels = |policy: Policy| Self {
            labels: labels.get(&policy.id).map(|labels| label_scope(labels)).unwrap_or_default(),
            policy,
        };
        policies.into_iter().map(with_labels).collect()
    }

    /// Whether it is about a host of this team and platform that has these labels, in order.
    fn is_about(&self, team: TeamId, platform: Platform, labels: &[LabelId]) -> bool {
        let platforms = platforms(&self.policy);
        self.policy.team_id.some().is_none_or(|own| own == team)
            && (platforms.is_empty() || platforms.contains(&platform))
            && self.labels.meets(labels)
    }
}
