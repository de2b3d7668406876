//! Batches of a campaign that are executed and encoded once for all subscribers of equal operation and equal scope.
//!
//! Each subscriber has its own stream and its own place in it. What they share is the result: whoever comes first to a
//! batch executes the selection and keeps its JSON beside the batch; for the others it is copied as it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, Name, OutputType, Positioned, SelectionField, ServerResult, Value,
};
use bytes::Bytes;

use crate::fleet::campaigns::SharedBatch;
use crate::graphql::context::{ContextExt, Planned};
use crate::graphql::model::campaign_event::CampaignEventBatch;
use crate::graphql::transport::encode::encode;
use crate::policy::Actor;

/// A [`CampaignEventBatch`] that others may get as well.
pub(super) struct Batch {
    shared: Arc<SharedBatch>,
    /// Subscribers with equal keys are sent equal JSON.
    key: Option<Arc<str>>,
}

impl Batch {
    /// A batch for a subscriber with this key; without one it is executed for this subscriber alone.
    pub(super) fn new(shared: Arc<SharedBatch>, key: Option<Arc<str>>) -> Self {
        Self { shared, key }
    }

    /// Where to resume.
    pub(super) fn end_cursor(&self) -> &str {
        &self.shared.batch.end_cursor
    }

    async fn execute(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        CampaignEventBatch::from(self.shared.batch.clone()).resolve(ctx, field).await
    }
}

impl OutputType for Batch {
    fn type_name() -> Cow<'static, str> {
        <CampaignEventBatch as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <CampaignEventBatch as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let Some(rendering) = self.key.as_ref().and_then(|key| self.shared.rendering(key)) else {
            return self.execute(ctx, field).await;
        };
        let mut own = None;
        let rendered = rendering
            .get_or_init(|| async {
                let result = self.execute(ctx, field).await;
                // Errors have places in the value, so one that has some stays as it is.
                match result {
                    Ok(value) if !has_errors(ctx) => Some(Bytes::from(encode(&arranged(ctx, field, value)))),
                    result => {
                        own = Some(result);
                        None
                    }
                }
            })
            .await;
        match (own, rendered) {
            (Some(own), _) => own,
            (None, Some(bytes)) => Ok(Value::Binary(bytes.clone())),
            (None, None) => self.execute(ctx, field).await,
        }
    }
}

/// A value with its keys in the order of the document, as every answer has them.
fn arranged(ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>, mut value: Value) -> Value {
    let planned = ctx.data_opt::<Planned>();
    if let Some(shape) = planned.and_then(|planned| planned.shape.below(&field.node.response_key().node)) {
        shape.arrange(&mut value);
    }
    value
}

/// Whether a field below failed; the library collects the errors of each result.
fn has_errors(ctx: &ContextSelectionSet<'_>) -> bool {
    !ctx.query_env.errors.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

/// What makes the results of two subscribers to a campaign equal, batch by batch: document, operation, variables apart
/// from the one for `after`, roles, and the limits of an API token; and the user, where the selection goes on to other objects, for there a field
/// may depend on who asks.
pub(super) fn key(ctx: &Context<'_>) -> Option<Arc<str>> {
    let Planned { document, operation_name, .. } = ctx.data_opt()?;
    let Actor::User(user) = ctx.actor() else { return None };
    let mut variables: BTreeMap<_, _> = ctx.query_env.variables.iter().collect();
    if let Some(name) = variable_of_after(ctx, document) {
        variables.remove(&name);
    }
    let variables = serde_json::to_string(&variables).ok()?;
    let user_id = goes_on(ctx).then_some(&user.public_id);
    let (roles, limits) = (&user.roles, user.credential.limits());
    Some(format!("{operation_name:?} {user_id:?} {roles:?} {limits:?} {variables} {document}").into())
}

/// The variable that is the value of `after` and nothing else: its name stands in the document where it is declared and
/// where it is used, and nowhere else.
fn variable_of_after(ctx: &Context<'_>, document: &str) -> Option<Name> {
    let after = ctx.item.node.get_argument("after")?.node.to_string();
    let name = after.strip_prefix('$')?;
    (document.matches(&after).count() == 2).then(|| Name::new(name))
}

/// Whether the selection goes from an event on to other objects.
fn goes_on(ctx: &Context<'_>) -> bool {
    let leads_on =
        |field: SelectionField<'_>| field.name() != "totals" && field.selection_set().next().is_some();
    let events = ctx.look_ahead().field("events").selection_fields();
    events.iter().any(|events| events.selection_set().any(leads_on))
}
