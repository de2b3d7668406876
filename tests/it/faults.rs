//! The table of faults is whole, and every test that it names is there and speaks of its fault.

use crate::harness::tables;

#[test]
fn every_fault_has_a_test_or_a_reason() {
    tables::hold("docs/faults.md", &[('F', 32)]);
}
