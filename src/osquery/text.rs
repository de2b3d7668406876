//! The text of a configuration, and the hash that an agent reports of it.
//!
//! An agent parses what it is sent, writes it again with its own library, and hashes that text. The text written here
//! comes out of that the same, byte for byte, unless it has a fraction: numbers are integers, and control characters
//! are escaped as that library does.

use std::io;

use bytes::Bytes;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

/// Bytes of a configuration at most: an agent drops its schedule when it gets more.
pub const MAX_BYTES: usize = 1 << 20;

/// Objects and arrays in each other at most, the outermost included: an agent drops its schedule when it gets more.
pub const MAX_DEPTH: usize = 32;

/// A value as compact JSON, members in their order.
#[must_use]
pub fn compact(value: &Value) -> Bytes {
    let mut text = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, UpperCase));
    written.expect("a JSON value can be written, and a vector takes it");
    text.into()
}

/// `osquery_info.config_hash` of an agent that was sent `value`; none when it can't be foretold.
#[must_use]
pub fn config_hash(value: &Value, text: &[u8]) -> Option<String> {
    (!has_fraction(value)).then(|| hex_sha1(hex_sha1(text).as_bytes()))
}

/// SHA-1 of a text in hex, as agents name configurations; no secret depends on it.
fn hex_sha1(text: &[u8]) -> String {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether some number in it is not a whole one.
#[must_use]
pub fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Objects and arrays in each other.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Writes `\u001F` where the usual form is `\u001f`.
struct UpperCase;

impl Formatter for UpperCase {
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(byte) => write!(writer, "\\u{byte:04X}"),
            usual => CompactFormatter.write_char_escape(writer, usual),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Case C19.
    #[test]
    fn c19_text_beyond_ascii_stays_as_it_is() {
        let text = compact(&json!({ "b": "é😀/\u{1f}\n\u{8}\"", "a": [1, true, null] }));
        assert_eq!(text, r#"{"b":"é😀/\u001F\n\b\"","a":[1,true,null]}"#);
    }

    /// Case C18.
    #[test]
    fn c18_the_hash_is_taken_twice() {
        let value = json!({ "schedule": {} });
        let text = compact(&value);
        assert_eq!(text, r#"{"schedule":{}}"#);
        let once = hex_sha1(&text);
        assert_eq!(once.len(), 40);
        assert_eq!(config_hash(&value, &text), Some(hex_sha1(once.as_bytes())));
        assert_eq!(hex_sha1(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(config_hash(&json!([1.5]), b"[1.5]"), None, "a fraction is written in another form");
    }

    #[test]
    fn depth_counts_objects_and_arrays() {
        assert_eq!([json!(1), json!({}), json!({ "a": [{}] })].map(|value| depth(&value)), [0, 1, 3]);
    }
}
