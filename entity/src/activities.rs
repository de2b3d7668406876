//! Table `activities`.

use sea_orm::entity::prelude::*;

use crate::id::{ActivityId, PublicId, TeamId};
use crate::time::Timestamp;

/// An entry of the audit trail. The database refuses to change one.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activities")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: ActivityId,
    /// Outside id, `act_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// When it happened.
    #[sea_orm(indexed)]
    pub occurred_at: Timestamp,
    /// Who acted: outside id of a user or an API token, `host`, `system` or `anonymous`.
    pub actor: String,
    /// Name of the actor at that time.
    pub actor_name: String,
    /// What was done, as `noun.verb`.
    pub kind: String,
    /// Team it concerns; 0 for hosts in none; none for what concerns the whole installation.
    pub team_id: Option<TeamId>,
    /// Outside id of the object.
    pub subject: Option<String>,
    /// More, as a JSON object; never a secret.
    pub details: String,
    /// Where it was done from: an address.
    pub source: Option<String>,
    /// Outside id of the user who acted, themselves or by an API token.
    pub acting_user: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
