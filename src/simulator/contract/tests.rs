//! What answers mean to an agent, and which breaches are seen.

use bytes::Bytes;
use serde_json::json;

use super::*;

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, compressed: false, body: Bytes::copy_from_slice(body.as_bytes()), took: Duration::ZERO }
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn violations_are_numbered_in_their_order() {
    for (number, violation) in Violation::ALL.into_iter().enumerate() {
        assert_eq!(violation as usize, number);
    }
}

#[test]
fn sound_answers_are_no_breach() {
    let accepted = Meaning::Accepted(members(json!({"a": 1})));
    let cases = [
        (reply(200, r#"{"a":1}"#), accepted),
        (reply(200, r#"{"node_invalid":false}"#), Meaning::Accepted(members(json!({"node_invalid": false})))),
        (reply(401, r#"{"node_invalid":true}"#), Meaning::NodeInvalid),
        (reply(401, r#"{"node_invalid":true,"error":"x"}"#), Meaning::NodeInvalid),
        (reply(503, r#"{"error":"busy"}"#), Meaning::Refused),
        (reply(200, r#"{"error":"busy"}"#), Meaning::Refused),
    ];
    for (reply, expected) in cases {
        assert_eq!(read(&reply), (expected, Vec::new()), "{reply:?}");
    }
}

#[test]
fn breaches_are_seen_and_read_as_osquery_reads_them() {
    let nothing = Meaning::Accepted(Map::new());
    let cases = [
        (reply(200, ""), nothing.clone(), Violation::EmptyBody),
        (reply(500, ""), nothing.clone(), Violation::EmptyBody),
        (reply(502, "<html>"), Meaning::Unreadable, Violation::NotJson),
        (reply(200, "5"), Meaning::Unreadable, Violation::NotAnObject),
        (reply(200, "[]"), Meaning::Unreadable, Violation::NotAnObject),
        (reply(200, r#"{"error":null}"#), Meaning::Refused, Violation::ErrorNotText),
        (reply(400, "{}"), nothing.clone(), Violation::FailureWithoutError),
        (reply(307, "{}"), nothing.clone(), Violation::Redirect),
        (Reply { compressed: true, ..reply(200, "{}") }, nothing.clone(), Violation::Compressed),
        (Reply { took: Duration::from_secs(11), ..reply(200, "{}") }, nothing, Violation::Late),
    ];
    for (reply, expected, violation) in cases {
        assert_eq!(read(&reply), (expected, vec![violation]), "{reply:?}");
    }
    let (_, violations) = read(&reply(200, r#"{"node_invalid":"true"}"#));
    assert_eq!(violations, [Violation::NodeInvalidNotBoolean]);
}

#[test]
fn node_keys() {
    assert_eq!(node_key(&members(json!({"node_key": "abc"}))), Ok(Some("abc".to_owned())));
    assert_eq!(node_key(&members(json!({"id": "abc"}))), Ok(Some("abc".to_owned())));
    assert_eq!(node_key(&members(json!({"error": "no"}))), Ok(None));
    for bad in [json!(1), json!(""), json!("a b"), json!("a\n"), json!(null)] {
        assert_eq!(node_key(&members(json!({"node_key": bad}))), Err(Violation::BadNodeKey));
    }
}

#[test]
fn configurations() {
    assert_eq!(config(&members(json!({"schedule": {}, "options": {"a": 1}}))), []);
    assert_eq!(config(&members(json!({"node_invalid": false}))), [Violation::EmptyConfig]);
    let fraction = json!({"schedule": {"a": {"interval": 60.0}}});
    assert_eq!(config(&members(fraction)), [Violation::FractionInConfig]);
}

#[test]
fn offers() {
    let modern = Version(5, 23, 1);
    let sound =
        offer(&members(json!({"queries": {"b": "select 2", "a": "select 1"}, "accelerate": 60})), modern);
    assert_eq!(sound.queries.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(sound.accelerate, Some(Duration::from_mins(1)));
    assert_eq!(sound.violations, []);
    assert_eq!(offer(&Map::new(), modern), Offer::default());

    let stopped =
        offer(&members(json!({"queries": {"a": "select 1", "b": 2, "c": "x"}, "accelerate": 1})), modern);
    assert_eq!((stopped.queries.len(), stopped.accelerate), (1, None));
    assert_eq!(stopped.violations, [Violation::QueryNotText]);

    let list = offer(&members(json!({"queries": []})), modern);
    assert_eq!(list.violations, [Violation::QueriesNotAnObject]);
    let dotted = offer(&members(json!({"queries": {"a.b": "select 1"}})), modern);
    assert_eq!((dotted.queries.len(), dotted.violations), (1, vec![Violation::BadQueryId]));
}

#[test]
fn accelerate_has_the_type_of_the_version() {
    let told = |value: Value, version| offer(&members(json!({"accelerate": value})), version);
    let (old, new) = (Version(3, 1, 0), Version(4, 3, 0));
    assert_eq!(told(json!("60"), old).accelerate, Some(Duration::from_mins(1)));
    assert_eq!(told(json!(-1), new).accelerate, Some(Duration::ZERO));
    for (value, version) in [(json!(60), old), (json!("60"), new), (json!(60.0), new), (json!(null), new)] {
        assert_eq!(told(value, version).violations, [Violation::BadAccelerate]);
    }
}
