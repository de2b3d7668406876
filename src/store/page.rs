//! Keyset pages: of one list, or of the same list of many objects at once.

mod many;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select,
};

pub use many::pages;
pub(super) use many::{counts, each};

use super::StoreError;

/// Where a row stands in a sort order; the id is always the tie-breaker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Value of the sort column; none when rows are sorted by id alone.
    pub sort: Option<SortValue>,
    /// Inside id of the row.
    pub id: i64,
}

impl Key {
    /// Of a row in a list that is sorted by id alone.
    #[must_use]
    pub fn by_id(id: i64) -> Self {
        Self { sort: None, id }
    }
}

/// Value of a sort column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SortValue {
    /// A number or a time.
    Integer(i64),
    /// A text.
    Text(String),
}

/// Which page is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// Rows at most, 1 to 100.
    pub limit: u64,
    /// Only what follows this key in the direction of reading; none from the start.
    pub after: Option<Key>,
    /// Read from the end towards the start (`last`/`before`); items still come in forward order.
    pub backward: bool,
}

impl PageRequest {
    /// The first page of `limit` rows.
    #[must_use]
    pub fn first(limit: u64) -> Self {
        Self { limit, after: None, backward: false }
    }

    /// Reads this page of a selection in ascending order of `id`; `inside` is that of a row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_by_id<E: EntityTrait, C: ConnectionTrait>(
        &self,
        db: &C,
        select: Select<E>,
        (id, inside): (E::Column, impl Fn(&E::Model) -> i64),
    ) -> Result<Page<E::Model>, StoreError> {
        let rows = self.by_id(select, id).all(db).await?;
        Ok(Page::of(rows, self, |row| Key::by_id(inside(row))))
    }

    /// As [`Self::read_by_id`], the largest id first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_newest_first<E: EntityTrait, C: ConnectionTrait>(
        &self,
        db: &C,
        select: Select<E>,
        (id, inside): (E::Column, impl Fn(&E::Model) -> i64),
    ) -> Result<Page<E::Model>, StoreError> {
        let rows = self.newest_first(select, id).all(db).await?;
        Ok(Page::of(rows, self, |row| Key::by_id(inside(row))))
    }

    /// Narrows a selection to this page in ascending order of `id`, and one row more, as [`Page::of`] wants it.
    #[must_use]
    pub fn by_id<E: EntityTrait>(&self, select: Select<E>, id: E::Column) -> Select<E> {
        self.in_order_of_id(select, id, Order::Asc)
    }

    /// As [`Self::by_id`], the largest id first.
    #[must_use]
    pub fn newest_first<E: EntityTrait>(&self, select: Select<E>, id: E::Column) -> Select<E> {
        self.in_order_of_id(select, id, Order::Desc)
    }

    /// As [`Self::by_id`], in the order of an expression that is never null, then of `id`. A key without a value to
    /// sort by narrows nothing.
    #[must_use]
    pub fn sorted<E: EntityTrait>(
        &self,
        select: Select<E>,
        by: Expr,
        id: E::Column,
        forward: Order,
    ) -> Select<E> {
        let order = self.direction(forward);
        let key = self.after.as_ref().and_then(|key| Some((Expr::from(key.sort.clone()?), key.id)));
        let after = key.map(|(value, after_id)| {
            let here = Expr::tuple([by.clone(), Expr::col(id.as_column_ref())]);
            let beyond = beyond(here, Expr::tuple([value.clone(), Expr::val(after_id)]), &order);
            // SQLite seeks an index over an expression only by the expression itself, not as part of a tuple.
            beyond.and(not_before(by.clone(), value, &order))
        });
        let select = after.into_iter().fold(select, Select::filter);
        select.order_by(by, order.clone()).order_by(id, order).limit(self.limit + 1)
    }

    fn in_order_of_id<E: EntityTrait>(&self, select: Select<E>, id: E::Column, forward: Order) -> Select<E> {
        let order = self.direction(forward);
        let after = self.after.as_ref();
        let after = after.map(|key| beyond(Expr::col(id.as_column_ref()), Expr::val(key.id), &order));
        let select = after.into_iter().fold(select, Select::filter);
        select.order_by(id, order).limit(self.limit + 1)
    }

    /// The direction of reading in a list with this direction.
    fn direction(&self, forward: Order) -> Order {
        match (self.backward, forward) {
            (true, Order::Asc) => Order::Desc,
            (true, Order::Desc) => Order::Asc,
            (_, forward) => forward,
        }
    }
}

impl From<SortValue> for Expr {
    fn from(value: SortValue) -> Self {
        match value {
            SortValue::Integer(value) => Expr::val(value),
            SortValue::Text(value) => Expr::val(value),
        }
    }
}

/// Whether `here` comes after `key` when read in `order`.
fn beyond(here: Expr, key: Expr, order: &Order) -> Expr {
    match order {
        Order::Desc => here.lt(key),
        _ => here.gt(key),
    }
}

/// Whether `here` does not come before `value` when read in `order`.
fn not_before(here: Expr, value: Expr, order: &Order) -> Expr {
    match order {
        Order::Desc => here.lte(value),
        _ => here.gte(value),
    }
}

/// A page of rows in forward order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, each with its key.
    pub items: Vec<(Key, T)>,
    /// Whether more rows follow in the direction of reading.
    pub more: bool,
}

impl<T> Page<T> {
    /// The page of a list without rows.
    #[must_use]
    pub fn empty() -> Self {
        Self { items: Vec::new(), more: false }
    }

    /// The page that was read: rows in the direction of reading, one more than asked for when more follow.
    pub fn of(mut rows: Vec<T>, request: &PageRequest, key: impl Fn(&T) -> Key) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if request.backward {
            rows.reverse();
        }
        Self { items: rows.into_iter().map(|row| (key(&row), row)).collect(), more }
    }

    /// The same page of something made from each row.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(|(key, row)| (key, make(row))).collect(), more: self.more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_in_forward_order_and_says_whether_more_follow() {
        let key = |id: &i64| Key { sort: None, id: *id };
        let ids = |page: Page<i64>| page.items.into_iter().map(|(_, id)| id).collect::<Vec<_>>();
        let forward = Page::of(vec![1, 2, 3], &PageRequest::first(2), key);
        assert!(forward.more);
        assert_eq!(ids(forward), [1, 2]);
        let request = PageRequest { limit: 3, after: None, backward: true };
        let backward = Page::of(vec![3, 2, 1], &request, key);
        assert!(!backward.more);
        assert_eq!(ids(backward), [1, 2, 3]);
    }
}
