//! Any object by its global id.

use std::collections::HashMap;

use async_graphql::{ID, Interface};
use entity::id::PublicId;

use super::activity::Activity;
use super::campaign::Campaign;
use super::enroll_secret::EnrollSecret;
use super::host::Host;
use super::invitation::Invitation;
use super::label::Label;
use super::pack::Pack;
use super::policy::Policy;
use super::saved_query::SavedQuery;
use super::session::Session;
use super::team::Team;
use super::user::{ApiToken, User};
use crate::fleet::{Fleet, FleetError};
use crate::graphql::id::Identified;
use crate::policy::Actor;

/// An object with a stable global id.
#[derive(Clone, Debug, Interface)]
#[expect(clippy::large_enum_variant, reason = "at most a hundred are made at once, and most are hosts")]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque, URL-safe, stable. Never parse it."))]
pub enum Node {
    /// A host.
    Host(Host),
    /// A team.
    Team(Team),
    /// A label.
    Label(Label),
    /// A user.
    User(User),
    /// An API token.
    ApiToken(ApiToken),
    /// A saved query.
    SavedQuery(SavedQuery),
    /// A pack.
    Pack(Pack),
    /// A policy.
    Policy(Policy),
    /// A campaign.
    Campaign(Campaign),
    /// An enroll secret.
    EnrollSecret(EnrollSecret),
    /// A session.
    Session(Session),
    /// An activity.
    Activity(Activity),
    /// An invitation.
    Invitation(Invitation),
}

/// What an id names, by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// A host.
    Host,
    /// A team.
    Team,
    /// A label.
    Label,
    /// A user.
    User,
    /// An API token.
    ApiToken,
    /// A saved query.
    SavedQuery,
    /// A pack.
    Pack,
    /// A policy.
    Policy,
    /// A campaign.
    Campaign,
    /// An enroll secret.
    EnrollSecret,
    /// A session.
    Session,
    /// An activity.
    Activity,
    /// An invitation.
    Invitation,
}

impl NodeKind {
    /// The kind an id of this form names.
    #[must_use]
    pub fn of(id: &PublicId) -> Self {
        match id.prefix() {
            Team::PREFIX => Self::Team,
            Label::PREFIX => Self::Label,
            User::PREFIX => Self::User,
            ApiToken::PREFIX => Self::ApiToken,
            SavedQuery::PREFIX => Self::SavedQuery,
            Pack::PREFIX => Self::Pack,
            Policy::PREFIX => Self::Policy,
            Campaign::PREFIX => Self::Campaign,
            EnrollSecret::PREFIX => Self::EnrollSecret,
            Session::PREFIX => Self::Session,
            Activity::PREFIX => Self::Activity,
            Invitation::PREFIX => Self::Invitation,
            // What is no id of ours is looked up as a host, so that it is answered like one that does not exist.
            _ => Self::Host,
        }
    }

    /// The objects of this kind that `actor` sees.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn fetch(
        self,
        fleet: &Fleet,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Node>, FleetError> {
        Ok(match self {
            Self::Host => nodes(fleet.hosts_by_public_ids(actor, ids).await?, Host),
            Self::Team => nodes(fleet.teams_by_public_ids(actor, ids).await?, Team),
            Self::Label => nodes(fleet.labels_by_public_ids(actor, ids).await?, Label),
            Self::User => nodes(fleet.users_by_public_ids(actor, ids).await?, User),
            Self::ApiToken => nodes(fleet.api_tokens_by_public_ids(actor, ids).await?, ApiToken),
            Self::SavedQuery => nodes(fleet.saved_queries_by_public_ids(actor, ids).await?, SavedQuery),
            Self::Pack => nodes(fleet.packs_by_public_ids(actor, ids).await?, Pack),
            Self::Policy => nodes(fleet.policies_by_public_ids(actor, ids).await?, Policy),
            Self::Campaign => nodes(fleet.campaigns_by_public_ids(actor, ids).await?, Campaign),
            Self::EnrollSecret => nodes(fleet.enroll_secrets_by_public_ids(actor, ids).await?, EnrollSecret),
            Self::Session => nodes(fleet.sessions_by_public_ids(actor, ids).await?, Session),
            Self::Activity => nodes(fleet.activities_by_public_ids(actor, ids).await?, Activity),
            Self::Invitation => nodes(fleet.invitations_by_public_ids(actor, ids).await?, Invitation),
        })
    }
}

fn nodes<T, N: Into<Node>>(found: HashMap<PublicId, T>, wrap: impl Fn(T) -> N) -> HashMap<PublicId, Node> {
    found.into_iter().map(|(id, item)| (id, wrap(item).into())).collect()
}
