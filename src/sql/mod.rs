//! osquery's SQL: what is refused before any host is asked.

/// Why SQL was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlIssue {
    /// For people.
    pub message: String,
    /// Line and column, from 1, when known.
    pub location: Option<(u64, u64)>,
}

/// Checks that `sql` is one statement a host can answer: not empty or only comments, at most 64 KiB, no NUL, one
/// statement, and it reads (SELECT, WITH, VALUES, EXPLAIN, PRAGMA of the kinds osquery allows). What the parser
/// does not know but a host might is accepted.
///
/// # Errors
/// What is wrong, and where.
pub fn lint(_sql: &str) -> Result<(), SqlIssue> {
    todo!()
}
