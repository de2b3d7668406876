//! osquery's SQL: what is refused before any host is asked.
//!
//! Words and statements are told apart by `sqlparser`'s tokenizer; grammar is judged by `SQLite` itself, the same
//! parser that osquery carries, so that nothing a host would understand is refused. Tables, columns and functions
//! are not looked at: only the host knows which it has.

mod grammar;
mod names;
mod reading;
mod split;
mod tokens;

pub use names::names;
pub use split::{Piece, split};
use tokens::Tokens;

/// The longest accepted SQL text, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The deepest accepted nesting of parentheses; agents with an older `SQLite` stop at about as many.
const MAX_NESTING: usize = 100;

/// Why SQL was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlIssue {
    /// For people.
    pub message: String,
    /// Line and column, from 1, when known.
    pub location: Option<(u64, u64)>,
}

impl SqlIssue {
    /// An issue of the text as a whole.
    fn of_text(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: None }
    }

    /// An issue at line and column.
    fn at(location: (u64, u64), message: impl Into<String>) -> Self {
        Self { message: message.into(), location: Some(location) }
    }
}

/// Checks that `sql` is one statement a host can answer: not empty or only comments, at most 64 KiB, no NUL, one
/// statement, and it reads (SELECT, WITH, VALUES, EXPLAIN, PRAGMA of the kinds osquery allows). What the parser
/// does not know but a host might is accepted.
///
/// # Errors
/// What is wrong, and where.
pub fn lint(sql: &str) -> Result<(), SqlIssue> {
    check_text(sql)?;
    let tokens = Tokens::of(sql)?;
    check_statements(&tokens)?;
    check_nesting(&tokens)?;
    reading::check(tokens.words())?;
    grammar::check(sql)
}

/// Checks what needs no reading of the text.
fn check_text(sql: &str) -> Result<(), SqlIssue> {
    if sql.len() > MAX_BYTES {
        let message = format!("the SQL is {} bytes long; at most {MAX_BYTES} are accepted", sql.len());
        return Err(SqlIssue::of_text(message));
    }
    match sql.find('\0') {
        Some(offset) => Err(SqlIssue::at(tokens::location(sql, offset), "the SQL contains a NUL character")),
        None => Ok(()),
    }
}

/// Checks that there is one statement: osquery loses the columns of later ones.
fn check_statements(tokens: &Tokens) -> Result<(), SqlIssue> {
    if tokens.words().is_empty() {
        return Err(SqlIssue::of_text("the SQL has no statement: it is empty or only comments"));
    }
    match tokens.second_statement() {
        Some(location) => {
            Err(SqlIssue::at(location, "only one statement is accepted; a second one begins here"))
        }
        None => Ok(()),
    }
}

/// Checks that parentheses are not nested without end.
fn check_nesting(tokens: &Tokens) -> Result<(), SqlIssue> {
    match tokens.deeper_than(MAX_NESTING) {
        Some(location) => {
            let message = format!("parentheses are nested more than {MAX_NESTING} deep");
            Err(SqlIssue::at(location, message))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
