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
mod saved_queries;
mod campaigns;

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
    saved_queries::SavedQueryMutation,
    campaigns::CampaignMutation,
);
