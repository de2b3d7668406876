//! What is checked of a document before the library sees it.
//!
//! The library's own limits walk a reused fragment once per spread, so a document of a kilobyte can burn minutes; and
//! its validation lets mistakes through. Here the text is measured before it is parsed, the document is measured with
//! a memo per fragment before it is validated, and the rules that the library lacks are added.

pub mod types;
pub mod refusal;
pub mod tokens;
pub mod fields;
pub mod size;
pub mod aliases;
pub mod merge;
pub mod values;
pub mod unknown;
pub mod arguments;
pub mod variables;
pub mod subscription;
pub mod introspection;
pub mod persisted;

#[cfg(test)]
mod tests;

use async_graphql::ServerError;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::parser::{self, parse_query};

use self::refusal::{OPERATION_RESOLUTION_FAILURE, PARSE_FAILED, VALIDATION_FAILED, refusal};
use self::size::{Measure, Size};
use self::types::Types;

/// How large a document may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of its text.
    pub bytes: usize,
    /// Tokens.
    pub tokens: usize,
    /// Brackets open at the same time, of all kinds; the parser's stack depends on it.
    pub nesting: usize,
    /// Fields inside fields, introspection apart.
    pub depth: usize,
    /// Aliases of one field in one place.
    pub aliases: usize,
    /// Directives.
    pub directives: usize,
    /// Selections, with fragments written out.
    pub selections: usize,
    /// Lists of introspection inside one another.
    pub introspection_lists: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 128 << 10,
            tokens: 4_000,
            nesting: 60,
            depth: 20,
            aliases: 30,
            directives: 50,
            selections: 5_000,
            introspection_lists: 2,
        }
    }
}

/// Reads a document and checks it against the limits and the rules that the library lacks.
///
/// # Errors
/// What is wrong, each error with its code; nothing was executed.
pub fn check(types: &Types, limits: &Limits, query: &str) -> Result<ExecutableDocument, Vec<ServerError>> {
    check_text(limits, query)?;
    let document = parse_query(query).map_err(|error| vec![unread(&error)])?;
    if let Some(fragment) = document.fragments.get("on") {
        return Err(vec![refusal(PARSE_FAILED, "a fragment can't be named \"on\"", Some(fragment.pos))]);
    }
    check_size(limits, &document)?;
    check_rules(types, &document)?;
    Ok(document)
}

/// The operation that a request means.
///
/// # Errors
/// When there is none of that name, or several and no name.
pub fn resolve<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Vec<ServerError>> {
    operation(document, name).ok_or_else(|| vec![unresolved(name)])
}

/// The named operation, or the only one.
#[must_use]
pub fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Multiple(named), Some(name)) => named.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(named), None) if named.len() == 1 => {
            named.values().next().map(|operation| &operation.node)
        }
        _ => None,
    }
}

fn check_text(limits: &Limits, query: &str) -> Result<(), Vec<ServerError>> {
    let refused = |message: String| vec![refusal(PARSE_FAILED, message, None)];
    if query.len() > limits.bytes {
        return Err(refused(format!("the document has more than {} bytes", limits.bytes)));
    }
    let tokens = tokens::count(query, limits.tokens).map_err(|error| refused(error.to_string()))?;
    if tokens.nesting > limits.nesting {
        return Err(refused(format!("the document has more than {} brackets open at once", limits.nesting)));
    }
    if tokens.directives > limits.directives {
        return Err(refused(format!("the document has more than {} directives", limits.directives)));
    }
    Ok(())
}

fn check_size(limits: &Limits, document: &ExecutableDocument) -> Result<(), Vec<ServerError>> {
    let mut measure = Measure::new(&document.fragments);
    let mut selections = 0usize;
    for (_, operation) in document.operations.iter() {
        let mut size = measure.operation(&operation.node.selection_set.node).map_err(|error| vec![error])?;
        selections = selections.saturating_add(size.selections);
        size.selections = selections;
        if let Some(message) = too_large(limits, size) {
            let at = operation.node.selection_set.pos;
            return Err(vec![refusal(VALIDATION_FAILED, message, Some(at))]);
        }
    }
    aliases::check(document, limits.aliases).map_or(Ok(()), |error| Err(vec![error]))
}

fn too_large(limits: &Limits, size: Size) -> Option<String> {
    if size.selections > limits.selections {
        return Some(format!("the document selects more than {} fields", limits.selections));
    }
    if size.depth > limits.depth {
        return Some(format!("the document is deeper than {} fields", limits.depth));
    }
    (size.introspection_lists > limits.introspection_lists)
        .then(|| "introspection goes in circles".to_owned())
}

fn check_rules(types: &Types, document: &ExecutableDocument) -> Result<(), Vec<ServerError>> {
    for (_, operation) in document.operations.iter() {
        if operation.node.ty == OperationType::Subscription {
            subscription::check(&document.fragments, &operation.node).map_err(|error| vec![error])?;
        }
    }
    if let Some(error) = merge::check(types, document) {
        return Err(vec![error]);
    }
    let unknown = unknown::check(types, document);
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let errors = arguments::check(types, document);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Names that are used twice are a matter of validation, though the parser of the library finds them.
fn unread(error: &parser::Error) -> ServerError {
    let is_of_names = matches!(
        error,
        parser::Error::MultipleOperations { .. }
            | parser::Error::OperationDuplicated { .. }
            | parser::Error::FragmentDuplicated { .. }
    );
    let code = if is_of_names { VALIDATION_FAILED } else { PARSE_FAILED };
    refusal(code, error.to_string(), error.positions().next())
}

fn unresolved(operation_name: Option<&str>) -> ServerError {
    let message = match operation_name {
        Some(name) => format!("the document has no operation \"{name}\""),
        None => "the document has several operations; say which by operationName".to_owned(),
    };
    refusal(OPERATION_RESOLUTION_FAILURE, message, None)
}
