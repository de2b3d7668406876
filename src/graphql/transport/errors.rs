//! How errors look outside: each with a code and the request id, bounded in number, faults of ours masked.

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use crate::graphql::precheck::refusal::{BAD_USER_INPUT, VALIDATION_FAILED};

/// `extensions.code` of an execution that took too long.
pub const TIMEOUT: &str = "TIMEOUT";
/// `extensions.code` of a fault of ours.
pub const INTERNAL: &str = "INTERNAL_SERVER_ERROR";

/// What is put on the errors of one request.
#[derive(Clone, Debug)]
pub struct Dress {
    /// The id in logs and in `extensions.requestId`.
    pub request_id: String,
    /// Whether errors may say what was perhaps meant, which tells of the schema.
    pub suggests: bool,
    /// Errors in an answer.
    pub limit: usize,
}

impl Dress {
    /// The errors of a request that was not executed; without a code they are of validation.
    #[must_use]
    pub fn refused(&self, mut errors: Vec<ServerError>) -> Vec<ServerError> {
        errors.truncate(self.limit);
        for error in &mut errors {
            if !self.suggests
                && let Some(suggestion) = error.message.find(" Did you mean")
            {
                error.message.truncate(suggestion);
            }
            if code(error).is_none() {
                set(error, "code", VALIDATION_FAILED);
            }
            set(error, "requestId", &self.request_id);
        }
        errors
    }

    /// A response that was executed; errors without a code are faults of ours, unless they are about the input.
    #[must_use]
    pub fn executed(&self, mut response: Response) -> Response {
        response.errors.truncate(self.limit);
        for error in &mut response.errors {
            match code(error) {
                Some(_) => {}
                None if is_about_input(error) => set(error, "code", BAD_USER_INPUT),
                None => mask(error),
            }
            set(error, "requestId", &self.request_id);
        }
        response
    }
}

fn code(error: &ServerError) -> Option<&Value> {
    error.extensions.as_ref()?.get("code")
}

fn set(error: &mut ServerError, name: &str, value: &str) {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set(name, value);
}

/// Whether the library could not read an argument: its own errors have no source, and these beginnings.
fn is_about_input(error: &ServerError) -> bool {
    let is_of_library = error.message.starts_with("Failed to parse \"")
        || error.message.starts_with("Expected input type \"");
    error.source.is_none() && is_of_library
}

/// Logs the cause and hides it.
fn mask(error: &mut ServerError) {
    tracing::error!(error.message, error.path = ?error.path, "a resolver failed");
    error.message = String::from("internal error");
    error.source = None;
    error.extensions = None;
    set(error, "code", INTERNAL);
}

#[cfg(test)]
mod tests {
    use async_graphql::PathSegment;

    use super::*;
    use crate::graphql::precheck::refusal::refusal;

    fn dress() -> Dress {
        Dress { request_id: "req_1".to_owned(), suggests: false, limit: 2 }
    }

    fn shown(error: ServerError) -> (String, String) {
        let response = dress().executed(Response::from_errors(vec![error]));
        let error = &response.errors[0];
        assert_eq!(error.extensions.as_ref().and_then(|e| e.get("requestId")), Some(&Value::from("req_1")));
        (code(error).map(Value::to_string).unwrap_or_default(), error.message.clone())
    }

    #[test]
    fn faults_are_masked_and_what_has_a_code_is_not() {
        let error = ServerError::new("no such table: hosts", None)
            .with_path(vec![PathSegment::Field("a".to_owned())]);
        assert_eq!(shown(error), (format!("{INTERNAL:?}"), "internal error".to_owned()));
        assert_eq!(shown(refusal("NOT_FOUND", "host not found", None)).1, "host not found");
        assert_eq!(
            shown(ServerError::new("Failed to parse \"Int\": no", None)).0,
            format!("{BAD_USER_INPUT:?}")
        );
    }

    #[test]
    fn refused_requests_have_few_errors_and_no_suggestions() {
        let error = ServerError::new("Unknown field \"nam\". Did you mean \"name\"?", None);
        let errors = dress().refused(vec![error; 5]);
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].message, "Unknown field \"nam\".");
        assert_eq!(code(&errors[1]), Some(&Value::from(VALIDATION_FAILED)));
    }
}
