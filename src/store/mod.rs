//! Every SeaORM query: a file a table; every read takes a [`Scope`](crate::policy::Scope).
//!
//! Functions take the connection first, so that each can be part of a larger transaction. Lock order everywhere:
//! membership, campaigns by id, host rows by id, `changes`.

pub mod connect;
pub mod error;
pub mod page;
pub mod changes;
pub mod node_keys;
pub mod enrollment;
pub mod label_members;
pub mod presence;

use sea_orm::{ColumnTrait, Condition};

use crate::policy::{Scope, Teams};

pub use connect::{Backend, Store, StoreSettings};
pub use error::StoreError;

/// The condition that keeps the rows in scope, by the column with their team.
pub fn scoped(column: impl ColumnTrait, scope: &Scope) -> Condition {
    match scope.teams() {
        Teams::All => Condition::all(),
        Teams::Only(teams) => Condition::all().add(column.is_in(teams.iter().copied())),
    }
}
