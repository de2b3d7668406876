//! Documents of configuration, read and checked.

use serde_json::json;

use super::*;

/// The findings of a document, each as `E` or `W` and its path.
fn found(document: Value) -> Vec<String> {
    let Value::Object(members) = document else { panic!("an object") };
    let word = |finding: &Finding| format!("{} {}", if finding.is_error() { 'E' } else { 'W' }, finding.path);
    check(&members).iter().map(word).collect()
}

#[test]
fn a_good_document_has_no_findings() {
    let good = json!({
        "options": { "pack_delimiter": "/", "events_expiry": 1, "logger_snapshot_event_type": "true",
            "disable_tables": null, "custom_site": "berlin", "schedule_splay_percent": 10,
            "distributed_tls_read_endpoint": "/api/v1/osquery/distributed/read" },
        "decorators": { "load": ["SELECT uuid AS host_uuid FROM system_info;"],
            "interval": { "60": ["SELECT total_seconds AS uptime FROM uptime;"] } },
        "file_paths": { "etc": ["/etc/%%"] }, "file_accesses": ["etc"], "exclude_paths": { "etc": ["/etc/x"] },
        "file_paths_query": { "homes": ["SELECT path FROM users"] },
        "yara": { "signatures": { "g": ["/a.sig"] }, "signature_urls": ["https://a"], "file_paths": { "etc": ["g"] } },
        "views": { "kernel_hashes": "SELECT 1" },
        "auto_table_construction": { "tcc": { "query": "select a from b", "path": "/x", "columns": ["a"],
            "platform": "darwin" } },
        "events": { "disable_subscribers": ["user_events"] },
        "feature_vectors": { "character_frequencies": [0.5] },
        "prometheus_targets": { "urls": ["http://a"], "timeout": 5 },
    });
    assert_eq!(found(good), Vec::<String>::new());
}

/// Case C10.
#[test]
fn c10_intervals_of_decorators() {
    for bad in ["0", "abc", "90", "", "-60", "060", "60.0", "+60"] {
        let document = json!({ "decorators": { "interval": { bad: ["select 1"] } } });
        assert_eq!(found(document), [format!("E decorators.interval.{bad}")]);
    }
    assert_eq!(found(json!({ "decorators": { "load": "select 1" } })), ["E decorators.load"]);
    assert_eq!(found(json!({ "decorators": { "load": ["drop table x"] } })), ["E decorators.load"]);
}

/// Cases C12 and C13.
#[test]
fn c12_c13_options() {
    let options = json!({ "options": { "carver_block_size": 1, "config_refresh": 60, "no_such_flag": 1,
        "events_expiry": 1.5, "events_max": 1e3, "disable_events": "maybe", "distributed_interval": -1,
        "disable_distributed": true, "logger_tls_endpoint": "/log", "verbose": ["x"] } });
    let expected = [
        "W options.carver_block_size",
        "W options.config_refresh",
        "W options.no_such_flag",
        "E options.events_expiry",
        "E options.events_max",
        "E options.disable_events",
        "E options.distributed_interval",
        "W options.disable_distributed",
        "W options.logger_tls_endpoint",
        "E options.verbose",
    ];
    assert_eq!(found(options), expected);
}

/// Case C17.
#[test]
fn c17_names_of_views_and_tables() {
    for bad in ["a b", "a\"b", "select", "1a", "", "naïve", "processes", "Users"] {
        assert_eq!(found(json!({ "views": { bad: "select 1" } })), [format!("E views.{bad}")]);
    }
    let table = json!({ "query": "select 1", "path": "/x", "columns": ["path"] });
    let found = found(json!({ "auto_table_construction": { "users": table, "mine": { "path": "/x" } } }));
    assert_eq!(
        found,
        [
            "E auto_table_construction.users",
            "W auto_table_construction.users.columns",
            "E auto_table_construction.mine",
            "E auto_table_construction.mine.columns"
        ]
    );
}

/// Cases C19, C21 and C22.
#[test]
fn c19_c21_c22_what_has_no_place() {
    let document = json!({ "error": null, "node_invalid": true, "schedule": {}, "packs": { "a": "/x.conf" },
        "typo": {}, "options": { "custom_a": "a\0b" }, "events": { "enable_subscribers": [1] } });
    let expected = [
        "E node_invalid",
        "E schedule",
        "E packs",
        "E typo",
        "E options.custom_a",
        "E events.enable_subscribers",
    ];
    assert_eq!(found(document), expected);
}
