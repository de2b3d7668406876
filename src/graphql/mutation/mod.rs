//! Writes: the fields of `Mutation`, a file a noun. Each takes one `input` and answers a payload of its own: the
//! object, and what the caller has to mend.

mod sessions;
mod accounts;
mod settings;
mod teams;
mod users;
mod invitations;
mod enroll_secrets;
mod hosts;
mod labels;
mod saved_queries;
mod packs;
mod policies;
mod osquery_config;
mod imports;
mod campaigns;
mod destinations;

use async_graphql::MergedObject;

/// Writes.
#[derive(Default, MergedObject)]
pub struct Mutation(
    sessions::SessionMutation,
    accounts::AccountMutation,
    settings::SettingsMutation,
    teams::TeamMutation,
    users::UserMutation,
    invitations::InvitationMutation,
    enroll_secrets::EnrollSecretMutation,
    hosts::HostMutation,
    labels::LabelMutation,
    saved_queries::SavedQueryMutation,
    packs::PackMutation,
    policies::PolicyMutation,
    osquery_config::OsqueryConfigMutation,
    imports::ImportMutation,
    campaigns::CampaignMutation,
    destinations::DestinationMutation,
);
