//! Scalars of our own, and text as it comes in.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use bytes::Bytes;

use crate::clock::Timestamp;

/// An argument of type `String!`. NUL, which no database of ours holds in text, becomes U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl InputType for Text {
    type RawValueType = String;

    fn type_name() -> Cow<'static, str> {
        <String as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <String as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let text = <String as InputType>::parse(value).map_err(InputValueError::propagate)?;
        Ok(Self(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn as_raw_value(&self) -> Option<&String> {
        Some(&self.0)
    }
}

/// The text of an argument that may be left out.
#[must_use]
pub fn text(argument: Option<&Text>) -> Option<&str> {
    argument.map(|text| text.0.as_str())
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Timestamp);

/// RFC 3339 timestamp, always UTC with milliseconds.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let time = chrono::DateTime::parse_from_rfc3339(text).map_err(InputValueError::custom)?;
        Ok(Self(Timestamp(time.timestamp_millis())))
    }

    fn to_value(&self) -> Value {
        // Only times beyond the year 262000 have no form; nothing of ours is stamped with one.
        let time = chrono::DateTime::from_timestamp_millis(self.0.0).unwrap_or_default();
        Value::String(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

/// A number that may not fit `Int`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UInt64(pub u64);

impl From<i64> for UInt64 {
    fn from(number: i64) -> Self {
        Self(u64::try_from(number).unwrap_or_default())
    }
}

/// Unsigned 64-bit integer as a decimal string (GraphQL Int is 32-bit).
#[Scalar(name = "UInt64", specified_by_url = "https://www.w3.org/TR/xmlschema-2/#unsignedLong")]
impl ScalarType for UInt64 {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        text.parse().map(Self).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Rows that are JSON already: the transport writes them into the answer as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsqueryRows(pub Bytes);

/// Rows as osquery returned them: an array of objects, column to string or null, members in column order.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for OsqueryRows {
    fn parse(_value: Value) -> InputValueResult<Self> {
        Err(InputValueError::custom("rows are never an input"))
    }

    fn to_value(&self) -> Value {
        Value::Binary(self.0.clone())
    }
}

/// A row that is JSON already: the transport writes it into the answer as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsqueryRow(pub Bytes);

/// A row as osquery returned it: an object, column to string or null, members in column order.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for OsqueryRow {
    fn parse(_value: Value) -> InputValueResult<Self> {
        Err(InputValueError::custom("rows are never an input"))
    }

    fn to_value(&self) -> Value {
        Value::Binary(self.0.clone())
    }
}

/// A number as an `Int`; one that does not fit is shown as the largest.
#[must_use]
pub fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_utc_with_milliseconds() {
        let shown = ScalarType::to_value(&DateTime(Timestamp(1_700_000_000_007)));
        assert_eq!(shown, Value::from("2023-11-14T22:13:20.007Z"));
        let read = <DateTime as ScalarType>::parse("2023-11-14T23:13:20.007+01:00".into());
        assert_eq!(read.ok(), Some(DateTime(Timestamp(1_700_000_000_007))));
    }

    #[test]
    fn a_large_number_is_a_string() {
        assert_eq!(ScalarType::to_value(&UInt64(u64::MAX)), Value::from("18446744073709551615"));
        assert_eq!(int(i64::MAX), i32::MAX);
    }

    #[test]
    fn nul_never_comes_in() {
        let text = <Text as InputType>::parse(Some("a\0b".into()));
        assert_eq!(text.ok(), Some(Text("a\u{fffd}b".to_owned())));
    }
}
