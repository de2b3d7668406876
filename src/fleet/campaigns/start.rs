//! Starting a campaign: policy, lint, then one transaction that freezes its targets.

use std::ops::RangeInclusive;
use std::time::Duration;

use entity::id::{ApiTokenId, PublicId, SavedQueryId, UserId};
use entity::kind::{CampaignStatus, ChangeKind};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;

use super::targets::Chosen;
use super::{Campaign, NewCampaign, Source, Targets};
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
use crate::fleet::idempotency::{Keyed, start_over_once};
use crate::fleet::saved_queries::SavedQuery;
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{self, Action, Actor, Credential, Denied, Scope};
use crate::sql;
use crate::store::campaign_targets::TargetSet;
use crate::store::{campaign_targets, campaign_teams, campaigns, changes, membership_lock_shared};

/// How long hosts may answer.
const EXPIRY: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(30 * 24);

/// Characters of a name at most.
const NAME: usize = 255;

/// What will run, and where the actor may run it.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) saved_query_id: Option<SavedQueryId>,
    pub(super) scope: Scope,
}

impl Fleet {
    /// Starts a campaign; the same `idempotency_key` by the same caller answers the first one again.
    ///
    /// # Errors
    /// Denied; rejected (`source`, `source.sql`, `source.savedQueryId`, `targets…`, `name`, `expiresInSeconds`,
    /// `idempotencyKey`); unavailable.
    pub async fn start_campaign(
        &self,
        actor: &Actor,
        new: NewCampaign,
        idempotency_key: Option<&str>,
    ) -> Result<Campaign, FleetError> {
        check(&new)?;
        let query = self.query(actor, &new.source).await?;
        let chosen = self.choose(actor, &query.scope, &new.targets).await?;
        let input = serde_json::to_vec(&new).map_err(FleetError::internal)?;
        let request = Keyed { operation: "startCampaign", key: idempotency_key, input };
        let public_id = start_over_once(|| self.start_once(actor, &new, &query, &chosen, &request)).await?;
        self.announce().await;
        let found = campaigns::by_public_ids(self.store.reader(), &Scope::system(), &[public_id]).await?;
        found.into_iter().next().ok_or(FleetError::NotFound("campaign"))
    }

    /// The SQL of a source, and where the actor may run it.
    pub(super) async fn query(&self, actor: &Actor, source: &Source) -> Result<Query, FleetError> {
        match source {
            Source::Sql(text) => {
                let scope = or_input_error(policy::allow(actor, Action::RunAnySql, None), "source.sql")?;
                sql::lint(text).map_err(|issue| FleetError::sql("source.sql", issue))?;
                Ok(Query { sql: text.clone(), saved_query_id: None, scope })
            }
            Source::SavedQuery(id) => {
                let path = "source.savedQueryId";
                let mut found = self.saved_queries_by_public_ids(actor, std::slice::from_ref(id)).await?;
                let not_found =
                    || FleetError::rejected(RejectionCode::NotFound, path, "this saved query is not there");
                let query = found.remove(id).ok_or_else(not_found)?;
                let scope = or_input_error(saved_query_scope(actor, &query), path)?;
                Ok(Query { sql: query.sql, saved_query_id: Some(query.id), scope })
            }
        }
    }

    async fn start_once(
        &self,
        actor: &Actor,
        new: &NewCampaign,
        query: &Query,
        chosen: &Chosen,
        request: &Keyed<'_>,
    ) -> Result<PublicId, FleetError> {
        let now = self.store.now().await?;
        let tx = self.store.begin().await?;
        membership_lock_shared(&tx).await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            return Ok(first);
        }
        let targets = self.target_set(&tx, &query.scope, chosen).await?;
        self.check_guard(&tx, actor, &query.sql, &targets).await?;
        self.check_load(&tx, &targets).await?;
        let campaign = campaigns::insert(&tx, row(actor, new, query, chosen, &targets, now)?).await?;
        campaign_targets::insert(&tx, campaign.id, &targets).await?;
        campaign_teams::insert(&tx, campaign.id, &targets).await?;
        self.remember(&tx, actor, request, &campaign.public_id).await?;
        let told = |(team, targeted)| (team, started(&campaign, new, targeted));
        let teams = targets.sizes().map(told).collect();
        self.record_activity_of_teams(&tx, actor, ("campaign.started", &campaign.public_id), teams).await?;
        changes::record(&tx, &[(ChangeKind::CampaignStarted, campaign.id.0)]).await?;
        tx.commit().await?;
        Ok(campaign.public_id)
    }

    /// Refuses what the limits leave no room for.
    async fn check_load(&self, tx: &DatabaseTransaction, targets: &TargetSet) -> Result<(), FleetError> {
        let (running, outstanding) = campaigns::running_load(tx, &Scope::system()).await?;
        if running >= self.settings.max_running_campaigns {
            let message = format!("{running} campaigns run already, as many as this server allows");
            return Err(FleetError::rejected(RejectionCode::LimitExceeded, "targets", message));
        }
        if outstanding + targets.len() > self.settings.max_outstanding_targets {
            let message =
                format!("running campaigns await {outstanding} hosts already; this would be too many");
            return Err(FleetError::rejected(RejectionCode::LimitExceeded, "targets", message));
        }
        Ok(())
    }
}

fn check(new: &NewCampaign) -> Result<(), FleetError> {
    if !EXPIRY.contains(&new.expires_in) {
        let message = "a campaign lasts 10 seconds to 30 days";
        return Err(FleetError::rejected(RejectionCode::Invalid, "expiresInSeconds", message));
    }
    if new.name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > NAME) {
        let message = "a name has 1 to 255 characters";
        return Err(FleetError::rejected(RejectionCode::Invalid, "name", message));
    }
    Ok(())
}

/// Where the actor may run a saved query. Its mark for observers holds in its own team, everywhere if it is global:
/// whoever may write queries in one team shall not run them in another.
fn saved_query_scope(actor: &Actor, query: &SavedQuery) -> Result<Scope, Denied> {
    let any = policy::allow(actor, Action::RunAnySql, None);
    if !query.observer_can_run {
        return any;
    }
    policy::either(any, policy::allow(actor, Action::RunObserverQueries, query.team_id.some()))
}

/// Who may run nowhere is told so as an input error.
fn or_input_error(scope: Result<Scope, Denied>, path: &'static str) -> Result<Scope, FleetError> {
    match scope {
        Ok(scope) => Ok(scope),
        Err(Denied::Unauthenticated) => Err(Denied::Unauthenticated.into()),
        Err(Denied::Forbidden) => {
            let message = "your roles do not allow running this";
            Err(FleetError::rejected(RejectionCode::NotAllowed, path, message))
        }
    }
}

fn row(
    actor: &Actor,
    new: &NewCampaign,
    query: &Query,
    chosen: &Chosen,
    targets: &TargetSet,
    now: Timestamp,
) -> Result<entity::campaigns::ActiveModel, FleetError> {
    let targeted = i64::try_from(targets.len()).unwrap_or(i64::MAX);
    let (created_by, created_by_token) = creator(actor);
    Ok(entity::campaigns::ActiveModel {
        id: NotSet,
        public_id: Set(new_public_id("cmp")),
        name: Set(new.name.clone()),
        sql: Set(query.sql.clone()),
        saved_query_id: Set(query.saved_query_id),
        rerun_of: Set(chosen.rerun_of()),
        created_by: Set(created_by),
        created_by_token: Set(created_by_token),
        status: Set(CampaignStatus::Running),
        selection: Set(serde_json::to_string(&new.targets).map_err(FleetError::internal)?),
        created_at: Set(now),
        expires_at: Set(now.plus(new.expires_in)),
        ended_at: Set(None),
        last_position: Set(0),
        targeted: Set(targeted),
        outstanding: Set(targeted),
        rows: Set(0),
        bytes: Set(0),
        events_purged_at: Set(None),
    })
}

fn creator(actor: &Actor) -> (Option<UserId>, Option<ApiTokenId>) {
    let Actor::User(user) = actor else { return (None, None) };
    match &user.credential {
        Credential::Session(_) => (Some(user.id), None),
        Credential::ApiToken(token) => (Some(user.id), Some(token.id)),
    }
}

/// What a team is told of a campaign: the SQL, how many of its hosts are asked, and how they were chosen; not which
/// others were.
fn started(campaign: &Campaign, new: &NewCampaign, targeted: i64) -> serde_json::Value {
    let targets = match &new.targets {
        Targets::AllHosts => "all_hosts",
        Targets::Hosts(_) => "hosts",
        Targets::Filter(_) => "filter",
        Targets::Campaign { .. } => "campaign",
    };
    serde_json::json!({ "sql": campaign.sql, "targets": targets, "targeted": targeted })
}
