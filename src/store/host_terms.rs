//! Table `host_terms`: what hosts are found by beside their names.

use std::collections::{BTreeMap, BTreeSet};

use entity::host_terms::{ActiveModel, Column, Entity};
use entity::id::HostId;
use entity::kind::TermKind;
use sea_orm::sea_query::{ExprTrait, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
};

use super::{StoreError, text};

/// Rows in one statement at most.
const BATCH: usize = 5_000;

/// All terms of one kind that a host is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The host.
    pub host: HostId,
    /// Their kind.
    pub kind: TermKind,
    /// The terms, in lower case.
    pub terms: BTreeSet<String>,
}

/// Puts terms in the place of those that a host had, and answers the hosts where something changed.
///
/// # Errors
/// When the database fails.
pub async fn replace(tx: &DatabaseTransaction, told: Vec<Terms>) -> Result<BTreeSet<HostId>, StoreError> {
    if told.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut stored = stored(tx, told.iter().map(|terms| terms.host)).await?;
    let told: BTreeMap<(HostId, TermKind), BTreeSet<String>> =
        told.into_iter().map(|terms| ((terms.host, terms.kind), terms.terms)).collect();
    let (mut changed, mut new, mut gone) = (BTreeSet::new(), Vec::new(), Condition::any());
    for ((host, kind), terms) in told {
        let before = stored.remove(&(host, kind)).unwrap_or_default();
        if before == terms {
            continue;
        }
        changed.insert(host);
        if !before.is_empty() {
            gone = gone.add(Column::HostId.eq(host).and(Column::Kind.eq(kind)));
        }
        let row = |term| ActiveModel { term: Set(term), kind: Set(kind), host_id: Set(host) };
        new.extend(terms.into_iter().map(row));
    }
    if !gone.is_empty() {
        Entity::delete_many().filter(gone).exec(tx).await?;
    }
    for batch in new.chunks(BATCH) {
        Entity::insert_many(batch.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(changed)
}

/// The terms that hosts have, by host and kind.
async fn stored(
    tx: &DatabaseTransaction,
    hosts: impl Iterator<Item = HostId>,
) -> Result<BTreeMap<(HostId, TermKind), BTreeSet<String>>, StoreError> {
    let hosts: BTreeSet<HostId> = hosts.collect();
    let mut found: BTreeMap<(HostId, TermKind), BTreeSet<String>> = BTreeMap::new();
    for row in Entity::find().filter(Column::HostId.is_in(hosts)).all(tx).await? {
        found.entry((row.host_id, row.kind)).or_default().insert(row.term);
    }
    Ok(found)
}

/// The hosts that have a term which begins with `prefix`.
pub(super) fn hosts_found_by(prefix: &str) -> SelectStatement {
    let found =
        Entity::find().select_only().column(Column::HostId).filter(text::begins(Column::Term, prefix));
    sea_orm::QueryTrait::into_query(found)
}
