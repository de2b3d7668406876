//! The rules of a configuration document: everything but schedule and packs, which are made of saved queries.

use serde_json::{Map, Value};

use super::Finding;
use super::flags::{self, FlagKind};
use super::tables::is_core;
use super::text::has_fraction;
use crate::sql;

/// The member that takes values to flags.
pub const OPTIONS: &str = "options";

/// Members that a document may have.
pub const MEMBERS: [&str; 13] = [
    OPTIONS,
    "decorators",
    "file_paths",
    "file_paths_query",
    "file_accesses",
    "exclude_paths",
    "yara",
    "views",
    "auto_table_construction",
    "events",
    "feature_vectors",
    "prometheus_targets",
    "logger",
];

/// Paths under which this server answers agents, by the option that names them.
const ENDPOINTS: [(&str, &str); 3] = [
    ("distributed_tls_read_endpoint", "/distributed/read"),
    ("distributed_tls_write_endpoint", "/distributed/write"),
    ("logger_tls_endpoint", "/log"),
];

/// What an agent would make of a document that is not what its author meant. A null stands for "not set", as layers
/// have it.
#[must_use]
pub fn check(document: &Map<String, Value>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, value) in document {
        nul(name, name, value, &mut found);
        if value.is_null() {
            continue;
        }
        match name.as_str() {
            OPTIONS => each(name, value, &mut found, option),
            "decorators" => each(name, value, &mut found, decorator),
            "file_paths" | "exclude_paths" => each(name, value, &mut found, texts),
            "file_paths_query" => each(name, value, &mut found, statements),
            "file_accesses" => texts(name, name, value, &mut found),
            "yara" => each(name, value, &mut found, yara),
            "views" => each(name, value, &mut found, view),
            "auto_table_construction" => each(name, value, &mut found, table),
            "events" => each(name, value, &mut found, event),
            "prometheus_targets" => each(name, value, &mut found, target),
            "feature_vectors" | "logger" => each(name, value, &mut found, |_, _, _, _| ()),
            other => found.push(Finding::error(other, foreign(other))),
        }
        if name != "feature_vectors" && name != OPTIONS && has_fraction(value) {
            found.push(Finding::error(name, "osquery misreads numbers with a fraction"));
        }
    }
    found
}

/// Why a member has no place in a document.
#[must_use]
pub fn foreign(member: &str) -> &'static str {
    match member {
        "schedule" => "a schedule is made of saved queries: give them one, or import the file",
        "packs" => "packs are objects of their own: make them, or import the file",
        "error" => "with this member an agent refuses the whole configuration",
        "node_invalid" => "with this member an agent enrolls again",
        _ => "osquery knows no such member and ignores it",
    }
}

/// Checks every member of an object by its path, name and value.
fn each(at: &str, value: &Value, found: &mut Vec<Finding>, check: fn(&str, &str, &Value, &mut Vec<Finding>)) {
    let Value::Object(members) = value else {
        found.push(Finding::error(at, "this must be an object"));
        return;
    };
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        check(&format!("{at}.{name}"), name, value, found);
    }
}

/// Refuses NUL anywhere: an agent's texts end there.
fn nul(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    let refuse =
        |found: &mut Vec<Finding>| found.push(Finding::error(at.replace('\0', "␀"), "a text has a NUL"));
    if name.contains('\0') {
        refuse(found);
    }
    match value {
        Value::String(text) if text.contains('\0') => refuse(found),
        Value::Array(items) => items.iter().for_each(|item| nul(at, "", item, found)),
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| nul(&format!("{at}.{name}"), name, value, found));
        }
        _ => {}
    }
}

fn option(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    if has_fraction(value) {
        let message =
            "osquery misreads numbers with a fraction or an exponent; write a whole number, or a text";
        found.push(Finding::error(at, message));
        return;
    }
    let Some(flag) = flags::flag(name) else {
        if !name.starts_with("custom_") {
            found.push(Finding::warning(at, "osquery has no such flag and ignores it"));
        }
        return;
    };
    if flag.is_cli_only {
        let message =
            "this flag is set on the command line or in the flag file only; agents since 5.4 ignore it here";
        found.push(Finding::warning(at, message));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) if flag.kind != FlagKind::Text => String::new(),
        value => value.to_string(),
    };
    if flag.kind.accepts(&text) {
        warn_of_option(at, name, &text, found);
    } else {
        found.push(Finding::error(at, format!("this flag takes {}", flag.kind.wanted())));
    }
}

/// Says where a good value works against this server.
fn warn_of_option(at: &str, name: &str, text: &str, found: &mut Vec<Finding>) {
    if name == "disable_distributed" && text == "true" {
        found.push(Finding::warning(at, "hosts will not answer live queries"));
    }
    let Some((_, end)) = ENDPOINTS.iter().find(|(option, _)| *option == name) else { return };
    if !["/api/osquery", "/api/v1/osquery"].iter().any(|start| text == format!("{start}{end}")) {
        found.push(Finding::warning(at, format!("this server answers at /api/osquery{end}")));
    }
}

fn decorator(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    match name {
        "load" | "always" => statements(at, name, value, found),
        "interval" => each(at, value, found, interval_of_decorator),
        _ => found.push(Finding::error(at, "decorators are `load`, `always` and `interval`")),
    }
}

fn interval_of_decorator(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    let seconds: Option<u32> = name
        .parse()
        .ok()
        .filter(|_| name.bytes().all(|byte| byte.is_ascii_digit()) && !name.starts_with('0'));
    match seconds {
        // An agent divides by what it reads: of anything that is no number, that is zero, and it dies.
        None => found.push(Finding::error(at, "an interval is a multiple of 60 seconds, from \"60\"")),
        Some(seconds) if seconds % 60 != 0 => {
            found.push(Finding::error(at, "an interval is a multiple of 60 seconds"));
        }
        Some(_) => {}
    }
    statements(at, name, value, found);
}

fn yara(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    match name {
        "signatures" | "file_paths" => each(at, value, found, texts),
        "signature_urls" => texts(at, name, value, found),
        _ => found.push(Finding::error(at, "yara has `signatures`, `signature_urls` and `file_paths`")),
    }
}

fn view(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    identifier(at, name, found);
    match value {
        Value::String(text) => statement(at, text, found),
        _ => found.push(Finding::error(at, "a view is the text of a SELECT")),
    }
}

fn table(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    identifier(at, name, found);
    let Value::Object(members) = value else {
        found.push(Finding::error(at, "a table is an object with `query`, `path` and `columns`"));
        return;
    };
    for member in ["query", "path"] {
        if members.get(member).and_then(Value::as_str).is_none_or(str::is_empty) {
            found.push(Finding::error(at, format!("a table needs the text `{member}`")));
        }
    }
    if let Some(platform) = members.get("platform").filter(|platform| !platform.is_string()) {
        found.push(Finding::error(format!("{at}.platform"), format!("{platform} is no text")));
    }
    let columns = members.get("columns").and_then(Value::as_array);
    let names: Vec<&str> = columns.into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() || columns.is_none_or(|columns| columns.len() != names.len()) {
        found.push(Finding::error(format!("{at}.columns"), "a table needs a list of names of columns"));
    }
    if names.iter().any(|name| name.eq_ignore_ascii_case("path")) {
        let message = "osquery adds a column `path` by itself; this one is lost";
        found.push(Finding::warning(format!("{at}.columns"), message));
    }
}

fn event(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    match name {
        "enable_subscribers" | "disable_subscribers" => texts(at, name, value, found),
        _ => found.push(Finding::error(at, "events has `enable_subscribers` and `disable_subscribers`")),
    }
}

fn target(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    match name {
        "urls" => texts(at, name, value, found),
        "timeout" if value.is_u64() => {}
        "timeout" => found.push(Finding::error(at, "this is a whole number of seconds")),
        _ => found.push(Finding::error(at, "prometheus_targets has `urls` and `timeout`")),
    }
}

/// A name that is written into SQL without quotes.
fn identifier(at: &str, name: &str, found: &mut Vec<Finding>) {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if !plain || !begins || sql::lint(&format!("SELECT 1 FROM {name}")).is_err() {
        let message = format!("`{name}` is no plain name: letters, digits and `_`, and no word of SQL");
        found.push(Finding::error(at, message));
    } else if is_core(name) {
        found.push(Finding::error(at, format!("osquery has a table `{name}` already")));
    }
}

fn texts(at: &str, _name: &str, value: &Value, found: &mut Vec<Finding>) {
    let is_list = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
    if !is_list {
        found.push(Finding::error(at, "this must be a list of texts"));
    }
}

fn statements(at: &str, name: &str, value: &Value, found: &mut Vec<Finding>) {
    texts(at, name, value, found);
    for text in value.as_array().into_iter().flatten().filter_map(Value::as_str) {
        statement(at, text, found);
    }
}

fn statement(at: &str, text: &str, found: &mut Vec<Finding>) {
    if let Err(issue) = sql::lint(text) {
        found.push(Finding::error(at, format!("{} in `{}`", issue.message, shortened(text))));
    }
}

/// The beginning of a text.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
