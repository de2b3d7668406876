//! Keyset pages.

/// Where a row stands in a sort order; the id is always the tie-breaker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Value of the sort column; none when rows are sorted by id alone.
    pub sort: Option<SortValue>,
    /// Inside id of the row.
    pub id: i64,
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The page of rows that were read in the direction of `request`, one more than its limit when there are more.
    #[must_use]
    pub fn of(mut rows: Vec<T>, request: &PageRequest, key: impl Fn(&T) -> Key) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if request.backward {
            rows.reverse();
        }
        Self { items: rows.into_iter().map(|row| (key(&row), row)).collect(), more }
    }

    /// The same page with each item turned into another.
    #[must_use]
    pub fn map<U>(self, turn: impl Fn(T) -> U) -> Page<U> {
        let items = self.items.into_iter().map(|(key, item)| (key, turn(item))).collect();
        Page { items, more: self.more }
    }
}
