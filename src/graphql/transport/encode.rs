//! Responses as bytes: the only exit of values, on every transport.
//!
//! Rows of osquery arrive as [`Value::Binary`]: JSON that was encoded once for all subscribers. Here it is copied as it
//! is; any other serializer would write it as an array of numbers.

use std::collections::BTreeMap;
use std::io::{self, Write};

use async_graphql::{Response, ServerError, Value};
use serde::Serialize;
use serde_json::ser::Formatter;

/// What a client is answered: a response with data, or errors of a request that was not executed, without.
#[derive(Serialize)]
pub struct Payload<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a BTreeMap<String, Value>>,
}

impl<'a> Payload<'a> {
    /// What was executed; data is there, if only as null.
    #[must_use]
    pub fn executed(response: &'a Response) -> Self {
        let extensions = (!response.extensions.is_empty()).then_some(&response.extensions);
        Self { errors: &response.errors, data: Some(&response.data), extensions }
    }

    /// What was not executed.
    #[must_use]
    pub fn refused(errors: &'a [ServerError]) -> Self {
        Self { errors, data: None, extensions: None }
    }
}

/// The JSON of a value, with binary values copied as they are.
///
/// # Panics
/// For a map whose keys are not text; no answer has one.
#[must_use]
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spliced);
    value.serialize(&mut serializer).expect("a vector takes all, and every key is a string");
    bytes
}

/// Compact JSON; bytes are JSON already.
struct Spliced;

impl Formatter for Spliced {
    fn write_byte_array<W: ?Sized + Write>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        writer.write_all(if value.is_empty() { b"null" } else { value })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn text(response: &Response) -> String {
        String::from_utf8(encode(&Payload::executed(response))).expect("JSON is UTF-8")
    }

    #[test]
    fn binary_values_are_spliced() {
        let rows = Value::Binary(bytes::Bytes::from_static(br#"[{"pid":"1"}]"#));
        let response = Response::new(value!({ "rows": rows, "none": (Value::Binary(bytes::Bytes::new())) }));
        assert_eq!(text(&response), r#"{"data":{"rows":[{"pid":"1"}],"none":null}}"#);
    }

    #[test]
    fn no_text_is_spliced() {
        let token = "$serde_json::private::RawValue";
        let response = Response::new(value!({ "row": { token: "}{" } }));
        assert_eq!(text(&response), format!(r#"{{"data":{{"row":{{"{token}":"}}{{"}}}}}}"#));
    }

    #[test]
    fn errors_come_first_and_a_refusal_has_no_data() {
        let errors = vec![ServerError::new("no", None)];
        assert_eq!(encode(&Payload::refused(&errors)), br#"{"errors":[{"message":"no"}]}"#);
        let response = Response::from_errors(errors);
        assert_eq!(text(&response), r#"{"errors":[{"message":"no"}],"data":null}"#);
    }
}
