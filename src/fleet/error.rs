//! What a verb answers instead of its result.

use crate::policy::Denied;
use crate::sql::SqlIssue;
use crate::store::StoreError;

/// Why a verb did not do it. Each face has one total match from this to its own form.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FleetError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The object is absent, or not visible to the actor.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The input can be mended by the caller; nothing was done.
    #[error("the input was not accepted: {}", .0.iter().map(|r| r.message.as_str()).collect::<Vec<_>>().join("; "))]
    Rejected(Vec<Rejection>),
    /// A page or event cursor is not ours, was changed, or belongs to something else.
    #[error("the cursor is not valid here")]
    InvalidCursor,
    /// The events after the cursor were removed by retention.
    #[error("the events after this cursor were removed by retention")]
    CursorExpired,
    /// Too many tries; the caller may come back after so many seconds.
    #[error("too many tries; come back in {0} s")]
    RateLimited(u64),
    /// The database could not be asked; nothing is said about the object.
    #[error("the service is not available now")]
    Unavailable(#[source] StoreError),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

use std::sync::Arc;

impl From<StoreError> for FleetError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<sea_orm::DbErr> for FleetError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Unavailable(error.into())
    }
}

impl FleetError {
    /// A fault of ours, whatever it was.
    #[must_use]
    pub fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(error))
    }

    /// An object that is absent or not visible, as a mistake in the input at `path`; other errors as they are.
    #[must_use]
    pub fn as_rejection(self, path: &'static str) -> Self {
        match self {
            Self::NotFound(what) => {
                Self::rejected(RejectionCode::NotFound, path, format!("this {what} is not there"))
            }
            other => other,
        }
    }

    /// SQL that the lint does not accept.
    #[must_use]
    pub fn sql(path: &'static str, issue: SqlIssue) -> Self {
        let (code, message, location) = (RejectionCode::SqlInvalid, issue.message, issue.location);
        Self::Rejected(vec![Rejection { code, path, message, location }])
    }

    /// One mistake in the input.
    #[must_use]
    pub fn rejected(code: RejectionCode, path: &'static str, message: impl Into<String>) -> Self {
        Self::Rejected(vec![Rejection { code, path, message: message.into(), location: None }])
    }
}

/// A mistake in the input that the caller can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// For programs.
    pub code: RejectionCode,
    /// Path in the input, its parts joined by `.`, in the API's spelling: `targets.filter.teamIds`.
    pub path: &'static str,
    /// For people.
    pub message: String,
    /// Line and column in SQL, from 1.
    pub location: Option<(u64, u64)>,
}

/// Kinds of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionCode {
    /// A value is not acceptable.
    Invalid,
    /// The SQL was not accepted.
    SqlInvalid,
    /// E-mail or password is wrong.
    InvalidCredentials,
    /// The caller's roles do not allow it.
    NotAllowed,
    /// The name is taken.
    NotUnique,
    /// The object is absent or not visible.
    NotFound,
    /// The object changed since it was read.
    VersionConflict,
    /// The idempotency key was used for another input.
    IdempotencyKeyReused,
    /// A limit of the server.
    LimitExceeded,
    /// The selection holds no host.
    NoTargets,
    /// Something else needs the object.
    InUse,
}
