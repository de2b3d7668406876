//! Values as YAML: block style, texts so that they are read as what they were.

use serde_json::Value;

use crate::interchange::yaml::is_number;

/// Characters of a text in quotes beyond which lines of their own are better.
const LONG: usize = 80;

/// A document, with its mark before it.
pub(super) fn document(value: &Value) -> String {
    let mut written = "---\n".to_owned();
    match value {
        Value::Object(members) if !members.is_empty() => block(value, 0, &mut written),
        _ => {
            inline(value, &mut written);
            written.push('\n');
        }
    }
    written
}

/// Writes the lines of a list or object that is not empty.
fn block(value: &Value, depth: usize, written: &mut String) {
    match value {
        Value::Object(members) => {
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 || !written.ends_with("- ") {
                    indent(depth, written);
                }
                text(name, written);
                written.push(':');
                after(value, depth, written);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(depth, written);
                written.push('-');
                match item {
                    // The first member stands beside the dash.
                    Value::Object(members) if !members.is_empty() => {
                        written.push(' ');
                        block(item, depth + 1, written);
                    }
                    _ => after(item, depth, written),
                }
            }
        }
        _ => inline(value, written),
    }
}

/// Writes a value after a colon or dash, and the end of the line.
fn after(value: &Value, depth: usize, written: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            written.push('\n');
            block(value, depth + 1, written);
        }
        Value::Array(items) if !items.is_empty() => {
            written.push('\n');
            block(value, depth + 1, written);
        }
        Value::String(text) if has_lines(text) => lines(text, depth + 1, written),
        _ => {
            written.push(' ');
            inline(value, written);
            written.push('\n');
        }
    }
}

/// Whether a text can be written as lines: several, none of which begins or ends with what YAML would lose.
fn has_lines(text: &str) -> bool {
    let is_plain = |c: char| c == '\n' || (!c.is_control() && is_printable(c));
    let body = text.strip_suffix('\n').unwrap_or(text);
    (body.contains('\n') || text.chars().count() > LONG)
        && !body.is_empty()
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && text.chars().all(is_plain)
}

fn lines(text: &str, depth: usize, written: &mut String) {
    let body = text.strip_suffix('\n');
    written.push_str(if body.is_some() { " |\n" } else { " |-\n" });
    for line in body.unwrap_or(text).split('\n') {
        if !line.is_empty() {
            indent(depth, written);
            written.push_str(line);
        }
        written.push('\n');
    }
}

fn inline(value: &Value, written: &mut String) {
    match value {
        Value::String(value) => text(value, written),
        Value::Object(_) => written.push_str("{}"),
        Value::Array(_) => written.push_str("[]"),
        other => written.push_str(&other.to_string()),
    }
}

/// Writes a text on one line, in quotes where it would be read as something else without.
fn text(text: &str, written: &mut String) {
    if is_plain(text) {
        written.push_str(text);
        return;
    }
    written.push('"');
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            '\r' => written.push_str("\\r"),
            c if c.is_control() || !is_printable(c) => written.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => written.push(c),
        }
    }
    written.push('"');
}

/// Whether a text without quotes is read as itself, by YAML 1.1 as well: a word or several of harmless characters.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_harmless =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | ' ' | '%' | ',');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && !text.ends_with(' ')
        && text.chars().all(is_harmless)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && !is_number(text)
}

/// Whether YAML takes a character as it is, everywhere in a text.
fn is_printable(c: char) -> bool {
    !matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn indent(depth: usize, written: &mut String) {
    (0..depth).for_each(|_| written.push_str("  "));
}
