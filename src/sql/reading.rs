//! Whether a statement only reads, told from its keywords.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::SqlIssue;
use super::tokens::{start, with_depth};

/// The PRAGMAs that osquery's authorizer lets through.
const PRAGMAS: [&str; 6] =
    ["table_info", "table_xinfo", "function_list", "journal_mode", "case_sensitive_like", "collation_list"];

/// Checks the words of one statement. EXPLAIN of an EXPLAIN is left to the grammar, which has no such thing.
pub(super) fn check(words: &[TokenWithSpan]) -> Result<(), SqlIssue> {
    let words = if starts_with(words, "EXPLAIN") { explained(words) } else { words };
    let Some(first) = words.first() else { return Ok(()) };
    match keyword(first).unwrap_or_default().as_str() {
        "SELECT" | "VALUES" | "EXPLAIN" => Ok(()),
        "WITH" => check_with(words),
        "PRAGMA" => check_pragma(&words[1..]),
        _ => {
            let message = format!(
                "only statements that read are accepted (SELECT, WITH, VALUES, EXPLAIN), not {}",
                first.token
            );
            Err(SqlIssue::at(start(first), message))
        }
    }
}

/// Checks that what follows the common table expressions reads.
fn check_with(words: &[TokenWithSpan]) -> Result<(), SqlIssue> {
    let verb = with_depth(words).find(|(word, depth)| {
        *depth == 0
            && keyword(word).is_some_and(|word| {
                matches!(word.as_str(), "SELECT" | "VALUES" | "INSERT" | "UPDATE" | "DELETE" | "INTO")
            })
    });
    match verb {
        Some((word, _)) if !matches!(keyword(word).as_deref(), Some("SELECT" | "VALUES")) => {
            Err(SqlIssue::at(
                start(word),
                "WITH must be followed by a SELECT: only statements that read are accepted",
            ))
        }
        _ => Ok(()),
    }
}

/// The statement that EXPLAIN or EXPLAIN QUERY PLAN is about.
fn explained(words: &[TokenWithSpan]) -> &[TokenWithSpan] {
    let rest = words.get(1..).unwrap_or_default();
    if starts_with(rest, "QUERY") { rest.get(2..).unwrap_or_default() } else { rest }
}

/// Checks the name of a PRAGMA, given the words after that keyword.
fn check_pragma(words: &[TokenWithSpan]) -> Result<(), SqlIssue> {
    let qualified = words.get(1).is_some_and(|word| word.token == Token::Period);
    let Some(name) = words.get(if qualified { 2 } else { 0 }) else { return Ok(()) };
    let known = matches!(&name.token, Token::Word(word) if PRAGMAS.iter().any(|known| known.eq_ignore_ascii_case(&word.value)));
    if known {
        return Ok(());
    }
    let message = format!("osquery does not allow PRAGMA {}; it allows {}", name.token, PRAGMAS.join(", "));
    Err(SqlIssue::at(start(name), message))
}

/// Whether the first word is the unquoted `wanted`, given in capitals.
fn starts_with(words: &[TokenWithSpan], wanted: &str) -> bool {
    words.first().and_then(keyword).as_deref() == Some(wanted)
}

/// An unquoted word in capitals.
fn keyword(word: &TokenWithSpan) -> Option<String> {
    match &word.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    }
}
