//! From a request to its answer, the same on every transport: check, plan, charge, execute, complete, mask.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request, Response, ServerError, Value};
use futures_util::{FutureExt, Stream, StreamExt};

use super::errors::{Dress, INTERNAL, TIMEOUT};
use super::holder::Holder;
use super::points::{Charged, Points};
use super::refusal::Refusal;
use super::settings::TransportSettings;
use crate::graphql::completion::complete;
use crate::graphql::context::{Planned, RequestContext};
use crate::graphql::plan::Plan;
use crate::graphql::plan::shape::Shape;
use crate::graphql::precheck::refusal::{VALIDATION_FAILED, refusal};
use crate::graphql::precheck::types::Types;
use crate::graphql::precheck::{self, Limits, introspection, persisted, variables};
use crate::graphql::validation::Validator;
use crate::policy::Actor;

/// Of each request, whatever it asks: it is read and checked, also when it is refused then.
pub const REQUEST: u64 = 1;

/// Executes requests against one schema.
#[derive(Clone)]
pub struct Engine<E> {
    executor: E,
    validator: Validator,
    types: Arc<Types>,
    limits: Limits,
    points: Points,
    /// Points of one operation at most.
    dearest: u64,
    anonymous_introspection: bool,
    execution: Duration,
    errors: usize,
}

/// A request that passed the checks.
pub struct Prepared {
    /// What it is.
    pub operation: OperationType,
    request: Request,
    shape: Arc<Shape>,
    dress: Dress,
    charged: Charged,
}

/// Why a request is not executed.
#[derive(Debug)]
pub enum Unprepared {
    /// Its document is refused: each error.
    Document(Vec<ServerError>),
    /// Its caller asks too much.
    Caller(Refusal),
}

/// What came of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It was not executed: errors alone.
    Refused(Vec<ServerError>),
    /// It was executed, perhaps with errors.
    Executed(Response),
}

impl<E: Executor> Engine<E> {
    /// An engine for a schema of these types. What the validator lets through is executed, so the executor need not
    /// validate again.
    #[must_use]
    pub fn new(
        executor: E,
        validator: Validator,
        types: Types,
        points: Points,
        settings: &TransportSettings,
    ) -> Self {
        Self {
            executor,
            validator,
            types: Arc::new(types),
            limits: settings.document.clone(),
            points,
            dearest: settings.cost.operation,
            anonymous_introspection: settings.anonymous_introspection,
            execution: settings.execution,
            errors: settings.errors,
        }
    }

    /// Checks a request, charges its caller, and puts its context where resolvers find it.
    ///
    /// # Errors
    /// The errors of a document that is refused; a caller who has no points left.
    pub fn prepare(&self, mut request: Request, context: RequestContext) -> Result<Prepared, Unprepared> {
        let shows_schema = self.anonymous_introspection || context.actor != Actor::Anonymous;
        let dress =
            Dress { request_id: context.request_id.clone(), suggests: shows_schema, limit: self.errors };
        let holder = Holder::of(&context.actor, context.source);
        let spend =
            |cost| self.points.spend(holder, cost).map_err(|exhausted| Unprepared::Caller(exhausted.into()));
        spend(REQUEST)?;
        let dearest = self.dearest.min(self.points.limit(holder));
        let planned = self.plan(&request, shows_schema, dearest);
        let (operation, plan) = planned.map_err(|errors| Unprepared::Document(dress.refused(errors)))?;
        let charged = Charged { cost: plan.cost.saturating_add(REQUEST), ..spend(plan.cost)? };
        let shape = Arc::new(plan.shape);
        let planned = Planned {
            document: std::mem::take(&mut request.query),
            operation_name: request.operation_name.take(),
            shape: Arc::clone(&shape),
        };
        request.set_parsed_query(plan.document);
        let request = request.data(context).data(planned).data(charged);
        Ok(Prepared { operation, request, shape, dress, charged })
    }

    /// Charges a caller for what is no operation: at most half of what they have in a window, so that what is dearer
    /// can be paid at all.
    ///
    /// # Errors
    /// They have not so many points left.
    pub fn charge(&self, actor: &Actor, source: IpAddr, cost: u64) -> Result<(), Refusal> {
        let holder = Holder::of(actor, source);
        self.points.spend(holder, cost.min(self.points.limit(holder) / 2))?;
        Ok(())
    }

    fn plan(
        &self,
        request: &Request,
        shows_schema: bool,
        dearest: u64,
    ) -> Result<(OperationType, Plan), Vec<ServerError>> {
        let name = request.operation_name.as_deref();
        persisted::check(request).map_err(|error| vec![error])?;
        let document = precheck::check(&self.types, &self.limits, &request.query)?;
        if !shows_schema {
            introspection::refuse(&document).map_err(|error| vec![error])?;
        }
        let operation = precheck::resolve(&document, name)?;
        let plan =
            Plan::of(&self.types, &document, operation, &request.variables).map_err(|error| vec![error]);
        let misfits = variables::check(&self.types, operation, &request.variables);
        let operation = operation.ty;
        let broken = self.validator.check(document, name);
        let errors = if broken.is_empty() { misfits } else { broken };
        if !errors.is_empty() {
            return Err(errors);
        }
        let plan = plan?;
        match too_dear(plan.cost.saturating_add(REQUEST), dearest) {
            Some(error) => Err(vec![error]),
            None => Ok((operation, plan)),
        }
    }

    /// Executes a query or mutation within its time.
    pub async fn execute(&self, prepared: Prepared) -> Outcome {
        let Prepared { request, shape, dress, charged, .. } = prepared;
        let running = AssertUnwindSafe(self.executor.execute(request)).catch_unwind();
        let response = match tokio::time::timeout(self.execution, running).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => panicked(),
            Err(_elapsed) => {
                let message = format!("the operation took longer than {} s", self.execution.as_secs_f64());
                return Outcome::Executed(dress.executed(failed(refusal(TIMEOUT, message, None))))
                    .charged(&charged);
            }
        };
        outcome(&shape, &dress, response).charged(&charged)
    }

    /// Runs a subscription: an outcome for each of its events. A first one that is refused is the only one.
    pub fn subscribe(&self, prepared: Prepared) -> impl Stream<Item = Outcome> + Send + use<E> {
        let Prepared { request, shape, dress, charged, .. } = prepared;
        let events = AssertUnwindSafe(self.executor.execute_stream(request, None)).catch_unwind();
        let mut is_first = true;
        events.map(move |event| {
            let response = event.unwrap_or_else(|_panic| panicked());
            if !std::mem::take(&mut is_first) {
                return outcome(&shape, &dress, response);
            }
            if is_failed_start(&response) {
                return Outcome::Refused(dress.executed(response).errors);
            }
            outcome(&shape, &dress, response).charged(&charged)
        })
    }
}

impl Outcome {
    /// With what it cost, in `extensions.cost`.
    fn charged(mut self, charged: &Charged) -> Self {
        if let Self::Executed(response) = &mut self {
            response.extensions.insert("cost".to_owned(), charged.shown());
        }
        self
    }
}

/// An operation costs more than one may.
fn too_dear(cost: u64, dearest: u64) -> Option<ServerError> {
    (cost > dearest).then(|| {
        let message = format!(
            "the operation costs {cost} points; at most {dearest} are allowed: ask for smaller pages"
        );
        let mut error = refusal(VALIDATION_FAILED, message, None);
        if let Some(extensions) = &mut error.extensions {
            extensions.set("cost", cost);
            extensions.set("maxCost", dearest);
        }
        error
    })
}

fn outcome(shape: &Shape, dress: &Dress, mut response: Response) -> Outcome {
    if is_refused(&response) {
        return Outcome::Refused(dress.refused(response.errors));
    }
    complete(shape, &mut response);
    Outcome::Executed(dress.executed(response))
}

/// The library refused before it executed: every error of an execution has a path, or a code of ours.
fn is_refused(response: &Response) -> bool {
    let is_plain = |error: &ServerError| error.path.is_empty() && error.extensions.is_none();
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(is_plain)
}

/// The resolver of a subscription's root field failed, so that there is no stream.
fn is_failed_start(response: &Response) -> bool {
    let is_root = |error: &ServerError| error.path.len() == 1 || error.extensions.is_some();
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(is_root)
}

/// The panic was reported by the hook; the client hears nothing of it.
fn panicked() -> Response {
    failed(refusal(INTERNAL, "internal error", None))
}

fn failed(error: ServerError) -> Response {
    Response::from_errors(vec![error])
}
