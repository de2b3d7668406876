//! Teams: sets of hosts, queries and users.

use std::collections::HashMap;

use entity::id::{PublicId, TeamId};
use entity::teams::ActiveModel;
pub use entity::teams::Model as Team;
use sea_orm::ActiveValue::{NotSet, Set};
use serde_json::json;

use super::activity::NewActivity;
use super::hosts::{Page, PageRequest};
use super::idempotency::{Keyed, start_over_once};
use super::{Fleet, FleetError, RejectionCode, input};
use crate::auth::keys::new_public_id;
use crate::policy::{Action, Actor, allow};
use crate::store::teams;

mod manage;

pub use manage::TeamChange;

impl Fleet {
    /// Visible teams by inside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn teams_by_ids(
        &self,
        actor: &Actor,
        ids: &[TeamId],
    ) -> Result<HashMap<TeamId, Team>, FleetError> {
        let scope = allow(actor, Action::ReadTeams, None)?;
        let found = teams::by_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|team| (team.id, team)).collect())
    }

    /// Visible teams by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn teams_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Team>, FleetError> {
        let scope = allow(actor, Action::ReadTeams, None)?;
        let found = teams::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|team| (team.public_id.clone(), team)).collect())
    }

    /// A page of visible teams by id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn teams(&self, actor: &Actor, page: PageRequest) -> Result<Page<Team>, FleetError> {
        let scope = allow(actor, Action::ReadTeams, None)?;
        Ok(teams::page(self.store.reader(), &scope, &page).await?)
    }

    /// How many teams the actor sees.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_teams(&self, actor: &Actor) -> Result<u64, FleetError> {
        let scope = allow(actor, Action::ReadTeams, None)?;
        Ok(teams::count(self.store.reader(), &scope).await?)
    }

    /// The visible team of that name.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn team_by_name(&self, actor: &Actor, name: &str) -> Result<Option<Team>, FleetError> {
        let scope = allow(actor, Action::ReadTeams, None)?;
        Ok(teams::by_name(self.store.reader(), &scope, name).await?)
    }

    /// Makes a team.
    ///
    /// # Errors
    /// Denied; rejected (`name`: empty, over 255 characters, taken; `description`: over 4,096 characters;
    /// `idempotencyKey`); unavailable.
    pub async fn create_team(
        &self,
        actor: &Actor,
        name: &str,
        description: Option<&str>,
        idempotency_key: Option<&str>,
    ) -> Result<Team, FleetError> {
        allow(actor, Action::ManageTeams, Some(TeamId::NONE))?;
        let name = input::name(name, "name")?;
        input::description(description)?;
        let request = Keyed {
            operation: "createTeam",
            key: idempotency_key,
            input: json!([name, description]).to_string().into_bytes(),
        };
        start_over_once(|| self.store_team(actor, &name, description, &request)).await
    }

    /// The team that a new object is for, by `action`: none of them ([`TeamId::NONE`]) without `team`.
    ///
    /// # Errors
    /// Denied; rejected (`teamId`) when the action is not allowed there, as if it were absent; unavailable.
    pub(crate) async fn place(
        &self,
        actor: &Actor,
        action: Action,
        team: Option<&PublicId>,
    ) -> Result<TeamId, FleetError> {
        let Some(team) = team else {
            allow(actor, action, Some(TeamId::NONE))?;
            return Ok(TeamId::NONE);
        };
        let scope = allow(actor, action, None)?;
        let found = teams::by_public_ids(self.store.reader(), &scope, std::slice::from_ref(team)).await?;
        let unknown = || FleetError::rejected(RejectionCode::NotFound, "teamId", "team not found");
        found.first().map(|team| team.id).ok_or_else(unknown)
    }

    async fn store_team(
        &self,
        actor: &Actor,
        name: &str,
        description: Option<&str>,
        request: &Keyed<'_>,
    ) -> Result<Team, FleetError> {
        let scope = allow(actor, Action::ReadTeams, None)?;
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let team = teams::by_public_ids(&tx, &scope, &[first]).await?.pop();
            return team.ok_or(FleetError::NotFound("team"));
        }
        if teams::by_name(&tx, &scope, name).await?.is_some() {
            return Err(FleetError::rejected(RejectionCode::NotUnique, "name", "this name is taken"));
        }
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("tem")),
            name: Set(name.to_owned()),
            description: Set(description.map(str::to_owned)),
            created_at: Set(self.clock.now()),
            restrictions: Set("[]".to_owned()),
            host_expiry_days: Set(None),
            version: Set(1),
        };
        let team = teams::insert(&tx, row).await?;
        let activity = NewActivity {
            kind: "team.created",
            team: Some(team.id),
            subject: Some(&team.public_id),
            details: json!({ "name": team.name }),
        };
        self.record_activity(&tx, actor, activity).await?;
        self.remember(&tx, actor, request, &team.public_id).await?;
        tx.commit().await?;
        Ok(team)
    }
}
