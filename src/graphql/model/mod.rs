//! Objects, inputs and enums of the schema: newtypes over what the core shows, a file a noun.

pub mod host;
pub mod host_list;
pub mod host_filter;
pub mod host_answer;
pub mod host_counts;
pub mod host_vitals;
pub mod label;
pub mod team;
pub mod enroll_secret;

pub mod user;
pub mod invitation;
pub mod session;
pub mod viewer;
pub mod activity;
pub mod settings;
pub mod destination;

pub mod saved_query;
pub mod schedule;
pub mod pack;
pub mod report;
pub mod report_row;
pub mod policy;
pub mod policy_result;
pub mod scheduled_query;
pub mod query_health;
pub mod osquery_config;
pub mod import;
pub mod campaign;
pub mod campaign_event;
pub mod campaign_target;
pub mod target_selection;
pub mod targets_input;

pub mod node;
