//! A row of a result as it is kept: its columns in their order, every value a text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A row as JSON text, its values texts: what tells it apart, and how it is kept. None for what is no object.
pub(super) fn text(columns: &RawValue) -> Option<String> {
    serde_json::from_str(columns.get()).ok().map(|Row(text)| text)
}

struct Row(String);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Columns)
    }
}

struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut columns: A) -> Result<Row, A::Error> {
        let mut text = String::from("{");
        while let Some((name, value)) = columns.next_entry::<&'de RawValue, &'de RawValue>()? {
            if text.len() > 1 {
                text.push(',');
            }
            push_string(&mut text, name.get());
            text.push(':');
            push_text(&mut text, value.get());
        }
        text.push('}');
        Ok(Row(text))
    }
}

/// Writes a value as a text; null as it is.
fn push_text(out: &mut String, value: &str) {
    match value.as_bytes() {
        [b'"', ..] => push_string(out, value),
        b"null" => out.push_str(value),
        [b'-' | b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            out.extend(["\"", value, "\""]);
        }
        _ => {
            let value: Value = serde_json::from_str(value).unwrap_or_default();
            out.push_str(&Value::String(value.to_string()).to_string());
        }
    }
}

/// Writes a string, escaped no more than it must be: equal strings are written alike.
fn push_string(out: &mut String, string: &str) {
    let escaped = string.contains('\\').then(|| serde_json::from_str::<Value>(string));
    match escaped {
        Some(Ok(unescaped)) => out.push_str(&unescaped.to_string()),
        _ => out.push_str(string),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(columns: &str) -> Option<String> {
        text(&RawValue::from_string(columns.to_owned()).expect("JSON"))
    }

    #[test]
    fn every_value_is_a_text() {
        let row = kept(
            r#"{ "b": "x\u0041\n\u00e9", "\u0061" : 1, "c":-2,"d":1.50,"e":true,"f":null,"g":{"h": [1] } }"#,
        );
        let expected = r#"{"b":"xA\né","a":"1","c":"-2","d":"1.5","e":"true","f":null,"g":"{\"h\":[1]}"}"#;
        assert_eq!(row.as_deref(), Some(expected));
        assert_eq!(kept("{}").as_deref(), Some("{}"));
        for none in ["[]", "5", "\"x\""] {
            assert_eq!(kept(none), None, "{none}");
        }
    }

    proptest! {
        /// Whatever stands in a row, it can be read again, and is written alike once more.
        #[test]
        fn a_row_comes_back(columns in prop::collection::btree_map(".*", prop_oneof![
            ".*".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            Just(Value::Null),
        ], 0..5)) {
            let row = kept(&serde_json::to_string(&columns).expect("JSON")).expect("an object");
            prop_assert_eq!(kept(&row), Some(row.clone()));
            let read: std::collections::BTreeMap<String, Option<String>> = serde_json::from_str(&row).expect("JSON");
            prop_assert!(read.keys().eq(columns.keys()));
        }
    }
}
