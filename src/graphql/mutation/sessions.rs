//! Signing in, staying signed in, signing out.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use axum::http::header;

use crate::clock::Timestamp;
use crate::fleet::FleetError;
use crate::fleet::sessions::{FirstAdmin, SignIn, Visit};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Failure, Result};
use crate::graphql::id::{Id, shown};
use crate::graphql::model::session::{Session, SessionTransport};
use crate::graphql::model::user::User;
use crate::graphql::scalars::{DateTime, Text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of sessions.
#[derive(Default)]
pub(super) struct SessionMutation;

/// Input of setup.
#[derive(InputObject)]
struct SetupInput {
    /// The token from the server's log.
    #[graphql(secret)]
    token: Text,
    /// E-mail, to sign in with.
    email: Text,
    /// Name to show.
    name: Text,
    /// Password: 12 to 128 characters, and no common one.
    #[graphql(secret)]
    password: Text,
    /// How the session is carried.
    #[graphql(default)]
    transport: SessionTransport,
}

/// Input of login.
#[derive(InputObject)]
struct LoginInput {
    /// E-mail, in any case.
    email: Text,
    /// Password.
    #[graphql(secret)]
    password: Text,
    /// How the session is carried.
    #[graphql(default)]
    transport: SessionTransport,
}

/// Input of refreshSession.
#[derive(InputObject)]
struct RefreshSessionInput {
    /// The refresh token of the last answer; left out when a cookie carries the session.
    #[graphql(secret)]
    refresh_token: Option<Text>,
}

/// Input of revokeSession.
#[derive(InputObject)]
struct RevokeSessionInput {
    /// The session.
    id: Id<Session>,
}

/// Answer of revokeSession.
#[derive(SimpleObject)]
struct RevokeSessionPayload {
    /// Id of the session that was ended, for the client's cache.
    revoked_session_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Answer of setup, login and refreshSession.
#[derive(Default, SimpleObject)]
struct SessionPayload {
    /// Short-lived JWT for `Authorization: Bearer` and `connection_init`; null when there are errors or a cookie carries it.
    access_token: Option<String>,
    /// Single-use token for refreshSession; null when there are errors or a cookie carries it.
    refresh_token: Option<String>,
    /// When accessToken ends, or the session of the cookie.
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
    /// Makes the first administrator of an installation without users, and signs them in. The token is in the server's
    /// log.
    async fn setup(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and the proof.")] input: SetupInput,
    ) -> Result<Option<SessionPayload>> {
        let visit = visit(ctx, input.transport)?;
        let admin = FirstAdmin { email: input.email.0, name: input.name.0, password: input.password.0 };
        let made = ctx.fleet().setup(&input.token.0, admin, &visit).await;
        payload(ctx, input.transport, made).map(Some)
    }

    /// Signs in with a password.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and the proof.")] input: LoginInput,
    ) -> Result<Option<SessionPayload>> {
        let visit = visit(ctx, input.transport)?;
        let signed_in = ctx.fleet().login(&input.email.0, &input.password.0, visit).await;
        payload(ctx, input.transport, signed_in).map(Some)
    }

    /// Exchanges a refresh token for a new pair; the old one dies, and its reuse ends the session. A cookie lives on.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token to exchange.")] input: RefreshSessionInput,
    ) -> Result<Option<SessionPayload>> {
        let Some(token) = input.refresh_token else { return extended(ctx).await.map(Some) };
        let refreshed = ctx.fleet().refresh_session(&token.0).await;
        payload(ctx, SessionTransport::Tokens, refreshed).map(Some)
    }

    /// Ends the caller's session everywhere.
    async fn logout(&self, ctx: &Context<'_>) -> Result<Option<LogoutPayload>> {
        let (_, user_errors) = settle(ctx.fleet().logout(ctx.actor()).await)?;
        if let Some(cookie) = ctx.request().cookie {
            ctx.append_http_header(header::SET_COOKIE, cookie.clear());
        }
        Ok(Some(LogoutPayload { user_errors }))
    }

    /// Ends a session of the caller, or, for those who manage users, of anybody.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RevokeSessionInput,
    ) -> Result<Option<RevokeSessionPayload>> {
        let ended = ctx.fleet().revoke_session(ctx.actor(), input.id.public()).await;
        let ended = ended.map_err(|error| error.as_rejection("id"));
        let (ended, user_errors) = settle(ended)?;
        let revoked_session_id = ended.map(|()| shown(input.id.public()));
        Ok(Some(RevokeSessionPayload { revoked_session_id, user_errors }))
    }
}

/// Where the caller signs in from, and how.
///
/// # Errors
/// A cookie on a socket, which can set none.
pub(super) fn visit(ctx: &Context<'_>, transport: SessionTransport) -> Result<Visit> {
    let request = ctx.request();
    let by_cookie = transport == SessionTransport::Cookie;
    if by_cookie && request.cookie.is_none() {
        return Err(Failure::bad_input("a cookie is set over HTTP, not on a socket"));
    }
    Ok(Visit { source: request.source, agent: request.agent.clone(), by_cookie })
}

fn payload(
    ctx: &Context<'_>,
    transport: SessionTransport,
    outcome: std::result::Result<SignIn, FleetError>,
) -> Result<SessionPayload> {
    let (sign_in, user_errors) = settle(outcome)?;
    let Some(sign_in) = sign_in else {
        return Ok(SessionPayload { user_errors, ..SessionPayload::default() });
    };
    let SignIn { access_token, refresh_token, expires_at, user } = sign_in;
    let payload = SessionPayload {
        expires_at: Some(DateTime(expires_at)),
        user: Some(User(user)),
        ..SessionPayload::default()
    };
    if transport == SessionTransport::Cookie {
        set_cookie(ctx, &refresh_token, expires_at);
        return Ok(payload);
    }
    Ok(SessionPayload { access_token: Some(access_token), refresh_token: Some(refresh_token), ..payload })
}

/// Moves the end of the session that the caller's cookie carries; the browser is told by the caller's next sign-in.
async fn extended(ctx: &Context<'_>) -> Result<SessionPayload> {
    let (extended, user_errors) = settle(ctx.fleet().extend_session(ctx.actor()).await)?;
    let (user, expires_at) = extended.unzip();
    Ok(SessionPayload {
        expires_at: expires_at.map(DateTime),
        user: user.map(User),
        user_errors,
        ..SessionPayload::default()
    })
}

fn set_cookie(ctx: &Context<'_>, value: &str, expires_at: Timestamp) {
    let Some(cookie) = ctx.request().cookie else { return };
    let seconds = (expires_at.0 - ctx.fleet().clock.now().0) / 1000;
    let seconds = u64::try_from(seconds).unwrap_or_default();
    ctx.append_http_header(header::SET_COOKIE, cookie.set(value, seconds));
}
