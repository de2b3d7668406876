//! The library's validation, alone.
//!
//! A document is validated as it was written and executed as it was [planned](super::plan), so the library sees two.
//! It offers no validation without execution; here its execution is cut off.

use std::fmt;
use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{ObjectType, Request, Response, SchemaBuilder, ServerError, SubscriptionType};
use futures_util::FutureExt;

use super::precheck::size::MAX_LEVELS;

/// Validates documents by the rules of the library. A cheap handle.
#[derive(Clone)]
pub struct Validator(Arc<dyn Fn(Request) -> Response + Send + Sync>);

impl Validator {
    /// A validator of documents for this schema, which needs none of its data.
    pub fn new<Q, M, S>(schema: SchemaBuilder<Q, M, S>) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let schema =
            schema.extension(CutOff).limit_recursive_depth(MAX_LEVELS).disable_suggestions().finish();
        let validate = move |request| schema.execute(request).now_or_never();
        Self(Arc::new(move |request| validate(request).expect("nothing waits before the execution")))
    }

    /// The rules that a document breaks. Variables are not looked at.
    #[must_use]
    pub fn check(&self, document: ExecutableDocument, operation_name: Option<&str>) -> Vec<ServerError> {
        let mut request = Request::new("");
        request.operation_name = operation_name.map(str::to_owned);
        request.set_parsed_query(document);
        (self.0)(request).errors
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

/// Answers nothing instead of executing.
struct CutOff;

impl ExtensionFactory for CutOff {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for CutOff {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
    }
}
