//! Mistakes the caller can mend: data of a payload, not errors of the answer.

use async_graphql::{Enum, Interface, SimpleObject};

use super::error::Result;
use super::scalars::int;
use crate::fleet::{FleetError, Rejection, RejectionCode};
use crate::policy::Denied;

/// Codes of user errors; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "RejectionCode")]
pub enum UserErrorCode {
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
    /// The key was used for another input.
    IdempotencyKeyReused,
    /// A limit of the server.
    LimitExceeded,
    /// The selection holds no host.
    NoTargets,
    /// Something else needs the object.
    InUse,
}

/// A mistake the caller can mend, as data.
#[derive(Clone, Debug, PartialEq, Eq, Interface)]
#[graphql(
    field(name = "message", ty = "&String", desc = "For people."),
    field(name = "path", ty = "&Option<Vec<String>>", desc = "Path in the input."),
    field(name = "code", ty = "&UserErrorCode", desc = "For programs.")
)]
pub enum UserError {
    /// Of any kind.
    Input(InputError),
    /// Of SQL.
    Sql(SqlError),
}

/// A plain input error.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct InputError {
    /// For people.
    message: String,
    /// Path in the input.
    path: Option<Vec<String>>,
    /// For programs.
    code: UserErrorCode,
}

/// The SQL was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct SqlError {
    /// For people.
    message: String,
    /// Path in the input.
    path: Option<Vec<String>>,
    /// For programs.
    code: UserErrorCode,
    /// Line, from 1.
    line: Option<i32>,
    /// Column, from 1.
    column: Option<i32>,
}

impl From<Rejection> for UserError {
    fn from(rejection: Rejection) -> Self {
        let Rejection { code, path, message, location } = rejection;
        let path = (!path.is_empty()).then(|| path.split('.').map(str::to_owned).collect());
        if code != RejectionCode::SqlInvalid {
            return Self::Input(InputError { message, path, code: code.into() });
        }
        let (line, column) = location.map(|(line, column)| (int(line), int(column))).unzip();
        Self::Sql(SqlError { message, path, code: code.into(), line, column })
    }
}

/// What a mutation made, or what its caller has to mend.
///
/// # Errors
/// Not signed in, a limit, or a fault: those are errors of the answer.
pub fn settle<T>(outcome: std::result::Result<T, FleetError>) -> Result<(Option<T>, Vec<UserError>)> {
    match outcome {
        Ok(made) => Ok((Some(made), Vec::new())),
        Err(FleetError::Rejected(rejections)) => {
            Ok((None, rejections.into_iter().map(UserError::from).collect()))
        }
        Err(FleetError::Denied(denied @ Denied::Forbidden)) => {
            let code = UserErrorCode::NotAllowed;
            Ok((None, vec![UserError::Input(InputError { message: denied.to_string(), path: None, code })]))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_data() {
        let error = FleetError::rejected(RejectionCode::NotFound, "targets.hostIds", "no such host");
        let (made, errors) = settle::<()>(Err(error)).expect("a rejection is no failure");
        assert_eq!(made, None);
        let path = Some(vec!["targets".to_owned(), "hostIds".to_owned()]);
        let expected = InputError { message: "no such host".into(), path, code: UserErrorCode::NotFound };
        assert_eq!(errors, [UserError::Input(expected)]);
    }

    #[test]
    fn refused_sql_says_where() {
        let rejection = Rejection {
            code: RejectionCode::SqlInvalid,
            path: "source.sql",
            message: "unexpected )".to_owned(),
            location: Some((2, 7)),
        };
        let UserError::Sql(error) = UserError::from(rejection) else { panic!("not an SqlError") };
        assert_eq!((error.line, error.column), (Some(2), Some(7)));
    }

    #[test]
    fn who_is_not_signed_in_gets_an_error() {
        assert!(settle::<()>(Err(FleetError::Denied(Denied::Unauthenticated))).is_err());
        assert!(settle::<()>(Err(FleetError::Denied(Denied::Forbidden))).is_ok());
    }
}
