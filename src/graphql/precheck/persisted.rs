//! Persisted queries, which are not kept here: documents are small, and a store of them would be anybody's to fill.
//!
//! A client that sends only the hash of a document is told so in the words of its protocol, and sends the document.

use async_graphql::{Request, ServerError, Value};
use ring::digest::{SHA256, digest};

use super::refusal::{BAD_USER_INPUT, refusal};

/// `extensions.code` of a request for a document by its hash.
pub const PERSISTED_QUERY_NOT_SUPPORTED: &str = "PERSISTED_QUERY_NOT_SUPPORTED";

/// Whether a request names its document by a hash.
#[must_use]
pub fn is_named(request: &Request) -> bool {
    hash(request).is_some()
}

/// Checks that a hash comes with its document.
///
/// # Errors
/// When it comes without one, or with another.
pub fn check(request: &Request) -> Result<(), ServerError> {
    let Some(hash) = hash(request) else { return Ok(()) };
    if request.query.is_empty() {
        // Clients look for this very message, or for the code.
        return Err(refusal(PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported", None));
    }
    let own = digest(&SHA256, request.query.as_bytes());
    let own: String = own.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    match hash {
        Value::String(hash) if hash.eq_ignore_ascii_case(&own) => Ok(()),
        _ => Err(refusal(BAD_USER_INPUT, "the document does not have the hash that came with it", None)),
    }
}

fn hash(request: &Request) -> Option<&Value> {
    match request.extensions.get("persistedQuery")? {
        Value::Object(named) => named.get("sha256Hash"),
        _ => None,
    }
}
