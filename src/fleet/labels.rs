//! Labels: named sets of hosts. The server makes one of all hosts and one a platform; people make others, by SQL that is
//! asked of hosts now and then ([`asked`]) or by hand ([`by_hand`]). Making, changing and deleting them has a file of its
//! own ([`manage`]).

mod affected;
mod manage;
mod delete;
mod by_hand;
mod asked;

use std::collections::HashMap;

pub(super) use asked::record;
pub(super) use by_hand::named;
pub use by_hand::{HostsByHand, Relabelled};
pub(super) use manage::{checked_sql, platform_words};

use entity::id::{HostId, LabelId, PublicId};
pub use entity::kind::LabelKind;
use entity::kind::Platform;
pub use entity::label_failures::Model as LabelFailure;
pub use entity::labels::Model as Label;

use super::hosts::{Page, PageRequest};
use super::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::{label_failures, labels, teams};

/// A label to make.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct NewLabel {
    /// Name, unique in its team; 1 to 255 characters.
    pub name: String,
    /// Purpose.
    pub description: Option<String>,
    /// Owner team; none for global.
    pub team: Option<PublicId>,
    /// The SQL that returns a row on a host that is a member; none for a label by hand.
    pub sql: Option<String>,
    /// The platforms that are asked; empty for all.
    pub platforms: Vec<Platform>,
}

/// A change of a label: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct LabelChange {
    /// Version that was read; another one now is a conflict.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// New purpose; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// New SQL.
    pub sql: Option<String>,
    /// New platforms that are asked; empty for all.
    pub platforms: Option<Vec<Platform>>,
}

/// The platforms whose hosts a label asks; empty for all.
#[must_use]
pub fn platforms(label: &Label) -> Vec<Platform> {
    let known = |word: &str| Platform::ALL.iter().copied().find(|platform| platform.as_str() == word);
    label.platforms.split(',').filter_map(known).collect()
}

impl Fleet {
    /// Visible labels by outside id: global ones, and those of teams where the actor reads hosts.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Label>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let found = labels::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|label| (label.public_id.clone(), label)).collect())
    }

    /// A page of visible labels by id; `team` keeps those of one team, `search` those whose name starts with it.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Label>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let db = self.store.reader();
        let team = match team {
            None => None,
            Some(id) => match teams::by_public_ids(db, &scope, std::slice::from_ref(id)).await?.pop() {
                Some(team) => Some(team.id),
                None => return Ok(Page::empty()),
            },
        };
        Ok(labels::page(db, &scope, team, search, &page).await?)
    }

    /// The labels of each host, in the order of their ids, all of them.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels_of_hosts(
        &self,
        actor: &Actor,
        hosts: &[HostId],
    ) -> Result<HashMap<HostId, Vec<Label>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let memberships = labels::of_hosts(self.store.reader(), &scope, hosts).await?;
        let mut ids: Vec<LabelId> = memberships.iter().map(|(_, label)| *label).collect();
        ids.dedup();
        let known = self.labels_by_ids(actor, &ids).await?;
        let mut of_hosts: HashMap<HostId, Vec<Label>> = HashMap::new();
        for (host, label) in memberships {
            of_hosts.entry(host).or_default().extend(known.get(&label).cloned());
        }
        Ok(of_hosts)
    }

    /// Labels by inside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels_by_ids(
        &self,
        actor: &Actor,
        ids: &[LabelId],
    ) -> Result<HashMap<LabelId, Label>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let found = labels::by_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|label| (label.id, label)).collect())
    }

    /// How many visible hosts have each label.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_hosts_by_label(
        &self,
        actor: &Actor,
        ids: &[LabelId],
    ) -> Result<HashMap<LabelId, u64>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        Ok(of_each(ids, labels::count_hosts(self.store.reader(), &scope, Some(ids)).await?))
    }

    /// On how many visible hosts the SQL of each label failed when it was asked last.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_label_failures(
        &self,
        actor: &Actor,
        ids: &[LabelId],
    ) -> Result<HashMap<LabelId, u64>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        Ok(of_each(ids, label_failures::counts(self.store.reader(), &scope, ids).await?))
    }

    /// A page of the failures of each label on visible hosts, by host.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn failures_of_labels(
        &self,
        actor: &Actor,
        ids: &[LabelId],
        page: &PageRequest,
    ) -> Result<HashMap<LabelId, Page<LabelFailure>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        Ok(label_failures::pages_of_labels(self.store.reader(), &scope, ids, page).await?)
    }
}

/// The number of each label, 0 where none was counted.
fn of_each(ids: &[LabelId], counted: Vec<(LabelId, i64)>) -> HashMap<LabelId, u64> {
    let mut counts: HashMap<LabelId, u64> = ids.iter().map(|id| (*id, 0)).collect();
    counts.extend(counted.into_iter().map(|(label, hosts)| (label, hosts.unsigned_abs())));
    counts
}
