//! Documents that ask for the schema.

use async_graphql::ServerError;
use async_graphql::parser::types::{ExecutableDocument, Selection};

use super::fields::each_set;
use super::refusal::refusal;

/// `extensions.code` of a document that asks for the schema, which is not shown to its caller.
pub const INTROSPECTION_DISABLED: &str = "INTROSPECTION_DISABLED";

/// Refuses a document that asks for the schema. What an object is, `__typename`, it may ask.
///
/// # Errors
/// At the first field that does.
pub fn refuse(document: &ExecutableDocument) -> Result<(), ServerError> {
    let mut found = None;
    each_set(document, &mut |set| {
        let asks = |selection: &&_| match selection {
            Selection::Field(field) => matches!(field.node.name.node.as_str(), "__schema" | "__type"),
            Selection::InlineFragment(_) | Selection::FragmentSpread(_) => false,
        };
        let first = set.items.iter().find(|selection| asks(&&selection.node));
        found = found.or(first.map(|selection| selection.pos));
    });
    let message = "the schema is shown to those who have signed in";
    found.map_or(Ok(()), |at| Err(refusal(INTROSPECTION_DISABLED, message, Some(at))))
}
