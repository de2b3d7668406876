//! The table of safety checks is whole, and every test that it names is there under the number of its check.

use std::fs;
use std::path::PathBuf;

use crate::harness::tables::{cells, text_of};

/// Checks that have a test of their own number.
const HELD: &[&[usize]] = &[
    &[1, 2, 3, 4, 19],
    &[21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32],
    &[34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 60],
    &[55, 56],
];

#[test]
fn every_check_has_a_test_or_a_reason() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("docs/safety.md")).expect("the table is there");
    let rows: Vec<Vec<&str>> = table.lines().filter_map(cells).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(numbers, (1..=60).map(|number| format!("S{number:02}")).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (number, row) in (1..).zip(&rows) {
        let [check, _, tests, note] = row[..] else { panic!("four cells: {row:?}") };
        let named: Vec<_> = tests.split('`').filter(|name| name.contains("::")).collect();
        let absent = named.iter().filter_map(|name| text_of(&root.join("tests/it"), name).err());
        wrong.extend(absent.map(|name| format!("{check}: no {name}")));
        let prefix = format!("::s{number:02}_");
        let is_held = HELD.concat().contains(&number);
        if is_held && !named.iter().any(|name| name.contains(&prefix)) {
            wrong.push(format!("{check} has no test of its number"));
        }
        if named.is_empty() && note.is_empty() {
            wrong.push(format!("{check} has neither test nor reason"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
