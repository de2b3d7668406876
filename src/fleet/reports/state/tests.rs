//! Reports against the set computed directly, over random histories of a host.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const WIDE: Caps = Caps { rows: 1_000, bytes: 1 << 20 };

fn row(number: u8) -> String {
    format!(r#"{{"n":"{number}"}}"#)
}

fn line(time: i64, epoch: i64, counter: i64, says: Says) -> Line {
    Line { name: "q".to_owned(), time, epoch, counter, says }
}

/// What a host does next.
#[derive(Clone, Debug)]
enum Step {
    /// The query runs and has these rows.
    Run(BTreeSet<u8>),
    /// The agent forgets its results: its next run says everything.
    Restart,
    /// The same, with another epoch.
    Epoch,
    /// The answer to the last lines was lost: so many of the newest are sent again, before what follows.
    Repeat(usize),
    /// This server read so many of the newest lines, and did not note it.
    Reread(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::btree_set(0_u8..12, 0..6).prop_map(Step::Run),
        1 => Just(Step::Restart),
        1 => Just(Step::Epoch),
        2 => (1_usize..10).prop_map(Step::Repeat),
        2 => (1_usize..10).prop_map(Step::Reread),
    ]
}

/// The lines of a run, as osqueryd logs them: one for each row that went, then one for each that came.
fn lines_of(
    before: Option<&BTreeSet<u8>>,
    now: &BTreeSet<u8>,
    (time, epoch, counter): (i64, i64, i64),
) -> Vec<Line> {
    let nothing = BTreeSet::new();
    let before = before.unwrap_or(&nothing);
    let removed = before.difference(now).map(|number| (vec![row(*number)], Vec::new()));
    let added = now.difference(before).map(|number| (Vec::new(), vec![row(*number)]));
    let changed = |(removed, added)| line(time, epoch, counter, Says::Changed { removed, added });
    removed.chain(added).map(changed).collect()
}

fn kept(state: &State) -> BTreeSet<String> {
    state.rows.texts.iter().cloned().collect()
}

proptest! {
    #[test]
    fn a_report_is_the_set_computed_directly(steps in prop::collection::vec(step(), 1..60)) {
        let (mut epoch, mut counter, mut time) = (0, 0, 1_700_000_000);
        let mut before: Option<BTreeSet<u8>> = None;
        let mut sent: Vec<Line> = Vec::new();
        let mut truth: Option<BTreeSet<u8>> = None;
        for step in steps {
            time += 60;
            match step {
                Step::Run(now) => {
                    let lines = lines_of(before.as_ref(), &now, (time, epoch, counter));
                    // A run that begins anew and has no rows says nothing: nobody can know.
                    if before.is_some() || !now.is_empty() {
                        truth = Some(now.clone());
                        sent.extend(lines);
                        counter += 1;
                        before = Some(now);
                    }
                }
                Step::Restart => (before, counter) = (None, 0),
                Step::Epoch => (before, counter, epoch) = (None, 0, epoch + 1),
                Step::Repeat(count) | Step::Reread(count) => {
                    let again = sent[sent.len().saturating_sub(count)..].to_vec();
                    sent.extend(again);
                }
            }
        }
        let mut state = State::default();
        for line in sent {
            state.apply(line, WIDE);
            // What is stored and read back goes on the same.
            let rows = state.text();
            state = State { rows: Rows::default(), ..state }.with_rows(&rows);
        }
        let expected: BTreeSet<String> = truth.unwrap_or_default().into_iter().map(row).collect();
        prop_assert_eq!(kept(&state), expected);
        prop_assert_eq!(state.dropped, 0);
    }

    #[test]
    fn counters_are_exact_beyond_the_cap(runs in prop::collection::vec(prop::collection::btree_set(0_u8..40, 0..30), 1..12)) {
        let caps = Caps { rows: 8, bytes: 1 << 20 };
        let mut state = State::default();
        let mut before: Option<BTreeSet<u8>> = None;
        for (counter, now) in (0_i64..).zip(runs) {
            for line in lines_of(before.as_ref(), &now, (1_700_000_000 + counter * 60, 0, counter)) {
                state.apply(line, caps);
            }
            prop_assert!(state.row_count() <= 8);
            if before.is_some() || !now.is_empty() {
                let there = i64::try_from(state.row_count()).expect("few") + state.dropped;
                prop_assert_eq!(usize::try_from(there).ok(), Some(now.len()));
            }
            before = Some(now);
        }
    }
}

#[test]
fn a_snapshot_takes_the_place_of_the_one_before() {
    let mut state = State::default();
    let all = |numbers: &[u8]| Says::All(numbers.iter().copied().map(row).collect());
    assert!(state.apply(line(10, 0, 0, all(&[1, 2])), WIDE));
    assert!(state.apply(line(20, 0, 0, all(&[2, 3])), WIDE));
    assert!(!state.apply(line(10, 0, 0, all(&[1, 2])), WIDE), "an old one comes again");
    assert_eq!(kept(&state), [row(2), row(3)].into());
    assert!(state.apply(line(30, 0, 0, all(&[])), WIDE));
    assert_eq!((state.row_count(), state.is_complete), (0, true), "empty is an answer, too");
}

#[test]
fn a_snapshot_of_a_line_for_each_row() {
    let mut state = State::default();
    for (time, number) in [(10, 1), (10, 2), (10, 1), (20, 3)] {
        state.apply(line(time, 0, 0, Says::OneOfAll(row(number))), WIDE);
    }
    assert_eq!(kept(&state), [row(3)].into());
}

#[test]
fn without_its_beginning_it_is_not_whole() {
    let mut state = State::default();
    let added = Says::Changed { removed: vec![], added: vec![row(1)] };
    assert!(state.apply(line(10, 0, 4, added), WIDE));
    assert!(!state.is_complete);
}
