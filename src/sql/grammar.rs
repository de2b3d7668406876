//! The grammar, as `SQLite` itself has it.
//!
//! `SQLite` parses a whole statement before it compiles any of it, and asks its authorizer before it looks up a
//! name. With an authorizer that refuses everything only the parser ever runs: "not authorized" means that the
//! grammar is sound, and costs nothing but the parse, however the statement would multiply when compiled.

use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::{Connection, Error, ErrorCode};

use super::{SqlIssue, tokens};

/// Checks the grammar of one statement.
pub(super) fn check(sql: &str) -> Result<(), SqlIssue> {
    let Err(error) = parse(sql) else { return Ok(()) };
    match error {
        _ if error.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied) => Ok(()),
        Error::SqlInputError { msg, offset, .. } => {
            let location = usize::try_from(offset).ok().map(|offset| tokens::location(sql, offset));
            Err(SqlIssue { message: msg, location })
        }
        other => Err(SqlIssue::of_text(other.to_string())),
    }
}

/// Lets `SQLite` parse `sql`, and stops it there.
fn parse(sql: &str) -> rusqlite::Result<()> {
    let connection = Connection::open_in_memory()?;
    connection.authorizer(Some(|_: AuthContext<'_>| Authorization::Deny))?;
    connection.prepare(sql).map(drop)
}
