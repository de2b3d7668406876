//! The same list of many objects at once: a page of each, and how long each is.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::sea_query::{Alias, Asterisk, Expr, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryResult,
    QuerySelect, QueryTrait, Select, TryGetable, Value,
};

use super::{Key, Page, PageRequest};
use crate::store::StoreError;

/// Selections in one statement; SQLite takes 500.
const TOGETHER: usize = 250;
/// Values in one statement; SQLite takes 32,766, PostgreSQL 65,535.
const VALUES: usize = 30_000;
/// The column that says which selection a row is of.
const PART: &str = "part";

/// The same page of each of several objects. `select` selects that of one; an object without rows has an empty page.
///
/// Each part is limited by itself, so that it costs what it costs alone.
///
/// # Errors
/// When the database fails.
pub async fn pages<E, C, K>(
    db: &C,
    owners: &[K],
    request: &PageRequest,
    select: impl Fn(K) -> Select<E>,
    key: impl Fn(&E::Model) -> Key,
) -> Result<HashMap<K, Page<E::Model>>, StoreError>
where
    E: EntityTrait,
    C: ConnectionTrait,
    K: Copy + Eq + Hash,
{
    let selects = owners.iter().map(|owner| select(*owner).into_query()).collect();
    let found = each(db, selects, |row| E::Model::from_query_result(row, "")).await?;
    let pages = found.into_iter().map(|rows| Page::of(rows, request, &key));
    Ok(owners.iter().copied().zip(pages).collect())
}

/// How many rows of a selection each of several objects has, by the column that names it; one without is left out.
///
/// # Errors
/// When the database fails.
pub(in crate::store) async fn counts<E, C, K>(
    db: &C,
    owners: &[K],
    (select, owner): (Select<E>, E::Column),
) -> Result<HashMap<K, u64>, StoreError>
where
    E: EntityTrait,
    C: ConnectionTrait,
    K: Copy + Eq + Hash + TryGetable + Into<Value>,
{
    let counted = select
        .filter(owner.is_in(owners.iter().copied()))
        .select_only()
        .column(owner)
        .column_as(owner.count(), "rows")
        .group_by(owner);
    let counted: Vec<(K, i64)> = counted.into_tuple().all(db).await?;
    Ok(counted.into_iter().map(|(of, rows)| (of, rows.unsigned_abs())).collect())
}

/// What each of several selections finds, in its order: in one statement for a few hundred of them.
///
/// # Errors
/// When the database fails.
pub(in crate::store) async fn each<C: ConnectionTrait, R>(
    db: &C,
    selects: Vec<SelectStatement>,
    read: impl Fn(&QueryResult) -> Result<R, DbErr>,
) -> Result<Vec<Vec<R>>, StoreError> {
    let backend = db.get_database_backend();
    let mut found = Vec::with_capacity(selects.len());
    for selects in groups(backend, selects) {
        let mut parts: Vec<Vec<R>> = selects.iter().map(|_| Vec::new()).collect();
        let Some(statement) = together(selects) else { continue };
        for row in db.query_all_raw(backend.build(&statement)).await? {
            let part: i32 = row.try_get("", PART)?;
            let part = usize::try_from(part).ok().and_then(|part| parts.get_mut(part));
            part.ok_or_else(|| StoreError::Corrupt("a row of no selection".to_owned()))?.push(read(&row)?);
        }
        found.extend(parts);
    }
    Ok(found)
}

/// Selections by the statement that they fit into.
fn groups(backend: DbBackend, selects: Vec<SelectStatement>) -> Vec<Vec<SelectStatement>> {
    let mut groups: Vec<Vec<SelectStatement>> = Vec::new();
    let mut room = 0;
    for select in selects {
        let values = backend.build(&select).values.map_or(0, |values| values.0.len());
        match groups.last_mut() {
            Some(group) if group.len() < TOGETHER && values <= room => {
                room -= values;
                group.push(select);
            }
            _ => {
                room = VALUES.saturating_sub(values);
                groups.push(vec![select]);
            }
        }
    }
    groups
}

/// Several selections as one, each row with the number of its own; none of none.
fn together(selects: Vec<SelectStatement>) -> Option<SelectStatement> {
    let wrap = |(part, select): (usize, SelectStatement)| {
        let number = Expr::cust(part.to_string());
        Query::select().column(Asterisk).expr_as(number, PART).from_subquery(select, Alias::new("one")).take()
    };
    let mut parts = selects.into_iter().enumerate().map(wrap);
    let mut all = parts.next()?;
    all.unions(parts.map(|part| (UnionType::All, part)));
    Some(all)
}
