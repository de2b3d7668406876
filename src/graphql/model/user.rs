//! Users and API tokens: who acts.

use async_graphql::{Context, Enum, ID, Interface, Object, SimpleObject};
use entity::id::UserId;

use super::team::Team;
use crate::fleet::users;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::scalars::DateTime;
use crate::policy;

/// Role of a user, global or in one team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "policy::Role")]
pub enum Role {
    /// Reads; runs saved queries that are marked observer-can-run.
    Observer,
    /// Also runs any SQL live.
    ObserverPlus,
    /// Also manages queries, packs, labels, policies and hosts.
    Maintainer,
    /// Also manages users, teams, secrets and settings.
    Admin,
    /// Applies configuration; reads nothing of hosts. For automation.
    Gitops,
}

/// What an API token may do at most, of what its user may; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "policy::TokenScope")]
pub enum ApiTokenScope {
    /// Reads.
    Read,
    /// Also runs live queries.
    Run,
    /// Also manages queries, packs, labels, policies and hosts.
    Manage,
    /// Whatever its user may do.
    Admin,
}

/// Who acts: a user or an API token.
#[derive(Clone, Debug, Interface)]
#[graphql(field(name = "display_name", ty = "&str", desc = "Name to show."))]
pub enum Actor {
    /// A person.
    User(User),
    /// A program.
    ApiToken(ApiToken),
}

impl Actor {
    /// Who made a thing; none when the system did, and when they are gone.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn load(ctx: &Context<'_>, id: Option<UserId>) -> Result<Option<Self>> {
        match id {
            Some(id) => Ok(ctx.load(id).await?.map(Self::User)),
            None => Ok(None),
        }
    }
}

/// A person.
#[derive(Clone, Debug)]
pub struct User(pub users::User);

impl Identified for User {
    const PREFIX: &'static str = "usr";
}

/// A person.
#[Object]
impl User {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name to show.
    async fn display_name(&self) -> &str {
        &self.0.name
    }

    /// E-mail; null when the viewer may not see it.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Global role, when the user has one.
    async fn role(&self) -> Option<Role> {
        self.0.roles.global.map(Role::from)
    }

    /// Roles in teams, of those that the viewer sees; none when the viewer may not see the user's.
    async fn team_roles(&self, ctx: &Context<'_>) -> Result<Vec<TeamRole>> {
        TeamRole::of(ctx, &self.0.roles).await
    }

    /// When the user was shut out; null when the viewer may not see it.
    async fn disabled_at(&self) -> Option<DateTime> {
        self.0.disabled_at.map(DateTime)
    }

    /// Version for optimistic concurrency.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection! {
    /// Page of users.
    UserConnection {
        /// Number that match.
        total_count
    }

    /// One user in a page.
    UserEdge {
        /// The user.
        User
    }
}

/// A role in one team.
#[derive(SimpleObject)]
pub struct TeamRole {
    /// The team.
    team: Team,
    /// The role.
    role: Role,
}

impl TeamRole {
    /// The roles in the teams that the viewer sees.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn of(ctx: &Context<'_>, roles: &policy::Roles) -> Result<Vec<Self>> {
        if roles.teams.is_empty() {
            return Ok(Vec::new());
        }
        let mut teams = ctx.load_many(roles.teams.keys().copied()).await?;
        let roles = roles.teams.iter();
        Ok(roles
            .filter_map(|(id, role)| Some(Self { team: teams.remove(id)?, role: (*role).into() }))
            .collect())
    }
}

/// A credential for programs.
#[derive(Clone, Debug)]
pub struct ApiToken(pub users::ApiToken);

impl Identified for ApiToken {
    const PREFIX: &'static str = "tok";
}

/// A credential for programs.
#[Object]
impl ApiToken {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name to show.
    async fn display_name(&self) -> &str {
        &self.0.name
    }

    /// The user it acts as; null when they are gone.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        ctx.load(self.0.user_id).await
    }

    /// What it may do at most, of what its user may.
    async fn scope(&self) -> ApiTokenScope {
        self.0.scope.into()
    }

    /// The only team it acts in; null when it is for no single one.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        match self.0.team {
            Some(team) => Team::load(ctx, team).await,
            None => Ok(None),
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it ends.
    async fn expires_at(&self) -> Option<DateTime> {
        Some(DateTime(self.0.expires_at))
    }

    /// When it was last used, to the minute.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }
}

connection! {
    /// Page of API tokens.
    ApiTokenConnection {}

    /// One API token in a page.
    ApiTokenEdge {
        /// The token, without its text.
        ApiToken
    }
}
