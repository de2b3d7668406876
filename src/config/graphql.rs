//! Section `graphql`: the API for people and programs.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::setting::{ByteSize, Points};

/// The API for people and programs.
#[derive(Clone, Debug)]
pub struct Graphql {
    /// Browsers get GraphiQL.
    pub graphiql: bool,
    /// Those who did not sign in may read the schema, and are told what they may have meant.
    pub anonymous_introspection: bool,
    /// How long a query or mutation may take.
    pub execution_timeout: Duration,
    /// Points of one operation at most.
    pub max_cost: Points,
    /// Points of all operations of a user in a window.
    pub rate_limit: Points,
    /// Points of all operations from one source in a window, of those who did not sign in.
    pub anonymous_rate_limit: Points,
    /// In which all points come back.
    pub rate_window: Duration,
    /// Body of a request.
    pub max_body: ByteSize,
    /// Text of a document.
    pub max_document: ByteSize,
    /// Tokens of a document.
    pub max_tokens: usize,
    /// Fields inside fields.
    pub max_depth: usize,
    /// Aliases of one field in one place.
    pub max_aliases: usize,
    /// Directives of a document.
    pub max_directives: usize,
    /// Selections of a document, fragments written out.
    pub max_selections: usize,
    /// Errors of an answer.
    pub max_errors: usize,
    /// Operations of a WebSocket at the same time.
    pub max_operations: usize,
    /// WebSockets and streams of a user, or of a source, at the same time.
    pub max_sockets: usize,
    /// How long a write to a WebSocket may be blocked.
    pub write_timeout: Duration,
}

impl Graphql {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            graphiql: values.get("graphql.graphiql")?,
            anonymous_introspection: values.get("graphql.anonymous_introspection")?,
            execution_timeout: values.get("graphql.execution_timeout")?,
            max_cost: values.get("graphql.max_cost")?,
            rate_limit: values.get("graphql.rate_limit")?,
            anonymous_rate_limit: values.get("graphql.anonymous_rate_limit")?,
            rate_window: values.get("graphql.rate_window")?,
            max_body: values.get("graphql.max_body")?,
            max_document: values.get("graphql.max_document")?,
            max_tokens: values.get("graphql.max_tokens")?,
            max_depth: values.get("graphql.max_depth")?,
            max_aliases: values.get("graphql.max_aliases")?,
            max_directives: values.get("graphql.max_directives")?,
            max_selections: values.get("graphql.max_selections")?,
            max_errors: values.get("graphql.max_errors")?,
            max_operations: values.get("graphql.max_operations")?,
            max_sockets: values.get("graphql.max_sockets")?,
            write_timeout: values.get("graphql.write_timeout")?,
        })
    }
}
