//! Labels: named sets of hosts. Built-in ones only, so far: all hosts, and one a platform.

use std::collections::HashMap;

use entity::id::{HostId, LabelId, PublicId};
pub use entity::kind::LabelKind;
pub use entity::labels::Model as Label;

use super::hosts::{Page, PageRequest};
use super::{Fleet, FleetError};
use crate::policy::Actor;

impl Fleet {
    /// Visible labels by outside id: global ones, and those of teams where the actor reads hosts.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels_by_public_ids(
        &self,
        _actor: &Actor,
        _ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Label>, FleetError> {
        todo!()
    }

    /// A page of visible labels by id; `team` keeps those of one team, `search` those whose name starts with it.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels(
        &self,
        _actor: &Actor,
        _team: Option<&PublicId>,
        _search: Option<&str>,
        _page: PageRequest,
    ) -> Result<Page<Label>, FleetError> {
        todo!()
    }

    /// The labels of each host, in the order of their ids, all of them.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels_of_hosts(
        &self,
        _actor: &Actor,
        _hosts: &[HostId],
    ) -> Result<HashMap<HostId, Vec<Label>>, FleetError> {
        todo!()
    }

    /// Labels by inside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn labels_by_ids(
        &self,
        _actor: &Actor,
        _ids: &[LabelId],
    ) -> Result<HashMap<LabelId, Label>, FleetError> {
        todo!()
    }
}
