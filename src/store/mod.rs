//! Every SeaORM query: a file a table; every read takes a [`Scope`].
//!
//! Functions take the connection first, so that each can be part of a larger transaction. Lock order everywhere:
//! membership, idempotency key, configuration, campaigns by id, host rows by id, labels by id, policies, `changes`.

pub mod connect;
mod door;
mod pools;
mod heartbeat;
mod suspicion;
pub mod error;
pub mod leases;
pub mod locks;
pub mod schema;
pub mod page;
pub mod changes;
pub mod transfer;
mod text;

pub mod hosts;
pub mod enrollment;
pub mod node_keys;
pub mod presence;
pub mod labels;
pub mod label_members;
pub mod label_sets;
pub mod label_failures;
pub mod saved_queries;
pub mod packs;
pub mod osquery_configs;
pub mod label_layers;
pub mod reports;
pub mod policies;
pub mod policy_results;
pub mod policy_changes;
pub mod policy_counts;

pub mod host_vitals;
pub mod host_schedule;
pub mod host_terms;
pub mod query_costs;
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
    admins_lock, configuration_lock, idempotency_lock, membership_lock_exclusive, membership_lock_shared,
    policies_lock, settings_lock, shipping_lock,
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
