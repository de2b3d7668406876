//! Every SeaORM query: a file a table; every read takes a [`Scope`].
//!
//! Functions take the connection first, so that each can be part of a larger transaction. Lock order everywhere:
//! membership, campaigns by id, host rows by id, `changes`.

pub mod connect;
pub mod error;
pub mod locks;
pub mod schema;
pub mod page;
mod text;

pub mod campaigns;
pub mod campaign_targets;
pub mod campaign_teams;
pub mod campaign_answers;
pub mod campaign_events;
pub mod settings;
pub mod changes;
pub mod node_keys;
pub mod enrollment;
pub mod label_members;
pub mod presence;
pub mod users;
pub mod team_members;
pub mod sessions;
pub mod api_tokens;
pub mod teams;
pub mod enroll_secrets;
pub mod idempotency_keys;
pub mod activities;

use sea_orm::{ColumnTrait, Condition};

use crate::policy::{Scope, Teams};

pub use connect::{Backend, Store, StoreSettings};
pub use error::StoreError;
pub use locks::{membership_lock_exclusive, membership_lock_shared};
use text::{contains_text, prefix_text};

/// The condition that keeps the rows in scope, by the column with their team.
pub fn scoped(column: impl ColumnTrait, scope: &Scope) -> Condition {
    match scope.teams() {
        Teams::All => Condition::all(),
        Teams::Only(teams) => Condition::all().add(column.is_in(teams.iter().copied())),
    }
}
