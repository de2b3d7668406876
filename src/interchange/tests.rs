//! What is read of each form, what is said of what can't be, and that nothing is lost on the way out and back in.

mod fleet;
mod laws;
mod osquery;
mod random;

use super::*;
use crate::interchange::model::{Pack, Query, Sql};

/// Reads texts, each a name and what it says.
fn read_all(texts: &[(&str, &str)]) -> Reading {
    let text =
        |(name, text): &(&str, &str)| SourceText { name: (*name).to_owned(), text: (*text).to_owned() };
    read(&texts.iter().map(text).collect::<Vec<_>>())
}

/// Reads one text.
fn read_one(name: &str, text: &str) -> Reading {
    read_all(&[(name, text)])
}

/// The notes, each as line, column, `E` or `W`, and message.
fn notes(reading: &Reading) -> Vec<String> {
    let word = |note: &Note| if note.gravity == Gravity::Error { 'E' } else { 'W' };
    let line =
        |note: &Note| format!("{}:{} {} {}", note.place.line, note.place.column, word(note), note.message);
    reading.notes.iter().map(line).collect()
}

/// The names of queries.
fn names(queries: &[Query]) -> Vec<&str> {
    queries.iter().map(|query| query.name.value.as_str()).collect()
}

fn sql(query: &Query) -> &str {
    match &query.sql.value {
        Sql::Text(text) | Sql::Named(text) => text,
    }
}

fn platform(pack: &Pack) -> Option<&str> {
    pack.conditions.platform.as_ref().map(|platform| platform.value.as_str())
}

#[test]
fn files_of_sql() {
    let reading = read_all(&[
        (
            "detection/icmp.sql",
            "-- Programs that speak ICMP\n-- interval: 30\n-- Platform: posix\nSELECT 1 -- x\n;",
        ),
        (
            "two.sql",
            "-- name: a\n-- interval: 60\n-- snapshot: true\n-- labels: x, y\nselect 1;\nselect 2;\n",
        ),
        ("empty.sql", "-- nothing\n"),
        ("bad.sql", "-- interval: soon\nselect 3"),
    ]);
    assert_eq!(names(&reading.collection.queries), ["icmp", "a"]);
    let icmp = &reading.collection.queries[0];
    assert_eq!((sql(icmp), icmp.description.as_deref()), ("SELECT 1 -- x", Some("Programs that speak ICMP")));
    let schedule = icmp.schedule.as_ref().expect("it has one");
    assert_eq!((schedule.interval_s.value, schedule.logging), (30, model::Logging::Differential));
    assert_eq!(schedule.conditions.platform.as_ref().map(|it| it.value.as_str()), Some("posix"));
    let labels = &reading.collection.queries[1].schedule.as_ref().expect("it has one").conditions.include_any;
    assert_eq!(labels.iter().map(|label| label.value.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(
        notes(&reading),
        [
            "6:1 E each of several statements needs its name in a comment before it: `-- name: …`",
            "1:1 W there is no statement in this file",
            "1:4 E `interval` must be a whole number, not `soon`",
        ]
    );
}

#[test]
fn too_much_is_refused() {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let laughs = "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
        d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    for (name, text) in [
        ("deep.conf", deep.as_str()),
        ("deep.yml", deep.as_str()),
        ("laughs.yml", laughs),
        ("large.conf", &" ".repeat(MAX_TEXT_BYTES + 1)),
        ("wide.json", &format!("[{}1]", "1,".repeat(MAX_NODES))),
    ] {
        let reading = read_one(name, text);
        assert!(reading.has_errors(), "{name}: {:?}", notes(&reading));
        assert_eq!(reading.collection, Collection::default(), "{name}");
    }
    let many: Vec<_> = (0..=MAX_TEXTS).map(|_| ("a.sql", "")).collect();
    assert!(read_all(&many).has_errors());
    let large = " ".repeat(MAX_TEXT_BYTES);
    assert!(read_all(&[("a", large.as_str()); 5]).has_errors());
}

#[test]
fn what_is_there_twice() {
    let conf = |platform: &str, interval: u32| {
        format!(
            r#"{{"platform": "{platform}", "schedule": {{"users": {{"query": "select 1", "interval": {interval}}}}},
            "options": {{"a": {interval}}}}}"#
        )
    };
    let reading = read_all(&[
        ("MacOS/osquery.conf", &conf("darwin", 10)),
        ("Linux/osquery.conf", &conf("linux", 20)),
        (
            "other.conf",
            r#"{"schedule": {"mounts": {"query": "select 2", "interval": 60}}, "options": {"a": 1}}"#,
        ),
        ("more.conf", r#"{"options": {"a": 2, "b": 3}}"#),
    ]);
    let packs = &reading.collection.packs;
    assert_eq!(packs.iter().map(|pack| pack.name.value.as_str()).collect::<Vec<_>>(), ["MacOS", "Linux"]);
    assert_eq!(names(&reading.collection.queries), ["mounts"]);
    let layers: Vec<_> = reading
        .collection
        .layers
        .iter()
        .map(|layer| {
            (layer.platform.as_ref().map(|it| it.value.as_str()), layer.document.to_json().to_string())
        })
        .collect();
    let expected = [
        (Some("darwin"), r#"{"options":{"a":10}}"#.to_owned()),
        (Some("linux"), r#"{"options":{"a":20}}"#.to_owned()),
        (None, r#"{"options":{"a":2,"b":3}}"#.to_owned()),
    ];
    assert_eq!(layers, expected);
    let told: Vec<_> = notes(&reading).into_iter().filter(|note| !note.contains("osquery ignores")).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].starts_with("1:19 W `options.a` is here again, and different"), "{told:?}");
}
