//! What can go wrong in the database, and whom it blames.

use sea_orm::DbErr;

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
}
