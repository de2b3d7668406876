//! When hosts are asked what is due: shares of the interval, changes, other servers.

use entity::id::TeamId;
use entity::kind::Platform;

use super::*;
use crate::fleet::schedule::LabelScope;

const HOUR: Duration = Duration::from_hours(1);

fn item(key: &str, since: i64) -> DueItem {
    DueItem {
        key: key.into(),
        sql: "select 1".into(),
        platforms: Vec::new(),
        team: None,
        labels: LabelScope::default(),
        since: Timestamp(since),
    }
}

fn list(keys: &[&str]) -> List {
    List::new(HOUR, keys.iter().map(|key| item(key, 0)).collect())
}

fn at(seconds: i64) -> Asking {
    Asking { host: HostId(7), now: Timestamp(1_000_000_000_000 + seconds * 1_000) }
}

fn keys(rounds: &Rounds, asking: Asking, list: &List, room: usize) -> Vec<String> {
    let part = rounds.next_part(asking, DueKind::Vital, list, |_| true, room);
    part.into_iter().map(|item| item.key.to_string()).collect()
}

fn is_due(rounds: &Rounds, asking: Asking, list: &List) -> bool {
    rounds.is_due(asking, DueKind::Vital, list)
}

fn answer(rounds: &Rounds, asking: Asking, list: &List, keys: &[&str]) -> Option<bool> {
    let ends = rounds.ends_with(DueKind::Vital, list, |_| true, keys);
    if let Some(is_whole) = ends {
        rounds.ended(DueKind::Vital, is_whole, asking.now);
    }
    ends
}

#[test]
fn a_round_comes_in_parts_and_then_rests_for_an_interval() {
    let (rounds, list) = (Rounds::default(), list(&["a", "b", "c"]));
    assert!(is_due(&rounds, at(0), &list), "nothing was ever answered");
    assert_eq!(keys(&rounds, at(0), &list, 2), ["a", "b"]);
    assert_eq!(answer(&rounds, at(1), &list, &["a", "b"]), None);
    assert!(is_due(&rounds, at(10), &list));
    assert_eq!(keys(&rounds, at(10), &list, 2), ["c"]);
    assert_eq!(answer(&rounds, at(11), &list, &["c"]), Some(true));
    assert!(!is_due(&rounds, at(12), &list));
    assert!(!is_due(&rounds, at(11 + 3_600 * 7 / 8 - 1), &list));
    assert!(is_due(&rounds, at(11 + 3_600), &list));
}

#[test]
fn what_is_not_answered_comes_again_less_and_less_often() {
    let (rounds, list) = (Rounds::default(), list(&["a"]));
    let mut now = 0;
    for pause in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
        assert!(is_due(&rounds, at(now), &list), "{now}");
        assert_eq!(keys(&rounds, at(now), &list, 9), ["a"]);
        assert!(!is_due(&rounds, at(now + pause - 1), &list), "{pause}");
        now += pause;
    }
}

#[test]
fn a_new_item_is_asked_alone_and_soon() {
    let rounds = Rounds::default();
    let before = list(&["a", "c"]);
    keys(&rounds, at(0), &before, 9);
    assert_eq!(answer(&rounds, at(0), &before, &["a", "c"]), Some(true));
    let after = List::new(HOUR, vec![item("a", 0), item("b", at(60).now.0), item("c", 0)]);
    assert!(is_due(&rounds, at(120), &after), "within a minute of its making");
    assert_eq!(keys(&rounds, at(120), &after, 9), ["b"]);
    assert_eq!(answer(&rounds, at(121), &after, &["b"]), Some(false));
    assert!(!is_due(&rounds, at(122), &after));
    assert!(is_due(&rounds, at(3_600), &after), "the others are due when they would have been");
    assert_eq!(keys(&rounds, at(3_600), &after, 9), ["a", "b", "c"]);
}

#[test]
fn a_refetch_is_due_at_once() {
    let list = list(&["a"]);
    let stored = |refetch: Option<i64>| Answered {
        answered: [Some(at(0).now), None, None],
        refetch: refetch.map(|seconds| at(seconds).now),
        unanswered_since: None,
    };
    assert!(!is_due(&Rounds::new(stored(None)), at(60), &list));
    assert!(is_due(&Rounds::new(stored(Some(30))), at(60), &list));
    assert!(!is_due(&Rounds::new(stored(Some(-30))), at(60), &list), "it was answered since");
}

#[test]
fn what_is_for_others_is_never_handed_out_and_never_asked_for_again() {
    let rounds = Rounds::default();
    let mut only_windows = item("a", 0);
    only_windows.platforms = vec![Platform::Windows];
    let list = List::new(HOUR, vec![only_windows]);
    let fits = |item: &DueItem| item.is_for(Platform::Linux, TeamId::NONE, &[]);
    assert_eq!(rounds.next_part(at(0), DueKind::Vital, &list, fits, 9), Vec::<&DueItem>::new());
    assert!(!is_due(&rounds, at(1), &list));
}

#[test]
fn what_is_handed_out_in_vain_is_told_once() {
    let rounds = Rounds::default();
    let told: Vec<_> = (0..300).filter_map(|n| rounds.handed_out(at(n).now)).collect();
    assert_eq!(told, [at(0).now]);
    assert!(rounds.answers_came());
    assert!(!rounds.answers_came());
    assert_eq!(rounds.handed_out(at(400).now), None);
}

#[test]
fn nothing_is_due_without_items_or_an_interval() {
    assert!(!is_due(&Rounds::default(), at(0), &list(&[])));
    let off = List::new(Duration::ZERO, vec![item("a", 0)]);
    assert!(!is_due(&Rounds::default(), at(0), &off));
}

#[test]
fn hosts_that_answered_together_are_due_apart() {
    let spread: std::collections::BTreeSet<_> =
        (0..1_000).map(|host| jitter(HostId(host), at(0).now, HOUR)).collect();
    assert!(spread.len() > 500, "{}", spread.len());
    assert!(spread.iter().all(|jitter| *jitter < HOUR));
}
