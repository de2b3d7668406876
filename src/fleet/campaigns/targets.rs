//! Whom a campaign asks: hosts chosen at its start, always within what the actor may run on.

use std::collections::{HashMap, HashSet};

use entity::id::{CampaignId, HostId, PublicId};
use entity::kind::LabelKind;
use roaring::RoaringBitmap;
use sea_orm::ConnectionTrait;

use super::{Source, TargetPreview, TargetState, Targets};
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{self, Action, Actor, Scope};
use crate::store::campaign_answers::OutcomeFilter;
use crate::store::campaign_targets::TargetSet;
use crate::store::hosts::{self, HostSelection, ResolvedHostFilter};
use crate::store::{StoreError, campaign_answers, campaign_targets, label_sets, labels};

/// Hosts that may be named one by one.
const NAMED: usize = 1_000;

/// A selection with its names resolved.
pub(super) enum Chosen {
    /// Every host.
    All,
    /// Hosts that meet a filter.
    Matching(Box<ResolvedHostFilter>),
    /// Named hosts, each once.
    Named(Vec<PublicId>),
    /// Hosts of an earlier campaign.
    Again(CampaignId, Vec<HostId>),
}

impl Chosen {
    /// The campaign that is asked again, when one is.
    pub(super) fn rerun_of(&self) -> Option<CampaignId> {
        match self {
            Self::Again(campaign, _) => Some(*campaign),
            Self::All | Self::Matching(_) | Self::Named(_) => None,
        }
    }

    fn selection(&self) -> HostSelection<'_> {
        match self {
            Self::All => HostSelection::All,
            Self::Matching(filter) => HostSelection::Filter(filter),
            Self::Named(ids) => HostSelection::PublicIds(ids),
            Self::Again(_, ids) => HostSelection::Ids(ids),
        }
    }
}

impl Fleet {
    /// How many hosts a campaign with these targets would reach: of those where the actor may run `source`, or
    /// something when there is none; and how many more match.
    ///
    /// # Errors
    /// Denied; rejected (`targets…`, `source…`); unavailable.
    pub async fn preview_targets(
        &self,
        actor: &Actor,
        targets: &Targets,
        source: Option<&Source>,
    ) -> Result<TargetPreview, FleetError> {
        let scope = match source {
            Some(source) => self.query(actor, source).await?.scope,
            None => policy::either(
                policy::allow(actor, Action::RunAnySql, None),
                policy::allow(actor, Action::RunObserverQueries, None),
            )?,
        };
        let chosen = self.choose(actor, &scope, targets).await?;
        let freshness = self.freshness();
        let (targeted, online) =
            hosts::count_online(self.store.reader(), &scope, chosen.selection(), &freshness).await?;
        let excluded = self.selected_in_sight(actor, targets).await?.saturating_sub(targeted);
        let exceeds_cap = self.exceeds_cap(targeted).await?;
        Ok(TargetPreview { targeted, online, excluded, exceeds_cap })
    }

    /// How many hosts of a selection the actor sees.
    async fn selected_in_sight(&self, actor: &Actor, targets: &Targets) -> Result<u64, FleetError> {
        let sight = policy::allow(actor, Action::ReadHosts, None)?;
        let chosen = self.choose(actor, &sight, targets).await?;
        let (db, freshness) = (self.store.reader(), self.freshness());
        let (selected, _) = hosts::count_online(db, &sight, chosen.selection(), &freshness).await?;
        Ok(selected)
    }

    /// Resolves the names of a selection.
    pub(super) async fn choose(
        &self,
        actor: &Actor,
        scope: &Scope,
        targets: &Targets,
    ) -> Result<Chosen, FleetError> {
        match targets {
            Targets::AllHosts => Ok(Chosen::All),
            Targets::Filter(filter) => {
                let db = self.store.reader();
                Ok(Chosen::Matching(Box::new(self.resolve_host_filter(db, scope, filter).await?)))
            }
            Targets::Hosts(ids) => Ok(Chosen::Named(named(ids)?)),
            Targets::Campaign { id, states } => self.choose_again(actor, id, states).await,
        }
    }

    /// The target set of a selection, read inside the transaction that freezes it.
    pub(super) async fn target_set<C: ConnectionTrait>(
        &self,
        db: &C,
        scope: &Scope,
        chosen: &Chosen,
    ) -> Result<TargetSet, FleetError> {
        if let Some(targets) = labelled(db, scope, chosen).await? {
            return Ok(targets);
        }
        let found = hosts::select_targets(db, scope, chosen.selection()).await?;
        if let Chosen::Named(ids) = chosen
            && found.len() < ids.len()
        {
            let message = "a host is not there, or you may not run on it; nothing was started";
            return Err(FleetError::rejected(RejectionCode::NotFound, "targets.hostIds", message));
        }
        if found.is_empty() {
            let message = "no host you may run on is selected";
            return Err(FleetError::rejected(RejectionCode::NoTargets, "targets", message));
        }
        let mut targets = TargetSet::default();
        for (host, team) in found {
            targets.insert(host, team);
        }
        Ok(targets)
    }

    /// How many of each campaign's outstanding targets are online now, of those that the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn online_outstanding(
        &self,
        actor: &Actor,
        campaigns: &[CampaignId],
    ) -> Result<HashMap<CampaignId, u64>, FleetError> {
        let scope = super::read::read_scope(actor)?;
        let pending = self.pending_of(&scope, campaigns).await?;
        let any = pending.values().fold(RoaringBitmap::new(), |any, hosts| any | hosts);
        let (db, freshness) = (self.store.reader(), self.freshness());
        let online = hosts::online_among(db, &Scope::system(), &any, &freshness).await?;
        Ok(pending.into_iter().map(|(id, hosts)| (id, hosts.intersection_len(&online))).collect())
    }

    /// The hosts that each campaign awaits, of the teams in scope.
    pub(super) async fn pending_of(
        &self,
        scope: &Scope,
        campaigns: &[CampaignId],
    ) -> Result<HashMap<CampaignId, RoaringBitmap>, StoreError> {
        let db = self.store.reader();
        let asked = campaign_targets::load(db, scope, campaigns).await?;
        let mut answered =
            campaign_answers::hosts_by_outcome(db, scope, campaigns, OutcomeFilter::Any).await?;
        let pending = |(id, asked): (CampaignId, TargetSet)| {
            (id, asked.within(scope) - answered.remove(&id).unwrap_or_default())
        };
        Ok(asked.into_iter().map(pending).collect())
    }

    /// The hosts of a campaign in one state, of the teams in scope.
    async fn hosts_in(
        &self,
        scope: &Scope,
        campaign: CampaignId,
        state: TargetState,
    ) -> Result<RoaringBitmap, StoreError> {
        let (db, ids) = (self.store.reader(), [campaign]);
        let mut hosts = match state {
            TargetState::Succeeded => {
                campaign_answers::hosts_by_outcome(db, scope, &ids, OutcomeFilter::Succeeded).await?
            }
            TargetState::Failed => {
                campaign_answers::hosts_by_outcome(db, scope, &ids, OutcomeFilter::Failed).await?
            }
            TargetState::Pending => self.pending_of(scope, &ids).await?,
        };
        Ok(hosts.remove(&campaign).unwrap_or_default())
    }

    async fn choose_again(
        &self,
        actor: &Actor,
        id: &PublicId,
        states: &[TargetState],
    ) -> Result<Chosen, FleetError> {
        let mut found = self.campaigns_by_public_ids(actor, std::slice::from_ref(id)).await?;
        let Some(campaign) = found.remove(id) else {
            let (path, message) = ("targets.campaign.campaignId", "this campaign is not there");
            return Err(FleetError::rejected(RejectionCode::NotFound, path, message));
        };
        let scope = super::read::read_scope(actor)?;
        let mut hosts = RoaringBitmap::new();
        for state in states {
            hosts |= self.hosts_in(&scope, campaign.id, *state).await?;
        }
        Ok(Chosen::Again(campaign.id, ids(&hosts)))
    }
}

/// The hosts with any of some labels, when that is all that is asked and people made the labels: their bitmaps. None else,
/// and when nobody has them.
async fn labelled<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    chosen: &Chosen,
) -> Result<Option<TargetSet>, StoreError> {
    let Chosen::Matching(filter) = chosen else { return Ok(None) };
    let Some(wanted) = filter.only_labels() else { return Ok(None) };
    let found = labels::by_ids(db, &Scope::system(), wanted).await?;
    if found.iter().any(|label| label.kind == LabelKind::BuiltIn) {
        return Ok(None);
    }
    let mut targets = TargetSet::default();
    for ((_, team), hosts) in label_sets::of_labels(db, scope, wanted).await? {
        targets.insert_all(&hosts, team);
    }
    Ok((!targets.is_empty()).then_some(targets))
}

/// The hosts of a bitmap.
pub(super) fn ids(bits: &RoaringBitmap) -> Vec<HostId> {
    bits.iter().map(|bit| HostId(i64::from(bit))).collect()
}

/// The named hosts, each once.
fn named(ids: &[PublicId]) -> Result<Vec<PublicId>, FleetError> {
    if ids.len() > NAMED {
        let message = format!("at most {NAMED} hosts can be named; use a filter");
        return Err(FleetError::rejected(RejectionCode::LimitExceeded, "targets.hostIds", message));
    }
    let mut seen = HashSet::new();
    Ok(ids.iter().filter(|id| seen.insert(*id)).cloned().collect())
}
