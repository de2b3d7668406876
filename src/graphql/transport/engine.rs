//! From a request to its answer, the same on every transport: check, plan, execute, complete, mask.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request, Response, ServerError, Value};
use futures_util::{FutureExt, Stream, StreamExt};

use super::errors::{Dress, INTERNAL, TIMEOUT};
use super::settings::TransportSettings;
use crate::graphql::completion::complete;
use crate::graphql::context::{Planned, RequestContext};
use crate::graphql::plan::Plan;
use crate::graphql::plan::shape::Shape;
use crate::graphql::precheck::refusal::refusal;
use crate::graphql::precheck::types::Types;
use crate::graphql::precheck::{self, Limits, variables};
use crate::graphql::validation::Validator;
use crate::policy::Actor;

/// Executes requests against one schema.
#[derive(Clone)]
pub struct Engine<E> {
    executor: E,
    validator: Validator,
    types: Arc<Types>,
    limits: Limits,
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
    pub fn new(executor: E, validator: Validator, types: Types, settings: &TransportSettings) -> Self {
        Self {
            executor,
            validator,
            types: Arc::new(types),
            limits: settings.document.clone(),
            execution: settings.execution,
            errors: settings.errors,
        }
    }

    /// Checks a request and puts its context where resolvers find it.
    ///
    /// # Errors
    /// The errors of a document that is refused.
    pub fn prepare(
        &self,
        mut request: Request,
        context: RequestContext,
    ) -> Result<Prepared, Vec<ServerError>> {
        let dress = Dress {
            request_id: context.request_id.clone(),
            is_anonymous: context.actor == Actor::Anonymous,
            limit: self.errors,
        };
        let (operation, plan) = self.plan(&request).map_err(|errors| dress.refused(errors))?;
        let shape = Arc::new(plan.shape);
        let planned = Planned {
            document: std::mem::take(&mut request.query),
            operation_name: request.operation_name.take(),
            shape: Arc::clone(&shape),
        };
        request.set_parsed_query(plan.document);
        Ok(Prepared { operation, request: request.data(context).data(planned), shape, dress })
    }

    fn plan(&self, request: &Request) -> Result<(OperationType, Plan), Vec<ServerError>> {
        let name = request.operation_name.as_deref();
        let document = precheck::check(&self.types, &self.limits, &request.query)?;
        let operation = precheck::resolve(&document, name)?;
        let plan =
            Plan::of(&self.types, &document, operation, &request.variables).map_err(|error| vec![error]);
        let misfits = variables::check(&self.types, operation, &request.variables);
        let operation = operation.ty;
        let broken = self.validator.check(document, name);
        let errors = if broken.is_empty() { misfits } else { broken };
        if errors.is_empty() { Ok((operation, plan?)) } else { Err(errors) }
    }

    /// Executes a query or mutation within its time.
    pub async fn execute(&self, prepared: Prepared) -> Outcome {
        let Prepared { request, shape, dress, .. } = prepared;
        let running = AssertUnwindSafe(self.executor.execute(request)).catch_unwind();
        let response = match tokio::time::timeout(self.execution, running).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => panicked(),
            Err(_elapsed) => {
                let message = format!("the operation took longer than {} s", self.execution.as_secs_f64());
                return Outcome::Executed(dress.executed(failed(refusal(TIMEOUT, message, None))));
            }
        };
        outcome(&shape, &dress, response)
    }

    /// Runs a subscription: an outcome for each of its events. A first one that is refused is the only one.
    pub fn subscribe(&self, prepared: Prepared) -> impl Stream<Item = Outcome> + Send + use<E> {
        let Prepared { request, shape, dress, .. } = prepared;
        let events = AssertUnwindSafe(self.executor.execute_stream(request, None)).catch_unwind();
        let mut is_first = true;
        events.map(move |event| {
            let response = event.unwrap_or_else(|_panic| panicked());
            if std::mem::take(&mut is_first) && is_failed_start(&response) {
                return Outcome::Refused(dress.executed(response).errors);
            }
            outcome(&shape, &dress, response)
        })
    }
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
