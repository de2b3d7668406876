//! Lenient reading of JSON that agents write: no value tree, no recursion, every string made valid.
//!
//! Values are slices of the text ([`serde_json::value::RawValue`] skips them without recursion), so that one value
//! of a wrong shape spoils nothing but itself.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The text is not JSON, or not of the shape that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The text of a body; bytes that are no UTF-8 become U+FFFD.
pub(super) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Whether more than so many arrays and objects stand in each other. At most two passes, also over what is no JSON.
pub(super) fn is_deeper(text: &str, limit: usize) -> bool {
    let opened = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    opened > limit && depth(text) > limit
}

/// How many arrays and objects stand in each other at most.
fn depth(text: &str) -> usize {
    let (mut deepest, mut depth, mut in_string, mut escaped) = (0, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Visits the members of an object in order: the name as it stands in the text, quotes and all, and the value.
pub(super) fn members<'a>(object: &'a str, visit: impl FnMut(&'a str, &'a str)) -> Result<(), Malformed> {
    let mut reader = serde_json::Deserializer::from_str(object);
    reader.deserialize_map(Members(visit)).map_err(|_| Malformed)?;
    reader.end().map_err(|_| Malformed)
}

/// Visits the elements of an array in order.
pub(super) fn elements<'a>(array: &'a str, visit: impl FnMut(&'a str)) -> Result<(), Malformed> {
    let mut reader = serde_json::Deserializer::from_str(array);
    reader.deserialize_seq(Elements(visit)).map_err(|_| Malformed)?;
    reader.end().map_err(|_| Malformed)
}

/// The members of these names, the first where one is repeated; empty when it is no object.
pub(super) fn pick<'a, const N: usize>(object: &'a str, names: [&str; N]) -> [Option<&'a str>; N] {
    let mut found = [None; N];
    let picked = members(object, |name, value| {
        let name = string(name);
        let place = names.iter().position(|wanted| name.as_deref() == Some(*wanted));
        if let Some(place) = place.and_then(|place| found.get_mut(place)) {
            place.get_or_insert(value);
        }
    });
    picked.map_or([None; N], |()| found)
}

/// The content of a string, none for another value. Lone surrogates and NUL become U+FFFD.
pub(super) fn string(value: &str) -> Option<Cow<'_, str>> {
    let content = value.strip_prefix('"')?.strip_suffix('"')?;
    if content.contains('\\') {
        return Some(Cow::Owned(unescape(content)));
    }
    Some(Cow::Borrowed(content))
}

/// A scalar as text: the content of a string, or a number or boolean as it stands; none for the rest.
pub(super) fn scalar(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' => string(value),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(value)),
    }
}

/// A number, or a string that holds one; without its fraction. None for the rest.
pub(super) fn integer(value: &str) -> Option<i64> {
    let text = scalar(value)?;
    let whole = text.trim().split('.').next()?;
    whole.parse().ok()
}

fn unescape(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (character, after) = escape(&rest[at + 1..]);
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    text
}

/// The character that the escape after a backslash stands for, and what follows it.
fn escape(rest: &str) -> (char, &str) {
    let mut characters = rest.chars();
    let character = match characters.next() {
        Some('u') => return unicode_escape(characters.as_str()),
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some(other) => other,
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, characters.as_str())
}

/// The character of `XXXX` after `\u`, with a second escape where the first is half of a pair.
fn unicode_escape(rest: &str) -> (char, &str) {
    let Some((unit, after)) = code_unit(rest) else { return (char::REPLACEMENT_CHARACTER, rest) };
    let second = after.strip_prefix("\\u").and_then(code_unit);
    if let Some((low, after_pair)) = second
        && let Some(Ok(pair)) = char::decode_utf16([unit, low]).next()
        && pair.len_utf16() == 2
    {
        return (pair, after_pair);
    }
    let character = char::from_u32(u32::from(unit)).filter(|character| *character != '\0');
    (character.unwrap_or(char::REPLACEMENT_CHARACTER), after)
}

fn code_unit(rest: &str) -> Option<(u16, &str)> {
    let (digits, after) = rest.split_at_checked(4)?;
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((u16::from_str_radix(digits, 16).ok().filter(|_| all_hex)?, after))
}

struct Members<F>(F);

impl<'a, F: FnMut(&'a str, &'a str)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<&'a RawValue, &'a RawValue>()? {
            (self.0)(name.get(), value.get());
        }
        Ok(())
    }
}

struct Elements<F>(F);

impl<'a, F: FnMut(&'a str)> Visitor<'a> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<&'a RawValue>()? {
            (self.0)(value.get());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_are_always_valid() {
        let decoded = |value| string(value).map(Cow::into_owned);
        assert_eq!(decoded(r#""a\n\/\"\u00e9""#).as_deref(), Some("a\n/\"é"));
        assert_eq!(decoded(r#""\ud83d\ude00""#).as_deref(), Some("😀"));
        assert_eq!(decoded(r#""\ud800""#).as_deref(), Some("\u{fffd}"));
        assert_eq!(decoded(r#""\ud800\u0041""#).as_deref(), Some("\u{fffd}A"));
        assert_eq!(decoded(r#""\udc00x""#).as_deref(), Some("\u{fffd}x"));
        assert_eq!(decoded(r#""a\u0000b""#).as_deref(), Some("a\u{fffd}b"));
        assert_eq!(decoded("5"), None);
    }

    #[test]
    fn scalars_and_integers_are_read_from_strings_too() {
        assert_eq!(integer("\"7\""), Some(7));
        assert_eq!(integer("7"), Some(7));
        assert_eq!(integer("1.0"), Some(1));
        assert_eq!(integer("\"x\""), None);
        assert_eq!(integer("null"), None);
        assert_eq!(integer("[1]"), None);
        assert_eq!(scalar("true").as_deref(), Some("true"));
    }

    #[test]
    fn the_first_of_repeated_members_counts() {
        assert_eq!(pick(r#"{"a":1,"b":2,"a":3}"#, ["a", "c"]), [Some("1"), None]);
        assert_eq!(pick(r#"{"\u0061":1}"#, ["a"]), [Some("1")]);
        assert_eq!(pick("[1]", ["a"]), [None]);
    }

    #[test]
    fn deep_nesting_is_told_without_recursion() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(depth(&nested(0)), 0);
            assert_eq!(depth(&nested(7)), 7);
            let deep = format!("{{\"a\":{}}}", nested(100_000));
            assert_eq!(depth(&deep), 100_001);
            assert!(is_deeper(&deep, 100_000) && !is_deeper(&deep, 100_001));
            assert!(members(&deep, |_, _| {}).is_ok(), "skipped without recursion");
        }
        assert_eq!(depth(&format!("\"{}\\\"[\"", "[".repeat(10_000))), 0);
        assert_eq!(depth("]]}[]"), 1);
        assert!(!is_deeper("[[],[],[]]", 2), "what stands side by side is not deep");
    }

    #[test]
    fn what_follows_the_document_is_an_error() {
        assert_eq!(members("{} x", |_, _| {}), Err(Malformed));
        assert_eq!(elements("[]]", |_| {}), Err(Malformed));
        assert_eq!(members(" {} \n", |_, _| {}), Ok(()));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let text = lossy(bytes);
            depth(&text);
            let _ = members(&text, |name, value| { string(name); integer(value); });
            let _ = elements(&text, |value| { string(value); });
            let quoted = format!("\"{text}\"");
            string(&quoted);
        }

        #[test]
        fn every_string_comes_back(text: String) {
            let encoded = serde_json::to_string(&text).expect("a string is JSON");
            let decoded = string(&encoded).expect("a string");
            prop_assert_eq!(decoded.into_owned(), text.replace('\0', "\u{fffd}"));
        }
    }
}
