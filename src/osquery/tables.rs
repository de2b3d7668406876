//! The names of osquery's own tables: a view or table of a configuration may not have one of them.

/// Names and other names of all tables, a line each. Source: the table specifications of osquery 5.23.
const LIST: &str = include_str!("tables.txt");

/// Whether osquery has a table of this name, on some platform.
#[must_use]
pub fn is_core(name: &str) -> bool {
    LIST.lines().any(|table| table.eq_ignore_ascii_case(name))
}
