//! Objects, inputs and enums of the schema: newtypes over what the core shows, a file a noun.

pub mod host;
pub mod host_filter;
pub mod host_answer;
pub mod label;
pub mod team;
pub mod enroll_secret;

pub mod user;
pub mod invitation;
pub mod session;
pub mod viewer;
pub mod activity;
pub mod settings;

pub mod saved_query;
pub mod campaign;
pub mod campaign_event;
pub mod campaign_target;
pub mod target_selection;
pub mod targets_input;

pub mod node;
