//! Passwords, API tokens and signing keys.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::sessions::visit;
use crate::fleet::users::NewApiToken;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, shown};
use crate::graphql::model::session::SessionTransport;
use crate::graphql::model::team::Team;
use crate::graphql::model::user::{ApiToken, ApiTokenEdge, ApiTokenScope, User};
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of accounts.
#[derive(Default)]
pub(super) struct AccountMutation;

/// Input of changePassword.
#[derive(InputObject)]
struct ChangePasswordInput {
    /// The password of now.
    #[graphql(secret)]
    current_password: Text,
    /// The new one: 12 to 128 characters, and no common one.
    #[graphql(secret)]
    new_password: Text,
    /// Whether the caller's API tokens shall end too.
    #[graphql(default)]
    revoke_api_tokens: bool,
}

/// Answer of changePassword.
#[derive(SimpleObject)]
struct ChangePasswordPayload {
    /// Whether it was changed.
    changed: bool,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of createPasswordReset.
#[derive(InputObject)]
struct CreatePasswordResetInput {
    /// Whose password.
    user_id: Id<User>,
    /// Same key returns the first answer again, without the token.
    idempotency_key: Option<Text>,
}

/// Answer of createPasswordReset.
#[derive(SimpleObject)]
struct CreatePasswordResetPayload {
    /// The token for resetPassword, shown this once; not repeated for the same idempotency key.
    token: Option<String>,
    /// When it ends.
    expires_at: Option<DateTime>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of resetPassword.
#[derive(InputObject)]
struct ResetPasswordInput {
    /// The token that an administrator made.
    #[graphql(secret)]
    token: Text,
    /// The new password: 12 to 128 characters, and no common one.
    #[graphql(secret)]
    new_password: Text,
}

/// Answer of resetPassword.
#[derive(SimpleObject)]
struct ResetPasswordPayload {
    /// Whether it was set.
    reset: bool,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of createApiToken.
#[derive(InputObject)]
struct CreateApiTokenInput {
    /// Name to show.
    name: Text,
    /// What it may do at most.
    scope: ApiTokenScope,
    /// The only team it acts in; wherever its user may when left out.
    team_id: Option<Id<Team>>,
    /// How many days it lives, 1 to 3,650.
    #[graphql(default = 90)]
    expires_in_days: i32,
    /// E-mail of the user it acts as, for those who manage users; the caller when left out.
    email: Option<Text>,
    /// Same key returns the first answer again, without the text.
    idempotency_key: Option<Text>,
}

/// Answer of createApiToken.
#[derive(SimpleObject)]
struct CreateApiTokenPayload {
    /// The token without its text.
    api_token: Option<ApiToken>,
    /// Edge to insert in a client's list.
    api_token_edge: Option<ApiTokenEdge>,
    /// Its text, shown this once; not repeated for the same idempotency key.
    token: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of revokeApiToken.
#[derive(InputObject)]
struct RevokeApiTokenInput {
    /// The token.
    id: Id<ApiToken>,
}

/// Answer of revokeApiToken.
#[derive(SimpleObject)]
struct RevokeApiTokenPayload {
    /// Id that was revoked, for the client's cache.
    revoked_api_token_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of rotateSigningKey.
#[derive(InputObject)]
struct RotateSigningKeyInput {
    /// Whether access tokens of earlier keys end now; else they end by themselves, within minutes.
    #[graphql(default)]
    at_once: bool,
}

/// Answer of rotateSigningKey.
#[derive(SimpleObject)]
struct RotateSigningKeyPayload {
    /// The `kid` of the new key.
    kid: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl AccountMutation {
    /// Changes the caller's password. Their other sessions end, and every reset.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old one and the new.")] input: ChangePasswordInput,
    ) -> Result<Option<ChangePasswordPayload>> {
        let ChangePasswordInput { current_password, new_password, revoke_api_tokens } = input;
        let visit = visit(ctx, SessionTransport::Tokens)?;
        let (current, new) = (&current_password.0, &new_password.0);
        let changed = ctx.fleet().change_password(ctx.actor(), current, new, revoke_api_tokens, &visit).await;
        let (changed, user_errors) = settle(changed)?;
        Ok(Some(ChangePasswordPayload { changed: changed.is_some(), user_errors }))
    }

    /// Makes a token with which a user sets a new password, once, within an hour.
    async fn create_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "For whom.")] input: CreatePasswordResetInput,
    ) -> Result<Option<CreatePasswordResetPayload>> {
        let key = text(input.idempotency_key.as_ref());
        let made = ctx.fleet().create_password_reset(ctx.actor(), input.user_id.public(), key).await;
        let (made, user_errors) = settle(made.map_err(|error| error.as_rejection("userId")))?;
        let (token, expires_at) = made.unzip();
        let token = token.flatten();
        Ok(Some(CreatePasswordResetPayload { token, expires_at: expires_at.map(DateTime), user_errors }))
    }

    /// Sets a new password with the token of a reset. Every session of the user ends.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The proof, and the new password.")] input: ResetPasswordInput,
    ) -> Result<Option<ResetPasswordPayload>> {
        let visit = visit(ctx, SessionTransport::Tokens)?;
        let reset = ctx.fleet().reset_password(&input.token.0, &input.new_password.0, &visit).await;
        let (reset, user_errors) = settle(reset)?;
        Ok(Some(ResetPasswordPayload { reset: reset.is_some(), user_errors }))
    }

    /// Makes an API token. It may what its user may, as far as its scope and team reach, and never more.
    async fn create_api_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: CreateApiTokenInput,
    ) -> Result<Option<CreateApiTokenPayload>> {
        let days = u64::try_from(input.expires_in_days).unwrap_or_default();
        let new = NewApiToken {
            email: input.email.map(|email| email.0),
            name: input.name.0,
            scope: input.scope.into(),
            team: input.team_id.map(Id::into_public),
            expires_in: Duration::from_hours(24 * days),
        };
        let key = text(input.idempotency_key.as_ref());
        let (made, user_errors) = settle(ctx.fleet().create_api_token_once(ctx.actor(), new, key).await)?;
        let (api_token, token) = made.unzip();
        let token = token.flatten();
        let api_token: Option<ApiToken> = api_token.map(ApiToken);
        let edge = |made: ApiToken| ApiTokenEdge::fresh(List::API_TOKENS, made.0.id.0, made);
        let api_token_edge = api_token.clone().map(edge);
        Ok(Some(CreateApiTokenPayload { api_token, api_token_edge, token, user_errors }))
    }

    /// Revokes an API token of the caller, or, for those who manage users, of anybody.
    async fn revoke_api_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RevokeApiTokenInput,
    ) -> Result<Option<RevokeApiTokenPayload>> {
        let revoked = ctx.fleet().revoke_api_token(ctx.actor(), input.id.public()).await;
        let (id, user_errors) = settle(revoked.map_err(|error| error.as_rejection("id")))?;
        let revoked_api_token_id = id.as_ref().map(shown);
        Ok(Some(RevokeApiTokenPayload { revoked_api_token_id, user_errors }))
    }

    /// Puts a new key for access tokens in force on every server, without a restart.
    async fn rotate_signing_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How.")] input: RotateSigningKeyInput,
    ) -> Result<Option<RotateSigningKeyPayload>> {
        let rotated = ctx.fleet().rotate_signing_key(ctx.actor(), input.at_once).await;
        let (key, user_errors) = settle(rotated)?;
        Ok(Some(RotateSigningKeyPayload { kid: key.map(|key| key.id.to_string()), user_errors }))
    }
}
