//! Reads: the fields of `Query`, a file a noun. Each is nullable, so that one that fails does not take the others
//! along.

mod nodes;
mod viewer;
mod settings;
mod hosts;
mod teams;
mod users;
mod labels;
mod enroll_secrets;
mod saved_queries;
mod packs;
mod policies;
mod osquery_config;
mod exports;
mod campaigns;
mod api_tokens;
mod activities;
mod destinations;

use async_graphql::MergedObject;

/// Reads.
#[derive(Default, MergedObject)]
pub struct Query(
    nodes::NodeQuery,
    viewer::ViewerQuery,
    settings::SettingsQuery,
    hosts::HostQuery,
    teams::TeamQuery,
    users::UserQuery,
    labels::LabelQuery,
    enroll_secrets::EnrollSecretQuery,
    saved_queries::SavedQueryQuery,
    packs::PackQuery,
    policies::PolicyQuery,
    osquery_config::OsqueryConfigQuery,
    exports::ExportQuery,
    campaigns::CampaignQuery,
    api_tokens::ApiTokenQuery,
    activities::ActivityQuery,
    destinations::DestinationQuery,
);
