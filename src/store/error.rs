//! What can go wrong in the database, and whom it blames.

use std::sync::Arc;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::PgDatabaseError;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// A failure of the database.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or was not reached.
    #[error("the database failed")]
    Database(#[from] DbErr),
    /// A stored value is not what this version writes.
    #[error("a stored value can't be read: {0}")]
    Corrupt(String),
    /// The schema is newer than this binary, or a migration failed.
    #[error("{0}")]
    Schema(String),
    /// An installation can't be moved from one database to another.
    #[error("{0}")]
    Transfer(String),
    /// It was not done in time.
    #[error("the database did not answer in time")]
    Late,
    /// The settings can't lead to a database.
    #[error("{0}")]
    Settings(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error))))
    }
}

impl StoreError {
    /// Whether the database blames the data it was given: SQLSTATE classes 22 and 23; CONSTRAINT, MISMATCH and TOOBIG
    /// of SQLite. Everything else may succeed when it is tried again.
    #[must_use]
    pub fn blames_data(&self) -> bool {
        self.database_error().is_some_and(|error| {
            let code = error.code().unwrap_or_default();
            if error.try_downcast_ref::<PgDatabaseError>().is_some() {
                sqlstate_blames_data(&code)
            } else {
                code.parse().is_ok_and(sqlite_blames_data)
            }
        })
    }

    /// Whether the database is away, busy, or short of something: what fails for it now may succeed later, as it is.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Late | Self::Database(DbErr::ConnectionAcquire(_)) => true,
            Self::Database(DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) => match error {
                RuntimeErr::SqlxError(error) => is_passing(error),
                RuntimeErr::Internal(_) => false,
            },
            _ => false,
        }
    }

    /// Whether a row with the same unique value is there already.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        self.database_error().is_some_and(DatabaseError::is_unique_violation)
    }

    /// Whether another process has the SQLite file locked.
    pub(super) fn is_locked(&self) -> bool {
        self.database_error().is_some_and(|error| {
            error.code().is_some_and(|code| code.parse::<u32>().is_ok_and(|code| code & 0xff == SQLITE_BUSY))
        })
    }

    /// What the database itself said; none when it was not reached.
    fn database_error(&self) -> Option<&dyn DatabaseError> {
        let Self::Database(DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = self else {
            return None;
        };
        match error {
            RuntimeErr::SqlxError(error) => match error.as_ref() {
                sqlx::Error::Database(error) => Some(error.as_ref()),
                _ => None,
            },
            RuntimeErr::Internal(_) => None,
        }
    }
}

/// Whether it is no mistake in how the database is reached, nor an answer that it would give again.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => sqlstate_is_passing(&error.code().unwrap_or_default()),
        error => matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut),
    }
}

/// Whether an SQLSTATE is of a class that passes: connection, rollback, resources, state, intervention, system.
fn sqlstate_is_passing(code: &str) -> bool {
    ["08", "25", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class))
}

/// Whether an SQLSTATE is of class 22 (data exception) or 23 (integrity constraint violation).
fn sqlstate_blames_data(code: &str) -> bool {
    code.starts_with("22") || code.starts_with("23")
}

/// SQLite's word for a file that somebody else has locked.
const SQLITE_BUSY: u32 = 5;

/// Whether the primary part of an extended SQLite result code is TOOBIG, CONSTRAINT or MISMATCH.
fn sqlite_blames_data(code: u32) -> bool {
    const TOOBIG: u32 = 18;
    const CONSTRAINT: u32 = 19;
    const MISMATCH: u32 = 20;
    matches!(code & 0xff, TOOBIG | CONSTRAINT | MISMATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates_of_data_and_of_the_server() {
        for data in ["22001", "22P02", "23505", "23503"] {
            assert!(sqlstate_blames_data(data), "{data}");
        }
        for server in ["40P01", "57014", "08006", "53100", "25P03"] {
            assert!(!sqlstate_blames_data(server), "{server}");
        }
    }

    #[test]
    fn sqlite_codes_of_data_and_of_the_server() {
        // UNIQUE, PRIMARYKEY, FOREIGNKEY, TOOBIG, MISMATCH
        for data in [2067, 1555, 787, 18, 20] {
            assert!(sqlite_blames_data(data), "{data}");
        }
        // BUSY, BUSY_SNAPSHOT, LOCKED, IOERR, FULL
        for server in [5, 517, 6, 10, 13] {
            assert!(!sqlite_blames_data(server), "{server}");
        }
    }

    #[test]
    fn what_passes_and_what_stays() {
        for passing in ["57P03", "57P01", "53300", "08006", "40P01", "25P03", "55P03"] {
            assert!(sqlstate_is_passing(passing), "{passing}");
        }
        // A wrong password, no such database, no right, no such table.
        for lasting in ["28P01", "3D000", "42501", "42P01", "23505"] {
            assert!(!sqlstate_is_passing(lasting), "{lasting}");
        }
        assert!(StoreError::Late.is_passing());
        assert!(!StoreError::Schema("newer".to_owned()).is_passing());
    }

    #[test]
    fn what_was_not_said_by_the_database_blames_nobody() {
        let error = StoreError::Database(DbErr::Conn(RuntimeErr::Internal("gone".into())));
        assert!(!error.blames_data());
        assert!(!error.is_unique_violation());
    }
}
