//! The table of the agent contract is whole, and every test that it names is there and speaks of its case.

use crate::harness::tables;

/// Parts of the contract, and how many cases each has.
const PARTS: [(char, usize); 6] = [('T', 33), ('E', 16), ('C', 22), ('R', 16), ('W', 23), ('L', 20)];

#[test]
fn every_case_has_a_test_or_a_reason() {
    tables::hold("docs/conformance.md", &PARTS);
}
