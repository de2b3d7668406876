//! What holds for every text and every collection.

use proptest::prelude::*;

use super::random::{collection, text};
use super::*;

/// Texts that begin or end something in one of the formats.
const KNOWN: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\\n",
    "\n",
    " ",
    "  ",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    ">-\n",
    "#",
    "//",
    "/*",
    "*/",
    "--",
    ";",
    "'",
    "\"queries\"",
    "\"query\"",
    "queries:",
    "name: a",
    "query: select 1",
    "interval: ",
    "\"interval\"",
    "60",
    "\"60s\"",
    "1e9",
    "true",
    "null",
    "kind: pack",
    "kind: query",
    "spec:",
    "---\n",
    "path: a.yml",
    "paths: '**'",
    "\"packs\"",
    "\"*\"",
    "\"schedule\"",
    "\"a\"",
    "é",
    "\u{feff}",
    "\\ud800",
    "\\u00",
    "-- name: x\n",
    "select 1",
    "options:",
    "? ",
    "%YAML 1.2\n",
    "!!str ",
    "\t",
    "\r\n",
    "\0",
];

/// Pieces of which texts are made that are almost something.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(KNOWN).prop_map(str::to_owned),
        1 => text(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Whether a place is within the text of its name, its end counted.
fn is_within(place: &Place, texts: &[SourceText]) -> bool {
    let Some(text) = texts.iter().find(|text| text.name == *place.file) else { return false };
    let line = text.text.split('\n').nth(place.line as usize - 1);
    place.column >= 1 && line.is_some_and(|line| place.column as usize <= line.chars().count() + 1)
}

fn places(collection: &Collection) -> Vec<&Place> {
    let queries = collection.packs.iter().flat_map(|pack| &pack.queries).chain(&collection.queries);
    let of_queries = queries.flat_map(|query| [&query.name.place, &query.sql.place]);
    let rest = collection.packs.iter().map(|pack| &pack.name.place);
    let rest = rest.chain(collection.labels.iter().map(|label| &label.name.place));
    let rest = rest.chain(collection.layers.iter().map(|layer| &layer.document.place));
    of_queries.chain(rest).chain(collection.policies.iter().map(|policy| &policy.name.place)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Never a panic, and every place is in a text.
    #[test]
    fn any_text_is_read(one in pieces(), other in pieces(), end in "(conf|json|yml|sql|txt)") {
        let texts = [
            SourceText { name: format!("x/one.{end}"), text: one },
            SourceText { name: "a.yml".to_owned(), text: other },
        ];
        let reading = read(&texts);
        for place in places(&reading.collection).into_iter().chain(reading.notes.iter().map(|note| &note.place)) {
            prop_assert!(is_within(place, &texts), "{place} of {texts:?}");
        }
    }

    /// JSON that serde writes is read as it was.
    #[test]
    fn json_is_json(name in text(), value in text(), number in any::<i64>()) {
        let json = serde_json::json!({ "views": { name: value, "n": number, "l": [1, null, true] } });
        let reading = read_one("a.json", &json.to_string());
        prop_assert!(reading.notes.is_empty(), "{:?}", reading.notes);
        prop_assert_eq!(reading.collection.layers[0].document.to_json(), json);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What is written is read as it was, by our own form, and says nothing new when it is written again.
    #[test]
    fn our_own_form_holds_everything(collection in collection()) {
        let written = write::own(&collection);
        let reading = read_one("export.yml", &written);
        prop_assert!(reading.notes.is_empty(), "{:?}\n{written}", reading.notes);
        prop_assert_eq!(&reading.collection, &collection, "{}", written);
        prop_assert_eq!(write::own(&reading.collection), written);
    }

    /// What osquery's form holds is read as it was: scheduled queries and packs, without what it has no word for.
    #[test]
    fn osquerys_form_is_read_back(collection in collection()) {
        let (written, _) = write::osquery(&collection);
        let reading = read_one("export.json", &written);
        prop_assert!(!reading.has_errors(), "{:?}\n{written}", reading.notes);
        let scheduled = collection.queries.iter().filter(|query| query.schedule.is_some());
        let names: Vec<_> = scheduled.map(|query| &query.name.value).collect();
        prop_assert_eq!(reading.collection.queries.iter().map(|query| &query.name.value).collect::<Vec<_>>(), names);
        let enabled = collection.packs.iter().filter(|pack| pack.enabled).count();
        prop_assert_eq!(reading.collection.packs.len(), enabled);
    }
}
