//! What a value is as the text of a cell.

use std::borrow::Cow;

use serde_json::Value;

/// A text as it is, nothing for null, JSON for anything else.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
