//! Teams: sets of hosts, queries and users.

use std::collections::HashMap;

use entity::id::{PublicId, TeamId};
pub use entity::teams::Model as Team;

use super::hosts::{Page, PageRequest};
use super::{Fleet, FleetError};
use crate::policy::Actor;

impl Fleet {
    /// Visible teams by inside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn teams_by_ids(
        &self,
        _actor: &Actor,
        _ids: &[TeamId],
    ) -> Result<HashMap<TeamId, Team>, FleetError> {
        todo!()
    }

    /// Visible teams by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn teams_by_public_ids(
        &self,
        _actor: &Actor,
        _ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Team>, FleetError> {
        todo!()
    }

    /// A page of visible teams by id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn teams(&self, _actor: &Actor, _page: PageRequest) -> Result<Page<Team>, FleetError> {
        todo!()
    }

    /// How many teams the actor sees.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_teams(&self, _actor: &Actor) -> Result<u64, FleetError> {
        todo!()
    }

    /// The visible team of that name.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn team_by_name(&self, _actor: &Actor, _name: &str) -> Result<Option<Team>, FleetError> {
        todo!()
    }

    /// Makes a team.
    ///
    /// # Errors
    /// Denied; rejected (`name`: empty, over 255 characters, taken; `idempotencyKey`); unavailable.
    pub async fn create_team(
        &self,
        _actor: &Actor,
        _name: &str,
        _description: Option<&str>,
        _idempotency_key: Option<&str>,
    ) -> Result<Team, FleetError> {
        todo!()
    }
}
