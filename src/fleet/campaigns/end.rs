//! How campaigns end, other than by their last answer: stopped, expired, or with a target withdrawn.

use entity::id::{CampaignId, HostId, PublicId, TeamId};
use entity::kind::CampaignStatus;
use sea_orm::DatabaseTransaction;
use serde_json::json;
use std::sync::Arc;

use super::book::Caps;
use super::record::{self, Given, Recorded};
use super::{Answer, Campaign, HostErrorCode, HostFailure, Outcome};
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{self, Action, Actor, Scope};
use crate::store::campaign_teams::TeamTotals;
use crate::store::hosts::HostSelection;
use crate::store::{campaign_targets, campaign_teams, campaigns, changes, hosts};

impl Fleet {
    /// Stops a campaign; one that has ended stays as it ended.
    ///
    /// # Errors
    /// Denied; rejected (`campaignId`: not there, or started by somebody else and not the actor's to stop);
    /// unavailable.
    pub async fn stop_campaign(&self, actor: &Actor, id: &PublicId) -> Result<Campaign, FleetError> {
        let campaign = self.visible_campaign(actor, id).await.map_err(as_rejection)?;
        self.check_may_stop(actor, &campaign).await?;
        let now = self.store.now().await?;
        let tx = self.store.begin().await?;
        let recorded = match lock_running(&tx, campaign.id).await? {
            Some(locked) => record::end(&tx, locked, CampaignStatus::Stopped, now).await?,
            None => Recorded::default(),
        };
        let changed = recorded.changes();
        if !changed.is_empty() {
            let teams = campaign_teams::load(&tx, &Scope::system(), &[campaign.id]).await?;
            let told = |team: &TeamTotals| (team.team_id, json!({ "targeted": team.targeted }));
            let teams = teams.values().flatten().map(told).collect();
            let what = ("campaign.stopped", &campaign.public_id);
            self.record_activity_of_teams(&tx, actor, what, teams).await?;
            changes::record(&tx, &changed).await?;
        }
        tx.commit().await?;
        self.tell(recorded).await;
        self.visible_campaign(actor, id).await
    }

    /// Ends the campaigns whose time is over, by the database's clock. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn expire_campaigns(&self) -> Result<(), FleetError> {
        let now = self.store.now().await?;
        for id in campaigns::overdue(self.store.reader(), &Scope::system(), now).await? {
            let tx = self.store.begin().await?;
            let Some(locked) = lock_running(&tx, id).await? else { continue };
            let recorded = record::end(&tx, locked, CampaignStatus::Expired, now).await?;
            changes::record(&tx, &recorded.changes()).await?;
            tx.commit().await?;
            self.tell(recorded).await;
        }
        Ok(())
    }

    /// Withdraws hosts from every running campaign that awaits them: each gets a failed answer, WITHDRAWN. The
    /// membership lock is held, so no campaign starts meanwhile. The caller records [`Recorded::changes`] with its
    /// own as the last statement of `tx`, and calls [`Fleet::tell`] after the commit.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn withdraw_hosts(
        &self,
        tx: &DatabaseTransaction,
        host_ids: &[HostId],
    ) -> Result<Recorded, FleetError> {
        let now = self.store.now_on(tx).await?;
        let named = hosts::find(tx, &Scope::system(), HostSelection::Ids(host_ids)).await?;
        let mut given = Vec::new();
        for campaign in awaiting(tx, host_ids).await? {
            given.extend(named.iter().map(|host| Given {
                host: host.id,
                host_public_id: host.public_id.clone(),
                hostname: host.hostname.clone(),
                answer: Arc::new(withdrawn(campaign)),
            }));
        }
        Ok(record::answers(tx, &self.campaigns.targets, Caps::NONE, now, &given).await?)
    }

    /// Who started a campaign may stop it; others need the right in every team it asks.
    async fn check_may_stop(&self, actor: &Actor, campaign: &Campaign) -> Result<(), FleetError> {
        let own = matches!(actor, Actor::User(user) if campaign.created_by == Some(user.id));
        if own && policy::allow(actor, Action::RunObserverQueries, None).is_ok() {
            return Ok(());
        }
        let ids = [campaign.id];
        let teams = campaign_teams::load(self.store.reader(), &Scope::system(), &ids).await?;
        let mut teams = teams.values().flatten().map(|totals| totals.team_id);
        let may = |team: TeamId| policy::allow(actor, Action::StopAnyCampaign, Some(team)).is_ok();
        if teams.all(may) {
            return Ok(());
        }
        let message = "only who started it may stop it, or who may stop campaigns in all its teams";
        Err(FleetError::rejected(RejectionCode::NotAllowed, "campaignId", message))
    }
}

/// Locks a campaign and answers it if it runs.
async fn lock_running(tx: &DatabaseTransaction, id: CampaignId) -> Result<Option<Campaign>, FleetError> {
    let locked = campaigns::lock(tx, &Scope::system(), &[id]).await?;
    Ok(locked.into_iter().find(|campaign| campaign.status == CampaignStatus::Running))
}

/// The running campaigns whose stored targets hold one of the hosts; answered or not.
async fn awaiting(tx: &DatabaseTransaction, hosts: &[HostId]) -> Result<Vec<CampaignId>, FleetError> {
    let system = Scope::system();
    let running: Vec<_> = campaigns::running(tx, &system).await?.into_iter().map(|one| one.id).collect();
    let mut awaiting = Vec::new();
    for ids in running.chunks(100) {
        let sets = campaign_targets::load(tx, &system, ids).await?;
        let asks = |id: &CampaignId| {
            sets.get(id).is_some_and(|set| hosts.iter().any(|host| set.team_of(*host).is_some()))
        };
        awaiting.extend(ids.iter().copied().filter(asks));
    }
    Ok(awaiting)
}

fn withdrawn(campaign: CampaignId) -> Answer {
    let failure = HostFailure {
        code: HostErrorCode::Withdrawn,
        message: "the host was transferred or deleted while it was awaited".into(),
    };
    Answer { campaign, outcome: Outcome::Failed(failure), duration_ms: None }
}

fn as_rejection(error: FleetError) -> FleetError {
    match error {
        FleetError::NotFound(_) => {
            FleetError::rejected(RejectionCode::NotFound, "campaignId", "this campaign is not there")
        }
        other => other,
    }
}
