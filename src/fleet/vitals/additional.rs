//! Queries that an admin adds to the vitals: asked of every host of their platforms, kept as JSON.

use std::collections::BTreeSet;

use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};

use super::Vital;
use crate::clock::Timestamp;
use crate::fleet::due::{DueItem, Platform};
use crate::fleet::schedule::LabelScope;
use crate::fleet::{FleetError, RejectionCode};
use crate::sql;
use crate::store::host_vitals;

/// Additional queries at most.
const MAX_QUERIES: usize = 50;
/// Characters of a name at most.
const MAX_NAME: usize = 64;
/// What the key of an additional query begins with.
const PREFIX: &str = "extra_";

/// A query that every host is asked beside its vitals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdditionalQuery {
    /// Its name: ASCII letters, digits and `_`.
    pub name: String,
    /// The SQL.
    pub sql: String,
    /// The platforms that are asked; empty for all.
    pub platforms: Vec<Platform>,
    /// When it was added or last changed.
    #[serde(default)]
    pub since: Timestamp,
}

impl AdditionalQuery {
    /// The key that its rows are kept under.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// The query as something that is due.
    pub(super) fn item(&self) -> DueItem {
        DueItem {
            key: self.key().into(),
            sql: self.sql.as_str().into(),
            platforms: self.platforms.clone(),
            team: None,
            labels: LabelScope::default(),
            since: self.since,
        }
    }
}

/// Whether a key is of an additional query.
pub(super) fn is_additional(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// A list as it may be stored.
///
/// # Errors
/// Rejected (`additionalQueries`): too many; a name that is none, is a vital's, or comes twice; SQL that no host can
/// answer.
pub(in crate::fleet) fn checked(list: Vec<AdditionalQuery>) -> Result<Vec<AdditionalQuery>, FleetError> {
    let invalid = |code, message: String| FleetError::rejected(code, "additionalQueries", message);
    if list.len() > MAX_QUERIES {
        return Err(invalid(RejectionCode::LimitExceeded, format!("at most {MAX_QUERIES} queries")));
    }
    let mut names = BTreeSet::new();
    for AdditionalQuery { name, sql, .. } in &list {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_name) {
            let message = format!("`{name}` is no name: 1 to {MAX_NAME} letters, digits and `_`");
            return Err(invalid(RejectionCode::Invalid, message));
        }
        if Vital::of_key(&name.to_ascii_lowercase()).is_some() {
            let message = format!("`{name}` is the name of a vital that every host is asked already");
            return Err(invalid(RejectionCode::NotUnique, message));
        }
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(invalid(RejectionCode::NotUnique, format!("`{name}` comes twice")));
        }
        if let Err(issue) = sql::lint(sql) {
            return Err(invalid(RejectionCode::Invalid, format!("{name}: {}", issue.message)));
        }
    }
    Ok(list)
}

/// The list, each with the time since when it is as it is.
pub(in crate::fleet) fn dated(
    list: Vec<AdditionalQuery>,
    before: &[AdditionalQuery],
    now: Timestamp,
) -> Vec<AdditionalQuery> {
    let since = |query: &AdditionalQuery| {
        let known = before.iter().find(|known| known.name == query.name && known.sql == query.sql);
        known.filter(|known| known.platforms == query.platforms).map_or(now, |known| known.since)
    };
    list.into_iter().map(|query| AdditionalQuery { since: since(&query), ..query }).collect()
}

/// Deletes what hosts told to queries that are not asked any more.
///
/// # Errors
/// Unavailable.
pub(in crate::fleet) async fn forget_removed(
    tx: &DatabaseTransaction,
    before: &[AdditionalQuery],
    after: &[AdditionalQuery],
) -> Result<(), FleetError> {
    let is_gone = |query: &&AdditionalQuery| after.iter().all(|kept| kept.name != query.name);
    let gone: Vec<String> = before.iter().filter(is_gone).map(AdditionalQuery::key).collect();
    Ok(host_vitals::delete_keys(tx, &gone).await?)
}
