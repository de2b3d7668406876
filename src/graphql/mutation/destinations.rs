//! Log destinations.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::fleet::FleetError;
use crate::fleet::destinations;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::destination::{Destination, DestinationOptions};
use crate::graphql::scalars::{DateTime, Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of log destinations.
#[derive(Default)]
pub(super) struct DestinationMutation;

/// Input of createDestination.
#[derive(InputObject)]
struct CreateDestinationInput {
    /// Its name: 1 to 50 lower-case letters, digits and -.
    name: Text,
    /// Its keys.
    options: DestinationOptions,
    /// Same key returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Input of updateDestination.
#[derive(InputObject)]
struct UpdateDestinationInput {
    /// Which one.
    name: Text,
    /// Its keys, as a whole; a credential given as it is shown stays as it is.
    options: DestinationOptions,
    /// Version that was read.
    expected_version: Option<i32>,
}

/// Input of replayDestination.
#[derive(InputObject)]
struct ReplayDestinationInput {
    /// Which one.
    name: Text,
    /// Lines that came at or after this time are shipped again, as far as they are kept.
    from: DateTime,
}

/// Answer of testDestination.
#[derive(SimpleObject)]
struct TestDestinationPayload {
    /// The line was delivered.
    delivered: bool,
    /// Why it was not.
    reason: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Answer of deleteDestination.
#[derive(SimpleObject)]
struct DeleteDestinationPayload {
    /// Name that was deleted.
    deleted_destination_name: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Answer of createDestination.
#[derive(SimpleObject)]
struct CreateDestinationPayload {
    /// The destination after the call, or null when there are errors.
    destination: Option<Destination>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Answer of updateDestination.
#[derive(SimpleObject)]
struct UpdateDestinationPayload {
    /// The destination after the call, or null when there are errors.
    destination: Option<Destination>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Answer of pauseDestination.
#[derive(SimpleObject)]
struct PauseDestinationPayload {
    /// The destination after the call, or null when there are errors.
    destination: Option<Destination>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Answer of resumeDestination.
#[derive(SimpleObject)]
struct ResumeDestinationPayload {
    /// The destination after the call, or null when there are errors.
    destination: Option<Destination>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Answer of replayDestination.
#[derive(SimpleObject)]
struct ReplayDestinationPayload {
    /// The destination after the call, or null when there are errors.
    destination: Option<Destination>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of pauseDestination.
#[derive(InputObject)]
struct PauseDestinationInput {
    /// Which one.
    name: Text,
}

/// Input of resumeDestination.
#[derive(InputObject)]
struct ResumeDestinationInput {
    /// Which one.
    name: Text,
}

/// Input of testDestination.
#[derive(InputObject)]
struct TestDestinationInput {
    /// Which one.
    name: Text,
}

/// Input of deleteDestination.
#[derive(InputObject)]
struct DeleteDestinationInput {
    /// Which one.
    name: Text,
}

#[Object]
impl DestinationMutation {
    /// Makes a log destination. Every server ships to it within a second.
    async fn create_destination(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The destination.")] input: CreateDestinationInput,
    ) -> Result<Option<CreateDestinationPayload>> {
        let CreateDestinationInput { name, options, idempotency_key } = input;
        let (fleet, key) = (ctx.fleet(), text(idempotency_key.as_ref()));
        let made = fleet.create_destination(ctx.actor(), (&name.0, options.0), key).await;
        let (destination, user_errors) = shown(made)?;
        Ok(Some(CreateDestinationPayload { destination, user_errors }))
    }

    /// Changes a log destination, but for those of the configuration.
    async fn update_destination(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateDestinationInput,
    ) -> Result<Option<UpdateDestinationPayload>> {
        let UpdateDestinationInput { name, options, expected_version } = input;
        let change = (name.0.as_str(), options.0);
        let changed = ctx.fleet().update_destination(ctx.actor(), change, expected_version).await;
        let (destination, user_errors) = shown(changed)?;
        Ok(Some(UpdateDestinationPayload { destination, user_errors }))
    }

    /// Deletes a log destination; what it has not got is not shipped to it any more.
    async fn delete_destination(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteDestinationInput,
    ) -> Result<Option<DeleteDestinationPayload>> {
        let deleted = ctx.fleet().delete_destination(ctx.actor(), &input.name.0).await;
        let (deleted_destination_name, user_errors) = settle(deleted)?;
        Ok(Some(DeleteDestinationPayload { deleted_destination_name, user_errors }))
    }

    /// Sends one marked line to a log destination, from the server that answers.
    async fn test_destination(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: TestDestinationInput,
    ) -> Result<Option<TestDestinationPayload>> {
        let (outcome, user_errors) = settle(ctx.fleet().test_destination(ctx.actor(), &input.name.0).await)?;
        let delivered = matches!(outcome, Some(None));
        Ok(Some(TestDestinationPayload { delivered, reason: outcome.flatten(), user_errors }))
    }

    /// Ships lines to a log destination again: every server what its spool still has.
    async fn replay_destination(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and from when on.")] input: ReplayDestinationInput,
    ) -> Result<Option<ReplayDestinationPayload>> {
        let from = input.from.0;
        let (destination, user_errors) =
            shown(ctx.fleet().replay_destination(ctx.actor(), &input.name.0, from).await)?;
        Ok(Some(ReplayDestinationPayload { destination, user_errors }))
    }

    /// Stops to ship to a log destination; its lines wait in the spool.
    async fn pause_destination(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: PauseDestinationInput,
    ) -> Result<Option<PauseDestinationPayload>> {
        let (destination, user_errors) =
            shown(ctx.fleet().pause_destination(ctx.actor(), &input.name.0).await)?;
        Ok(Some(PauseDestinationPayload { destination, user_errors }))
    }

    /// Ships to a log destination again, where it left off.
    async fn resume_destination(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ResumeDestinationInput,
    ) -> Result<Option<ResumeDestinationPayload>> {
        let (destination, user_errors) =
            shown(ctx.fleet().resume_destination(ctx.actor(), &input.name.0).await)?;
        Ok(Some(ResumeDestinationPayload { destination, user_errors }))
    }
}

/// A destination as it is shown, or what to mend.
fn shown(
    outcome: std::result::Result<destinations::Destination, FleetError>,
) -> Result<(Option<Destination>, Vec<UserError>)> {
    let (destination, user_errors) = settle(outcome)?;
    Ok((destination.map(Destination), user_errors))
}
