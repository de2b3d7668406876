//! How a document is refused: an error with a code, before anything is executed.

use async_graphql::{ErrorExtensionValues, Pos, ServerError};

/// `extensions.code` of a document that can't be read.
pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// `extensions.code` of a document that breaks a rule or a limit.
pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
/// `extensions.code` of a request that names no operation, or one that is not there.
pub const OPERATION_RESOLUTION_FAILURE: &str = "OPERATION_RESOLUTION_FAILURE";
/// `extensions.code` of input that the caller can mend.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";

/// An error with this code.
#[must_use]
pub fn refusal(code: &str, message: impl Into<String>, at: Option<Pos>) -> ServerError {
    let mut error = ServerError::new(message, at);
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
    error
}

/// A broken rule at a place of the document.
#[must_use]
pub fn invalid(message: impl Into<String>, at: Pos) -> ServerError {
    refusal(VALIDATION_FAILED, message, Some(at))
}
