//! Changing teams, and deleting them.

use entity::id::{PublicId, TeamId};
use entity::kind::ChangeKind;
use entity::teams::Model as Team;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use serde_json::json;

use crate::fleet::activity::NewActivity;
use crate::fleet::guard::{self, Restriction};
use crate::fleet::idempotency::start_over_once;
use crate::fleet::policies::{self, Unsettled};
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::hosts::{self, HostSelection, ResolvedHostFilter};
use crate::store::{
    changes, enroll_secrets, invitations, label_layers, labels, membership_lock_exclusive, osquery_configs,
    packs, saved_queries, team_members, teams,
};

/// A change of a team; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TeamChange {
    /// The version that was read.
    pub expected_version: Option<i32>,
    /// Another name.
    pub name: Option<String>,
    /// Another purpose; none inside clears it.
    pub description: Option<Option<String>>,
    /// Another list of what SQL may not name on its hosts.
    pub restrictions: Option<Vec<Restriction>>,
    /// Other days after which hosts that are not seen go; 0 for never, none inside as the fleet's settings say.
    pub host_expiry_days: Option<Option<i32>>,
}

impl Fleet {
    /// Changes a team.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `expectedVersion`, `name`, `description`, `restrictions`, `hostExpiryDays`);
    /// unavailable.
    pub async fn update_team(
        &self,
        actor: &Actor,
        id: &PublicId,
        mut change: TeamChange,
    ) -> Result<Team, FleetError> {
        allow(actor, Action::ManageTeams, None)?;
        if let Some(name) = change.name {
            // Names are unique among all teams: whether one is taken is not for the admin of one team to know.
            allow(actor, Action::ManageTeams, Some(TeamId::NONE))?;
            change.name = Some(input::name(&name, "name")?);
        }
        input::description(change.description.as_ref().and_then(Option::as_deref))?;
        change.restrictions = change.restrictions.map(guard::checked).transpose()?;
        change.host_expiry_days.flatten().map(guard::checked_days).transpose()?;
        start_over_once(|| self.store_team_change(actor, id, &change)).await
    }

    /// Deletes a team. Its hosts are in no team from then on, and campaigns that await them withdraw them; its enroll
    /// secrets and invitations are revoked; its saved queries, packs, labels, policies and configuration and the roles in it are gone. Campaigns stay, and what
    /// they asked of it is seen by those who see everything. The id is never given again.
    ///
    /// # Errors
    /// Denied: it takes an admin of everything, for hosts leave the team; rejected (`id`); unavailable.
    pub async fn delete_team(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        let scope = allow(actor, Action::ManageTeams, None)?;
        allow(actor, Action::ManageTeams, Some(TeamId::NONE))?;
        let tx = self.store.begin().await?;
        membership_lock_exclusive(&tx).await?;
        let team = teams::lock(&tx, &scope, id).await?.ok_or_else(unknown)?;
        let filter = ResolvedHostFilter { teams: Some(vec![team.id]), ..ResolvedHostFilter::default() };
        let targets = hosts::select_targets(&tx, &Scope::system(), HostSelection::Filter(&filter)).await?;
        let leaving: Vec<_> = targets.into_iter().map(|(host, _)| host).collect();
        let withdrawn = self.withdraw_hosts(&tx, &leaving).await?;
        hosts::lock(&tx, &Scope::system(), &leaving).await?;
        hosts::transfer(&tx, &leaving, TeamId::NONE).await?;
        let belongings = self.end_belongings(&tx, team.id).await?;
        let mut of_policies = policies::settle(&tx, Unsettled::Hosts(&leaving)).await?;
        of_policies.extend(self.delete_policies_of_team(&tx, team.id).await?);
        let mut told = withdrawn.changes();
        told.extend(leaving.iter().map(|host| (ChangeKind::Host, host.0)));
        told.push((ChangeKind::Hosts, 0));
        told.extend(belongings);
        teams::delete(&tx, team.id).await?;
        let details = json!({ "name": team.name, "hosts": leaving.len() });
        self.record_of_team(&tx, actor, "team.deleted", &team, details).await?;
        changes::record_all(&tx, &told, &of_policies).await?;
        tx.commit().await?;
        self.tell(withdrawn).await;
        self.announce().await;
        Ok(team.public_id)
    }

    /// Ends what belongs to a team, and answers what to tell of it.
    async fn end_belongings(
        &self,
        tx: &DatabaseTransaction,
        team: TeamId,
    ) -> Result<Vec<(ChangeKind, i64)>, FleetError> {
        let now = self.clock.now();
        let members = team_members::users_of(tx, &Scope::system(), team).await?;
        enroll_secrets::revoke_of_team(tx, team, now).await?;
        invitations::close_of_team(tx, team, now).await?;
        saved_queries::delete_of_team(tx, team).await?;
        packs::delete_of_team(tx, team).await?;
        osquery_configs::delete_of_team(tx, team).await?;
        label_layers::delete_of_team(tx, team).await?;
        labels::delete_of_team(tx, team).await?;
        let users = members.into_iter().map(|user| (ChangeKind::User, user.0));
        let things =
            [(ChangeKind::EnrollSecret, 0), (ChangeKind::Configuration, team.0), (ChangeKind::Labels, 0)];
        Ok(users.chain(things).collect())
    }

    async fn store_team_change(
        &self,
        actor: &Actor,
        id: &PublicId,
        change: &TeamChange,
    ) -> Result<Team, FleetError> {
        let scope = allow(actor, Action::ReadTeams, None)?;
        let tx = self.store.begin().await?;
        let team = teams::lock(&tx, &scope, id).await?.ok_or_else(unknown)?;
        allow(actor, Action::ManageTeams, Some(team.id))?;
        if change.expected_version.is_some_and(|version| version != team.version) {
            let message = format!("the team has version {} now", team.version);
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != team.name)
            && teams::by_name(&tx, &Scope::system(), name).await?.is_some()
        {
            return Err(FleetError::rejected(RejectionCode::NotUnique, "name", "this name is taken"));
        }
        let mut row = team.clone().into_active_model();
        row.version = Set(team.version.saturating_add(1));
        if let Some(name) = &change.name {
            row.name = Set(name.clone());
        }
        if let Some(description) = &change.description {
            row.description = Set(description.clone());
        }
        if let Some(restrictions) = &change.restrictions {
            row.restrictions = Set(serde_json::to_string(restrictions).map_err(FleetError::internal)?);
        }
        if let Some(days) = change.host_expiry_days {
            row.host_expiry_days = Set(days);
        }
        let team = teams::update(&tx, row).await?;
        let details = json!({ "name": team.name, "restrictions": guard::restrictions(&team) });
        self.record_of_team(&tx, actor, "team.updated", &team, details).await?;
        tx.commit().await?;
        Ok(team)
    }

    async fn record_of_team(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        team: &Team,
        details: serde_json::Value,
    ) -> Result<(), FleetError> {
        let activity = NewActivity { kind, team: Some(team.id), subject: Some(&team.public_id), details };
        self.record_activity(tx, actor, activity).await
    }
}

fn unknown() -> FleetError {
    FleetError::rejected(RejectionCode::NotFound, "id", "team not found")
}
