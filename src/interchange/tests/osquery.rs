//! osquery's packs and configurations.

use super::*;
use crate::interchange::model::Logging;

/// Every spelling that packs in the wild have.
const PACK: &str = r#"
# A comment of osquery's kind
{
  // and another
  "platform": "Linux, darwin", "version": "1.4.5", "shard": "50", /* a third */
  "discovery": ["select 1 \
    from a;"],
  "queries": {
    "one": {
      "query" : "select * from launchd where \
        name = 'a' OR \
        path = 'C:\\x\u00e9\ud83d\ude00';",
      "interval" : "3600", "version": "1.4.5",
      "description": "What", "value": "Worth"
    },
    "two": { "query": "select 2;", "interval": 60, "snapshot": "true", "removed": 0, "blacklist": false },
    "three": { "query": "select 3;", "interval": "90s", "removed": "false", "platform": "all" }, // trailing comma:
  },
}
"#;

#[test]
fn packs_in_the_wild() {
    let reading = read_one("packs/wild.conf", PACK);
    assert_eq!(notes(&reading), ["17:50 W the interval `90s` is taken as 90 seconds"]);
    let pack = &reading.collection.packs[0];
    assert_eq!((pack.name.value.as_str(), platform(pack)), ("wild", Some("linux,darwin")));
    assert_eq!(pack.conditions.shard.as_ref().map(|shard| shard.value), Some(50));
    assert_eq!(pack.discovery[0].value, "select 1     from a;");
    assert_eq!(names(&pack.queries), ["one", "two", "three"]);
    let [one, two, three] = pack.queries.as_slice() else { panic!("three") };
    let expected = "select * from launchd where         name = 'a' OR         path = 'C:\\xé😀';";
    assert_eq!((sql(one), one.description.as_deref()), (expected, Some("What\nValue: Worth")));
    assert_eq!((one.sql.place.line, one.sql.place.column), (10, 17));
    let schedule = |query: &Query| query.schedule.clone().expect("all have one");
    assert_eq!((schedule(one).interval_s.value, schedule(one).logging), (3600, Logging::Differential));
    assert_eq!((schedule(two).logging, schedule(two).denylist), (Logging::Snapshot, false));
    assert_eq!(schedule(three).logging, Logging::DifferentialIgnoreRemovals);
    assert_eq!((schedule(three).interval_s.value, schedule(three).conditions.platform), (90, None));
}

#[test]
fn a_configuration_and_the_packs_that_it_names() {
    let conf = r#"{
        "options": {"pack_delimiter": "/", "host_identifier": "uuid", "events_max": 5},
        "schedule": {"users": {"query": "select * from users", "interval": 60}},
        "packs": {
            "inline": {"queries": {"a": {"query": "select 1", "interval": 60}}},
            "named": "/etc/osquery/packs/file.conf",
            "gone": "/etc/osquery/packs/gone.conf",
            "*": "/etc/osquery/more/*.conf"
        },
        "decorators": {"load": ["select 1"]}, "file_paths": {"etc": ["/etc/%%"]}, "exclude_paths": {"etc": ["/etc/x"]},
        "events": {"disable_subscribers": ["x"]}, "yara": {}, "views": {}, "auto_table_construction": {},
        "unknown": 1
    }"#;
    let pack = r#"{"queries": {"b": {"query": "select 2", "interval": 60}}}"#;
    let reading = read_all(&[
        ("osquery.conf", conf),
        ("packs/file.conf", pack),
        ("more/x.conf", pack),
        ("more/y.conf", pack),
    ]);
    let packs: Vec<_> = reading.collection.packs.iter().map(|pack| pack.name.value.as_str()).collect();
    assert_eq!(packs, ["inline", "named", "x", "y"]);
    assert_eq!(names(&reading.collection.queries), ["users"]);
    let layer = &reading.collection.layers[0];
    let members: Vec<_> = layer.members().iter().map(|member| member.name.value.as_str()).collect();
    let all = [
        "options",
        "decorators",
        "file_paths",
        "exclude_paths",
        "events",
        "yara",
        "views",
        "auto_table_construction",
    ];
    assert_eq!(members, all);
    assert_eq!(layer.place_of("options.events_max").column, 71);
    assert_eq!(layer.place_of("file_paths.etc.0").line, 10);
    assert_eq!(
        notes(&reading),
        [
            "7:13 W pack `gone` is in a file that was not given: /etc/osquery/packs/gone.conf",
            "12:9 W `unknown` has no meaning here and is left out",
        ]
    );
}

#[test]
fn mistakes_are_told_with_their_places() {
    let reading = read_one(
        "bad.conf",
        "{\"queries\": {\n\"a\": {\"query\": \"select 1\", \"interval\": 1.5},\n\"b\": {\"interval\": 60},\n\
        \"c\": {\"query\": [], \"interval\": 60},\n\"d\": {\"query\": \"select\n 1\", \"interval\": 60.0, \"tags\": []},\n\
        \"d\": 5,\n\"e\": {\"query\": \"select 1\", \"interval\": \"1e3\"},\n\"f\": {\"query\": \"select 1\"},\n\
        \"g\": {\"query\": \"select 1\", \"interval\": 60, \"platform\": {}}, \"h\": [],\n\
        \"i\": {\"query\": \"select 1\", \"interval\": 0}}}",
    );
    assert_eq!(names(&reading.collection.packs[0].queries), ["d", "f"]);
    assert_eq!(
        notes(&reading),
        [
            "5:16 W this text has raw line ends or tabs, which agents refuse in a file: taken as they are",
            "7:1 W `d` is there already, in line 5; osquery takes the first",
            "2:40 E `interval` must be a whole number, not `1.5`",
            "3:1 E query `b` has no SQL",
            "4:16 E `query` must be a text, not a list",
            "6:18 W `interval` is `60.0`, which agents misread: taken as 60",
            "6:24 W `tags` has no meaning here and is left out",
            "8:40 E `interval` must be a whole number, not `1e3`",
            "9:1 W query `f` has no interval: taken as 3600 seconds, as agents do",
            "10:56 E `platform` must have texts, not an object",
            "10:66 E query `h` must be an object, not a list",
            "11:40 W query `i` has an interval of 0: agents skip any but 1 to 604800 seconds; left out",
        ]
    );
}

#[test]
fn what_is_no_json_is_told_where_it_ends_to_be() {
    for (text, expected) in [
        ("{\"a\": 1", "1:8 E a comma or `}` must be here"),
        ("{\"a\" 1}", "1:6 E a colon must follow the name `a`"),
        ("{a: 1}", "1:2 E a name in double quotes must be here"),
        ("{\"a\": \"x", "1:7 E a text begins here and has no end"),
        ("{\"a\": \"\\x\"}", "1:10 E `\\x` means nothing in JSON; a backslash itself is `\\\\`"),
        ("{\"a\": \"\\u12g4\"}", "1:13 E `\\u` needs four hexadecimal digits"),
        ("{} /* x", "1:4 E a comment begins here and has no end"),
        ("{}\n{}", "2:1 E nothing may follow the document, but `{` does"),
        ("{\"a\": yes}", "1:7 E `yes` is no value: texts are in double quotes"),
        ("{\"a\": }", "1:7 E a value must be here, not `}`"),
        ("", "1:1 E the document ends where a value must be"),
    ] {
        assert_eq!(notes(&read_one("a.json", text)), [expected], "{text}");
    }
}

#[test]
fn a_pack_may_be_anywhere() {
    let query = r#"{"query": "select 1", "interval": 60}"#;
    for (text, pack) in [
        (format!(r#"{{"packs": {{"p": {{"queries": {{"q": {query}}}}}}}}}"#), "p"),
        (format!(r#"{{"packs": {{"*": {{"p": {{"queries": {{"q": {query}}}}}}}}}}}"#), "p"),
        (format!(r#"{{"p": {{"queries": {{"q": {query}}}}}}}"#), "p"),
        (format!(r#"{{"q": {query}}}"#), "file"),
        (format!(r#"{{"queries": {{"q": {query}}}}}"#), "file"),
        ("queries:\n  q:\n    query: select 1\n    interval: 60\n".to_owned(), "file"),
    ] {
        let reading = read_one("x/file.conf", &text);
        assert!(!reading.has_errors(), "{:?}", notes(&reading));
        assert_eq!(reading.collection.packs[0].name.value, pack, "{text}");
        assert_eq!(names(&reading.collection.packs[0].queries), ["q"]);
    }
}
