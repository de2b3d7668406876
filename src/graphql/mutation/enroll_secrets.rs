//! Enroll secrets.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::fleet::enroll_secrets::{self, NewEnrollSecret};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, shown};
use crate::graphql::model::enroll_secret::{EnrollSecret, EnrollSecretEdge};
use crate::graphql::model::team::Team;
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of enroll secrets.
#[derive(Default)]
pub(super) struct EnrollSecretMutation;

/// Input of createEnrollSecret.
#[derive(InputObject)]
struct CreateEnrollSecretInput {
    /// Name to show.
    name: Option<Text>,
    /// Team its hosts land in; null for none.
    team_id: Option<Id<Team>>,
    /// How long it lets hosts in: a minute to 3,650 days; for ever when left out.
    expires_in_seconds: Option<i32>,
    /// Same key returns the first answer again, without the text.
    idempotency_key: Option<Text>,
}

/// Answer of createEnrollSecret.
#[derive(SimpleObject)]
struct CreateEnrollSecretPayload {
    /// The secret without its text.
    enroll_secret: Option<EnrollSecret>,
    /// Edge to insert in a client's list.
    enroll_secret_edge: Option<EnrollSecretEdge>,
    /// Its text, shown this once; not repeated for the same idempotency key.
    secret: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of rotateEnrollSecret.
#[derive(InputObject)]
struct RotateEnrollSecretInput {
    /// The secret to replace.
    id: Id<EnrollSecret>,
    /// How long it still lets hosts in: a minute to 3,650 days.
    #[graphql(default = 604_800)]
    overlap_seconds: i32,
    /// Same key returns the first answer again, without the text.
    idempotency_key: Option<Text>,
}

/// Answer of rotateEnrollSecret.
#[derive(SimpleObject)]
struct RotateEnrollSecretPayload {
    /// The new secret without its text.
    enroll_secret: Option<EnrollSecret>,
    /// Edge to insert in a client's list.
    enroll_secret_edge: Option<EnrollSecretEdge>,
    /// Its text, shown this once; not repeated for the same idempotency key.
    secret: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of revokeEnrollSecret.
#[derive(InputObject)]
struct RevokeEnrollSecretInput {
    /// The secret.
    id: Id<EnrollSecret>,
}

/// Answer of revokeEnrollSecret.
#[derive(SimpleObject)]
struct RevokeEnrollSecretPayload {
    /// Id that was revoked.
    revoked_enroll_secret_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl EnrollSecretMutation {
    /// Creates an enroll secret.
    async fn create_enroll_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The secret.")] input: CreateEnrollSecretInput,
    ) -> Result<Option<CreateEnrollSecretPayload>> {
        let CreateEnrollSecretInput { name, team_id, expires_in_seconds, idempotency_key } = input;
        let new = NewEnrollSecret {
            name: name.map(|text| text.0),
            team: team_id.map(Id::into_public),
            expires_in: expires_in_seconds.map(seconds),
        };
        let made = ctx.fleet().create_enroll_secret(ctx.actor(), new, text(idempotency_key.as_ref())).await;
        let (made, user_errors) = settle(made)?;
        let (enroll_secret, enroll_secret_edge, secret) = shown_once(made);
        Ok(Some(CreateEnrollSecretPayload { enroll_secret, enroll_secret_edge, secret, user_errors }))
    }

    /// Makes an enroll secret in place of another, of the same name and team; for the overlap both let hosts in.
    async fn rotate_enroll_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and the overlap.")] input: RotateEnrollSecretInput,
    ) -> Result<Option<RotateEnrollSecretPayload>> {
        let (overlap, key) = (seconds(input.overlap_seconds), text(input.idempotency_key.as_ref()));
        let made = ctx.fleet().rotate_enroll_secret(ctx.actor(), input.id.public(), overlap, key).await;
        let (made, user_errors) = settle(made)?;
        let (enroll_secret, enroll_secret_edge, secret) = shown_once(made);
        Ok(Some(RotateEnrollSecretPayload { enroll_secret, enroll_secret_edge, secret, user_errors }))
    }

    /// Revokes an enroll secret; hosts that are in stay in.
    async fn revoke_enroll_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RevokeEnrollSecretInput,
    ) -> Result<Option<RevokeEnrollSecretPayload>> {
        let revoked = ctx.fleet().revoke_enroll_secret(ctx.actor(), input.id.public()).await;
        let (id, user_errors) = settle(revoked)?;
        let revoked_enroll_secret_id = id.as_ref().map(shown);
        Ok(Some(RevokeEnrollSecretPayload { revoked_enroll_secret_id, user_errors }))
    }
}

/// A time that is negative becomes none, which the verb refuses as too short.
fn seconds(number: i32) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or_default())
}

/// What was made: the secret, its edge, its text.
fn shown_once(
    made: Option<(enroll_secrets::EnrollSecret, Option<String>)>,
) -> (Option<EnrollSecret>, Option<EnrollSecretEdge>, Option<String>) {
    let (secret, text) = made.unzip();
    let secret: Option<EnrollSecret> = secret.map(EnrollSecret);
    let edge = |made: EnrollSecret| EnrollSecretEdge::fresh(List::ENROLL_SECRETS, made.0.id.0, made);
    (secret.clone(), secret.map(edge), text.flatten())
}
