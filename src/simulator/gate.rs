//! What a query may do: osquery's authorizer, which also notes the tables it reads.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// The PRAGMAs that osquery allows and that change nothing.
const PRAGMAS: [&str; 4] = ["table_info", "table_xinfo", "function_list", "collation_list"];

/// Stands before a connection: open for our own statements, and for a query only while it reads.
pub(super) struct Gate(Arc<Mutex<Option<BTreeSet<String>>>>);

impl Gate {
    /// Puts a gate before `connection`.
    pub(super) fn before(connection: &Connection) -> rusqlite::Result<Self> {
        let watched = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&watched);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.as_mut().map_or(Authorization::Allow, |tables| judge(&context.action, tables))
        }))?;
        Ok(Self(watched))
    }

    /// Prepares a query by `prepare`; also gives the names of the tables it reads.
    pub(super) fn watch<T>(&self, prepare: impl FnOnce() -> T) -> (T, BTreeSet<String>) {
        self.set(Some(BTreeSet::new()));
        let prepared = prepare();
        (prepared, self.set(None).unwrap_or_default())
    }

    /// Opens or watches; gives what was seen until now.
    fn set(&self, state: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), state)
    }
}

/// Decides on one action of a query.
fn judge(action: &AuthAction<'_>, tables: &mut BTreeSet<String>) -> Authorization {
    match action {
        AuthAction::Read { table_name, .. } => {
            tables.insert((*table_name).to_owned());
            Authorization::Allow
        }
        AuthAction::Select | AuthAction::Function { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Pragma { pragma_name, .. } if PRAGMAS.contains(pragma_name) => Authorization::Allow,
        _ => Authorization::Deny,
    }
}
