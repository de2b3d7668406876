//! What a row of Muster's database is: one file a table, id newtypes, and the words that rows hold.
//!
//! No queries and no protocol: `store` has every query, the faces have the protocols.

pub mod id;
pub mod kind;
pub mod time;

pub mod teams;
pub mod hosts;
pub mod host_vitals;
pub mod host_schedule;
pub mod host_terms;
pub mod query_costs;
pub mod node_keys;
pub mod enroll_secrets;
pub mod labels;
pub mod label_members;
pub mod label_sets;
pub mod label_failures;
pub mod users;
pub mod team_members;
pub mod invitations;
pub mod sessions;
pub mod api_tokens;
pub mod login_failures;
pub mod password_resets;
pub mod signing_keys;
pub mod saved_queries;
pub mod packs;
pub mod osquery_configs;
pub mod label_layers;
pub mod reports;
pub mod policies;
pub mod policy_labels;
pub mod policy_results;
pub mod policy_changes;
pub mod policy_counts;
pub mod campaigns;
pub mod campaign_targets;
pub mod campaign_teams;
pub mod campaign_answers;
pub mod campaign_events;
pub mod campaign_readers;
pub mod changes;
pub mod activities;
pub mod idempotency_keys;
pub mod settings;
pub mod leases;
