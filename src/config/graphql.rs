//! Section `graphql`: the API for people and programs.

use super::error::ConfigError;
use super::layers::Values;

/// The API for people and programs.
#[derive(Clone, Debug)]
pub struct Graphql {
    /// Browsers get GraphiQL.
    pub graphiql: bool,
}

impl Graphql {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { graphiql: values.get("graphql.graphiql")? })
    }
}
