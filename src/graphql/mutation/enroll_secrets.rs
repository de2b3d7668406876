//! Enroll secrets.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

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
        let (name, key) = (text(input.name.as_ref()), text(input.idempotency_key.as_ref()));
        let team = input.team_id.as_ref().map(Id::public);
        let (made, user_errors) =
            settle(ctx.fleet().create_enroll_secret(ctx.actor(), name, team, key).await)?;
        let (enroll_secret, secret) = made.unzip();
        let enroll_secret: Option<EnrollSecret> = enroll_secret.map(EnrollSecret);
        let edge = |made: EnrollSecret| EnrollSecretEdge::fresh(List::ENROLL_SECRETS, made.0.id.0, made);
        let enroll_secret_edge = enroll_secret.clone().map(edge);
        let secret = secret.flatten();
        Ok(Some(CreateEnrollSecretPayload { enroll_secret, enroll_secret_edge, secret, user_errors }))
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
