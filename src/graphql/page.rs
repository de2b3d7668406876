//! Which page is asked for, and the cursors between pages.

use crate::auth::Keys;
use crate::fleet::hosts::{HostSort, HostSortField, Key, PageRequest, SortValue};
use crate::fleet::policies::{PolicySort, PolicySortField};

use super::error::{Failure, Result};
use super::scalars::Text;

/// Rows of a page at most.
const MAX_ROWS: u64 = 100;
/// Rows of a page when the client does not say.
pub(super) const DEFAULT_ROWS: i32 = 20;

/// A list in one order: a cursor of one is not valid in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List(&'static str);

impl List {
    /// Teams by id.
    pub const TEAMS: Self = Self("page:teams");
    /// Labels by id.
    pub const LABELS: Self = Self("page:labels");
    /// Failures of a label by host.
    pub const LABEL_FAILURES: Self = Self("page:label_failures");
    /// Saved queries by id.
    pub const SAVED_QUERIES: Self = Self("page:saved_queries");
    /// Reports by id.
    pub const REPORTS: Self = Self("page:reports");
    /// Queries of a host's schedule, by their id.
    pub const SCHEDULED_QUERIES: Self = Self("page:scheduled_queries");
    /// Hosts that have a query on their schedule, by id.
    pub const QUERY_HOSTS: Self = Self("page:query_hosts");
    /// Packs by id.
    pub const PACKS: Self = Self("page:packs");
    /// How hosts stand to a policy, by host.
    pub const POLICY_HOSTS: Self = Self("page:policy_hosts");
    /// How a host stands to policies, failing ones first.
    pub const HOST_POLICIES: Self = Self("page:host_policies");
    /// How a host came to stand to a policy, newest first.
    pub const POLICY_TURNS: Self = Self("page:policy_turns");
    /// Campaigns, newest first.
    pub const CAMPAIGNS: Self = Self("page:campaigns");
    /// Targets of a campaign by host id.
    pub const TARGETS: Self = Self("page:targets");
    /// Answers of a host, newest campaign first.
    pub const HOST_ANSWERS: Self = Self("page:host_answers");
    /// Sessions of a user, newest first.
    pub const SESSIONS: Self = Self("page:sessions");
    /// API tokens, newest first.
    pub const API_TOKENS: Self = Self("page:api_tokens");
    /// Activities, newest first.
    pub const ACTIVITIES: Self = Self("page:activities");
    /// Users by id.
    pub const USERS: Self = Self("page:users");
    /// Invitations by id.
    pub const INVITATIONS: Self = Self("page:invitations");
    /// Enroll secrets by id.
    pub const ENROLL_SECRETS: Self = Self("page:enroll_secrets");

    /// Hosts in one of their orders.
    #[must_use]
    pub fn hosts(sort: HostSort) -> Self {
        Self(match (sort.field, sort.descending) {
            (HostSortField::Hostname, false) => "page:hosts:hostname:asc",
            (HostSortField::Hostname, true) => "page:hosts:hostname:desc",
            (HostSortField::LastSeenAt, false) => "page:hosts:last_seen_at:asc",
            (HostSortField::LastSeenAt, true) => "page:hosts:last_seen_at:desc",
            (HostSortField::EnrolledAt, false) => "page:hosts:enrolled_at:asc",
            (HostSortField::EnrolledAt, true) => "page:hosts:enrolled_at:desc",
            (HostSortField::DiskFreeBytes, false) => "page:hosts:disk_free_bytes:asc",
            (HostSortField::DiskFreeBytes, true) => "page:hosts:disk_free_bytes:desc",
            (HostSortField::BootedAt, false) => "page:hosts:booted_at:asc",
            (HostSortField::BootedAt, true) => "page:hosts:booted_at:desc",
        })
    }

    /// Policies in one of their orders.
    #[must_use]
    pub fn policies(sort: PolicySort) -> Self {
        Self(match (sort.field, sort.descending) {
            (PolicySortField::CreatedAt, false) => "page:policies:created_at:asc",
            (PolicySortField::CreatedAt, true) => "page:policies:created_at:desc",
            (PolicySortField::Name, false) => "page:policies:name:asc",
            (PolicySortField::Name, true) => "page:policies:name:desc",
            (PolicySortField::Failing, false) => "page:policies:failing:asc",
            (PolicySortField::Failing, true) => "page:policies:failing:desc",
        })
    }

    /// The cursor of a row.
    #[must_use]
    pub fn seal(self, keys: &Keys, key: &Key) -> String {
        keys.seal(self.0, &encode(key))
    }

    /// The row of a cursor.
    ///
    /// # Errors
    /// The cursor is not ours, was changed, or belongs to another list.
    pub fn open(self, keys: &Keys, cursor: &str) -> Result<Key> {
        let plain = keys.open(self.0, cursor);
        plain
            .and_then(|plain| decode(&plain))
            .ok_or_else(|| Failure::bad_input("the cursor is not valid here"))
    }

    /// The page of the first `first` rows after a cursor.
    ///
    /// # Errors
    /// `first` is out of range; the cursor is not valid here.
    pub fn forward(self, keys: &Keys, first: i32, after: Option<&Text>) -> Result<PageRequest> {
        Ok(PageRequest {
            limit: rows("first", first)?,
            after: after.map(|cursor| self.open(keys, &cursor.0)).transpose()?,
            backward: false,
        })
    }

    /// The page of the last `last` rows before a cursor.
    ///
    /// # Errors
    /// `last` is out of range; the cursor is not valid here.
    pub fn backward(self, keys: &Keys, last: i32, before: Option<&Text>) -> Result<PageRequest> {
        Ok(PageRequest {
            limit: rows("last", last)?,
            after: before.map(|cursor| self.open(keys, &cursor.0)).transpose()?,
            backward: true,
        })
    }
}

/// The arguments of a list that can be read from both ends.
pub struct BothWays {
    /// Rows from the start.
    pub first: Option<i32>,
    /// Only what follows this cursor.
    pub after: Option<Text>,
    /// Rows from the end.
    pub last: Option<i32>,
    /// Only what precedes this cursor.
    pub before: Option<Text>,
}

impl BothWays {
    /// The page they ask for: from the start unless `last` or `before` is given.
    ///
    /// # Errors
    /// Both directions at once; a number out of range; a cursor that is not valid here.
    pub fn of(&self, list: List, keys: &Keys) -> Result<PageRequest> {
        match (self.first, &self.after, self.last, &self.before) {
            (rows, after, None, None) => list.forward(keys, rows.unwrap_or(DEFAULT_ROWS), after.as_ref()),
            (None, None, rows, before) => list.backward(keys, rows.unwrap_or(DEFAULT_ROWS), before.as_ref()),
            _ => Err(Failure::bad_input("use `first` and `after`, or `last` and `before`, not both")),
        }
    }
}

/// A number of rows, checked.
///
/// # Errors
/// It is not between 1 and 100.
pub fn rows(argument: &str, number: i32) -> Result<u64> {
    let rows = u64::try_from(number).ok().filter(|rows| (1..=MAX_ROWS).contains(rows));
    rows.ok_or_else(|| Failure::bad_input(format!("`{argument}` must be between 1 and {MAX_ROWS}")))
}

/// The id, then a tag and the value of the sort column.
fn encode(key: &Key) -> Vec<u8> {
    let mut plain = key.id.to_be_bytes().to_vec();
    match &key.sort {
        None => plain.push(0),
        Some(SortValue::Integer(number)) => {
            plain.push(1);
            plain.extend(number.to_be_bytes());
        }
        Some(SortValue::Text(text)) => {
            plain.push(2);
            plain.extend(text.as_bytes());
        }
    }
    plain
}

fn decode(plain: &[u8]) -> Option<Key> {
    let (id, rest) = plain.split_first_chunk()?;
    let sort = match rest.split_first()? {
        (0, []) => None,
        (1, number) => Some(SortValue::Integer(i64::from_be_bytes(number.try_into().ok()?))),
        (2, text) => Some(SortValue::Text(String::from_utf8(text.to_vec()).ok()?)),
        _ => return None,
    };
    Some(Key { sort, id: i64::from_be_bytes(*id) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> Keys {
        Keys::derive(&[7; 32])
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let sort = prop_oneof![
            Just(None),
            any::<i64>().prop_map(|number| Some(SortValue::Integer(number))),
            any::<String>().prop_map(|text| Some(SortValue::Text(text))),
        ];
        (sort, any::<i64>()).prop_map(|(sort, id)| Key { sort, id })
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_the_key_it_was(key in any_key()) {
            let cursor = List::TEAMS.seal(&keys(), &key);
            prop_assert_eq!(List::TEAMS.open(&keys(), &cursor).ok(), Some(key));
        }

        #[test]
        fn a_changed_cursor_is_refused(key in any_key(), at in any::<prop::sample::Index>()) {
            let mut cursor = List::TEAMS.seal(&keys(), &key).into_bytes();
            let at = at.index(cursor.len());
            cursor[at] = if cursor[at] == b'-' { b'_' } else { b'-' };
            let cursor = String::from_utf8(cursor).expect("base64 stays ASCII");
            prop_assert!(List::TEAMS.open(&keys(), &cursor).is_err());
        }

        #[test]
        fn no_garbage_is_a_key(plain in any::<Vec<u8>>()) {
            if let Some(key) = decode(&plain) {
                prop_assert_eq!(encode(&key), plain);
            }
        }
    }

    #[test]
    fn a_cursor_of_another_order_is_refused() {
        let key = Key { sort: Some(SortValue::Integer(3)), id: 1 };
        let up = HostSort { field: HostSortField::LastSeenAt, descending: false };
        let down = HostSort { descending: true, ..up };
        let cursor = List::hosts(up).seal(&keys(), &key);
        assert!(List::hosts(down).open(&keys(), &cursor).is_err());
    }

    #[test]
    fn a_page_has_1_to_100_rows() {
        for number in [i32::MIN, -1, 0, 101, i32::MAX] {
            assert!(rows("first", number).is_err(), "{number}");
        }
        assert_eq!(rows("first", 1).ok(), Some(1));
        assert_eq!(rows("first", 100).ok(), Some(100));
    }

    #[test]
    fn a_page_is_read_in_one_direction() {
        let ask = |first, last| BothWays { first, after: None, last, before: None }.of(List::TEAMS, &keys());
        assert_eq!(ask(None, None).ok(), Some(PageRequest::first(20)));
        assert_eq!(ask(None, Some(3)).ok(), Some(PageRequest { limit: 3, after: None, backward: true }));
        assert!(ask(Some(1), Some(1)).is_err());
    }
}
