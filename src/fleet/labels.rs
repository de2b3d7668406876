//! Labels: named sets of hosts. Built-in ones only, so far: all hosts, and one a platform.

use std::collections::HashMap;

use entity::id::{HostId, LabelId, PublicId};
pub use entity::kind::LabelKind;
pub use entity::labels::Model as Label;

use super::hosts::{Page, PageRequest};
use super::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::{labels, teams};

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
}
