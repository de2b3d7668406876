//! Signing in, staying signed in, signing out.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::fleet::FleetError;
use crate::fleet::sessions::SignIn;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::user::User;
use crate::graphql::scalars::{DateTime, Text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of sessions.
#[derive(Default)]
pub(super) struct SessionMutation;

/// Input of login.
#[derive(InputObject)]
struct LoginInput {
    /// E-mail, in any case.
    email: Text,
    /// Password.
    #[graphql(secret)]
    password: Text,
}

/// Input of refreshSession.
#[derive(InputObject)]
struct RefreshSessionInput {
    /// The refresh token of the last answer.
    #[graphql(secret)]
    refresh_token: Text,
}

/// Answer of login and refreshSession.
#[derive(Default, SimpleObject)]
struct SessionPayload {
    /// Short-lived JWT for `Authorization: Bearer` and `connection_init`; null when there are errors.
    access_token: Option<String>,
    /// Single-use token for refreshSession; null when there are errors.
    refresh_token: Option<String>,
    /// When accessToken ends.
    expires_at: Option<DateTime>,
    /// Who is signed in.
    user: Option<User>,
    /// What to mend; the same for an unknown e-mail and a wrong password.
    user_errors: Vec<UserError>,
}

/// Answer of logout.
#[derive(SimpleObject)]
struct LogoutPayload {
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl SessionMutation {
    /// Signs in with a password.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and the proof.")] input: LoginInput,
    ) -> Result<Option<SessionPayload>> {
        let source = ctx.request().source;
        payload(ctx.fleet().login(&input.email.0, &input.password.0, source).await).map(Some)
    }

    /// Exchanges a refresh token for a new pair; the old one dies, and its reuse ends the session.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token to exchange.")] input: RefreshSessionInput,
    ) -> Result<Option<SessionPayload>> {
        payload(ctx.fleet().refresh_session(&input.refresh_token.0).await).map(Some)
    }

    /// Ends the caller's session everywhere.
    async fn logout(&self, ctx: &Context<'_>) -> Result<Option<LogoutPayload>> {
        let (_, user_errors) = settle(ctx.fleet().logout(ctx.actor()).await)?;
        Ok(Some(LogoutPayload { user_errors }))
    }
}

fn payload(outcome: std::result::Result<SignIn, FleetError>) -> Result<SessionPayload> {
    let (sign_in, user_errors) = settle(outcome)?;
    let Some(sign_in) = sign_in else {
        return Ok(SessionPayload { user_errors, ..SessionPayload::default() });
    };
    Ok(SessionPayload {
        access_token: Some(sign_in.access_token),
        refresh_token: Some(sign_in.refresh_token),
        expires_at: Some(DateTime(sign_in.expires_at)),
        user: Some(User(sign_in.user)),
        user_errors,
    })
}
