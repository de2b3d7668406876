//! Every SeaORM query: a file a table; every read takes a [`Scope`].
//!
//! Functions take the connection first, so that each can be part of a larger transaction. Lock order everywhere:
//! membership, idempotency key, campaigns by id, host rows by id, `changes`.

pub mod connect;
pub mod error;
pub mod locks;
pub mod schema;
pub mod page;
pub mod changes;
mod text;

pub mod hosts;
pub mod enrollment;
pub mod node_keys;
pub mod presence;
pub mod labels;
pub mod label_members;
pub mod saved_queries;

pub mod campaigns;
pub mod campaign_targets;
pub mod campaign_teams;
pub mod campaign_answers;
pub mod campaign_events;
pub mod campaign_readers;

pub mod settings;
pub mod users;
pub mod team_members;
pub mod invitations;
pub mod sessions;
pub mod login_failures;
pub mod signing_keys;
pub mod password_resets;
pub mod api_tokens;
pub mod teams;
pub mod enroll_secrets;
pub mod idempotency_keys;
pub mod activities;

use entity::id::TeamId;
use sea_orm::{ColumnTrait, Condition};

use crate::policy::{Scope, Teams};

pub use connect::{Backend, Store, StoreSettings};
pub use error::StoreError;
pub use locks::{
    admins_lock, idempotency_lock, membership_lock_exclusive, membership_lock_shared, settings_lock,
};

/// The condition that keeps the rows in scope, by the column with their team.
pub fn scoped(column: impl ColumnTrait, scope: &Scope) -> Condition {
    match scope.teams() {
        Teams::All => Condition::all(),
        Teams::Only(teams) => Condition::all().add(column.is_in(teams.iter().copied())),
    }
}

/// As [`scoped`], with what is global besides: labels and saved queries of no team are everybody's.
pub fn scoped_or_global(column: impl ColumnTrait, scope: &Scope) -> Condition {
    match scope.teams() {
        Teams::All => Condition::all(),
        Teams::Only(teams) => {
            let and_global = teams.iter().copied().chain([TeamId::NONE]);
            Condition::all().add(column.is_in(and_global))
        }
    }
}
