//! Whom a campaign asks: choosing hosts at its start, and telling of each how it went.

use entity::id::{CampaignId, HostId};
use sea_orm::DatabaseTransaction;

use super::start::Query;
use super::{Campaign, HostAnswer, Target, TargetPreview, TargetState, Targets};
use crate::clock::Timestamp;
use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Actor, Scope};
use crate::store::campaign_targets::TargetSet;

/// A selection with its names resolved.
pub(super) struct Chosen;

impl Chosen {
    /// The campaign that is asked again, when one is.
    pub(super) fn rerun_of(&self) -> Option<CampaignId> {
        todo!()
    }
}

impl Fleet {
    pub(super) async fn choose(&self, _: &Actor, _: &Scope, _: &Targets) -> Result<Chosen, FleetError> {
        todo!()
    }

    pub(super) async fn target_set(
        &self,
        _: &DatabaseTransaction,
        _: &Query,
        _: &Chosen,
        _: Timestamp,
    ) -> Result<TargetSet, FleetError> {
        todo!()
    }
    /// How many hosts a campaign with these targets would reach.
    ///
    /// # Errors
    /// Denied; rejected (`targets…`); unavailable.
    pub async fn preview_targets(
        &self,
        _actor: &Actor,
        _targets: &Targets,
    ) -> Result<TargetPreview, FleetError> {
        todo!("owner: campaigns")
    }

    /// Outstanding targets that are online now and that the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn online_outstanding(&self, _actor: &Actor, _id: CampaignId) -> Result<u64, FleetError> {
        todo!("owner: campaigns")
    }

    /// A page of a campaign's targets by host id; `search` is a prefix of the host name.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaign_targets(
        &self,
        _actor: &Actor,
        _campaign: &Campaign,
        _states: Option<&[TargetState]>,
        _search: Option<&str>,
        _page: PageRequest,
    ) -> Result<Page<Target>, FleetError> {
        todo!("owner: campaigns")
    }

    /// How many targets match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_campaign_targets(
        &self,
        _actor: &Actor,
        _campaign: &Campaign,
        _states: Option<&[TargetState]>,
        _search: Option<&str>,
    ) -> Result<u64, FleetError> {
        todo!("owner: campaigns")
    }

    /// A page of a host's answers, newest campaign first; only those given in a team that the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn answers_of_host(
        &self,
        _actor: &Actor,
        _host: HostId,
        _page: PageRequest,
    ) -> Result<Page<HostAnswer>, FleetError> {
        todo!("owner: campaigns")
    }
}
