//! What a host is found by beside its names: its addresses, and the people who have accounts.

use std::collections::BTreeSet;

use entity::id::HostId;
use entity::kind::TermKind;

use super::Vital;
use super::details::{address_of, is_of_outside, number, text};
use crate::fleet::due::Row;
use crate::store::host_terms::Terms;

/// Terms of a kind at most.
const MAX_TERMS: usize = 50;
/// Accounts with smaller numbers are the system's: on macOS below 500, elsewhere below 1,000.
const FIRST_PERSON: i64 = 500;

/// The terms of a host; none for a kind that was not told.
pub(super) fn of(host: HostId, told: &[(Vital, Vec<Row>)]) -> Vec<Terms> {
    let of = |vital, kind, term: fn(&Row) -> Option<String>| {
        let (_, rows) = told.iter().find(|(known, _)| *known == vital)?;
        let terms: BTreeSet<String> = rows.iter().filter_map(term).take(MAX_TERMS).collect();
        Some(Terms { host, kind, terms })
    };
    let addresses = of(Vital::Interfaces, TermKind::Address, address);
    let users = of(Vital::Users, TermKind::User, person);
    addresses.into_iter().chain(users).collect()
}

fn address(row: &Row) -> Option<String> {
    address_of(row).filter(is_of_outside).map(|address| address.to_string())
}

/// The name of a person's account; the system's own are everywhere.
fn person(row: &Row) -> Option<String> {
    let name = text(row, "username")?;
    let is_special = row.get("type").is_some_and(|kind| kind == "special") || name == "nobody";
    let is_person = number::<i64>(row, "uid").is_none_or(|uid| uid >= FIRST_PERSON);
    (is_person && !is_special && !name.starts_with('_')).then(|| name.to_ascii_lowercase())
}
