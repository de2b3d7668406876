//! Importing what other tools write, and exporting what imports to the same state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

const SHAPE: &str = "applied things { outcome kind name pack team reasons place { document line column } }
    notes { isError message place { document line } }";

const CONF: &str = r#"{
  // A comment
  "options": { "pack_delimiter": "/", "logger_plugin": "tls" },
  "decorators": { "load": ["select uuid from system_info;"] },
  "schedule": { "users": { "query": "select * \
    from users;", "interval": "3600", "removed": false } },
  "packs": { "named": "packs/file.conf" }
}"#;

const PACK: &str = r#"{ "platform": "linux,darwin", "discovery": ["select 1"], "queries": {
  "mounts": { "query": "select * from mounts;", "interval": 60, "snapshot": true, "value": "Much" } } }"#;

const FLEET: &str = "
apiVersion: v1
kind: query
spec: {name: emond, query: select * from file, description: Files}
---
apiVersion: v1
kind: pack
spec:
  name: mac
  targets: {labels: [macOS]}
  queries:
  - {query: emond, name: emond_snapshot, interval: 60, snapshot: true}
";

on_both!(everything, whole_or_nothing, there_and_back, existing, policies, teams_and_roles, limits);

fn document(name: &str, text: &str) -> Value {
    json!({ "name": name, "text": text })
}

fn all() -> Value {
    let sql = "-- Hosts files\n-- interval: 300\n-- labels: Linux\nselect * from etc_hosts";
    let files = [("osquery.conf", CONF), ("packs/file.conf", PACK), ("fleet.yml", FLEET), ("hosts.sql", sql)];
    files.iter().map(|(name, text)| document(name, text)).collect()
}

async fn import(person: &Person, input: Value) -> Value {
    person.mutate("importDocuments", SHAPE, input).await
}

async fn export(person: &Person, team: Option<&str>) -> String {
    let query = "query ($team: ID) { export(teamId: $team) { text leftOut } }";
    let export = person.ask(query, json!({ "team": team })).await["export"].clone();
    export["text"].as_str().expect("a text").to_owned()
}

/// Each thing as its outcome, kind and name.
fn outcomes(payload: &Value) -> Vec<String> {
    let word = |thing: &Value, name: &str| thing[name].as_str().unwrap_or("-").to_owned();
    let things = payload["things"].as_array().expect("a list");
    things
        .iter()
        .map(|it| format!("{} {} {}", word(it, "outcome"), word(it, "kind"), word(it, "name")))
        .collect()
}

/// Every form at once: a dry run tells what the import does, hosts get it, and a second time nothing changes.
async fn everything(world: World) {
    let before = export(&world.admin, None).await;
    let dry = import(&world.admin, json!({ "documents": all(), "dryRun": true })).await;
    let expected = [
        "CREATED CONFIGURATION all",
        "CREATED QUERY emond",
        "CREATED QUERY hosts",
        "CREATED QUERY users",
        "CREATED PACK named",
        "CREATED QUERY mounts",
        "CREATED PACK mac",
        "CREATED QUERY emond_snapshot",
    ];
    assert_eq!((outcomes(&dry), &dry["applied"]), (expected.map(str::to_owned).to_vec(), &json!(false)));
    assert_eq!(export(&world.admin, None).await, before, "a dry run saves nothing");
    let done = import(&world.admin, json!({ "documents": all() })).await;
    assert_eq!((outcomes(&done), &done["applied"]), (outcomes(&dry), &json!(true)));
    let note = &done["notes"][0];
    assert_eq!(
        (&note["place"]["document"], &note["place"]["line"]),
        (&json!("osquery.conf"), &json!(3)),
        "{done}"
    );

    let mut host = world.host("web").await;
    let config = host.config().await.expect("a configuration");
    let users = json!({ "query": "select *     from users;", "interval": 3600, "removed": false });
    assert_eq!(config["schedule"]["users"], users);
    let mounts = json!({ "query": "select * from mounts;", "interval": 60, "snapshot": true });
    assert_eq!(config["packs"]["named"]["queries"]["mounts"], mounts);
    assert_eq!(config["packs"]["named"]["platform"], "linux,darwin");
    assert_eq!(config["options"]["pack_delimiter"], "/");

    let again = import(&world.admin, json!({ "documents": all() })).await;
    assert!(outcomes(&again).iter().all(|outcome| outcome.starts_with("UNCHANGED")), "{again}");
    let kinds = "{ activities(first: 100) { nodes { kind } } }";
    let kinds = world.admin.ask(kinds, json!({})).await["activities"]["nodes"].to_string();
    let made = ["saved_query.created", "pack.created", "osquery_config.updated"];
    assert_eq!(made.map(|kind| kinds.matches(kind).count()), [5, 2, 1], "each is recorded, once: {kinds}");
}

/// One thing that is refused, and nothing is saved, unless the rest is asked for.
async fn whole_or_nothing(world: World) {
    let bad = "queries:\n- {name: good, query: select 1, interval: 60}\n- {name: bad, query: select from, interval: 60}\n\
        - {name: cpu_counter, query: select 1, interval: 60}\n- {name: far, query: select 1, interval: 60, \
        labels_include_any: [nowhere]}\nconfiguration:\n- document: {decorators: {interval: {'61': [select 1]}}}\n\
        packs:\n- name: main\n  queries: []\n- name: ok\n  queries:\n  - {name: x, query: select 1, interval: 60}\n";
    let before = export(&world.admin, None).await;
    let payload = import(&world.admin, json!({ "documents": [document("a.yml", bad)] })).await;
    let expected = [
        "REFUSED CONFIGURATION all",
        "CREATED QUERY good",
        "REFUSED QUERY bad",
        "REFUSED QUERY cpu_counter",
        "REFUSED QUERY far",
        "REFUSED PACK main",
        "CREATED PACK ok",
        "CREATED QUERY x",
    ];
    assert_eq!(outcomes(&payload), expected);
    assert_eq!((&payload["applied"], &payload["userErrors"][0]["code"]), (&json!(false), &json!("INVALID")));
    assert_eq!(payload["things"][2]["place"], json!({ "document": "a.yml", "line": 3, "column": 10 }));
    assert!(
        payload["things"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|thing| { (thing["outcome"] == "REFUSED") == (thing["reasons"] != json!([])) })
    );
    assert_eq!(export(&world.admin, None).await, before, "nothing is half imported");

    let broken = json!({ "documents": [document("a.yml", "queries: ["), document("b.sql", "select 1")] });
    let payload = import(&world.admin, broken).await;
    assert_eq!((&payload["applied"], &payload["notes"][0]["isError"]), (&json!(false), &json!(true)));

    let rest = json!({ "documents": [document("a.yml", bad)], "skipRefused": true });
    let payload = import(&world.admin, rest).await;
    assert_eq!((&payload["applied"], &payload["userErrors"]), (&json!(true), &json!([])));
    let listed = world.admin.ask("{ savedQueries { nodes { name } } }", json!({})).await;
    assert_eq!(listed["savedQueries"]["nodes"], json!([{ "name": "good" }, { "name": "x" }]));

    // Two queries that would be logged under one name: the whole is refused, whatever is skipped.
    let collide = "packs:\n- name: a_b\n  queries: [{name: c, query: select 1, interval: 60}]\n\
        - name: a\n  queries: [{name: b_c, query: select 1, interval: 60}]\n";
    let collide = json!({ "documents": [document("c.yml", collide)], "skipRefused": true });
    let payload = import(&world.admin, collide).await;
    assert_eq!(
        (&payload["applied"], &payload["notes"][0]["isError"]),
        (&json!(false), &json!(true)),
        "{payload}"
    );
}

/// What is exported imports to the same: here unchanged, in another team the same things again.
async fn there_and_back(world: World) {
    let (berlin, tokyo) = (world.team("berlin").await, world.team("tokyo").await);
    import(&world.admin, json!({ "documents": all(), "teamId": berlin.public_id })).await;
    let more = "queries:\n- {name: live, query: \"select 'a: b'\", observer_can_run: true, description: ' # odd '}\n\
        - {name: odd, query: select 1, interval: 7, logging: differential, automations_enabled: true, shard: 3, \
        denylist: false, discard_data: true, platform: 'linux,posix', min_osquery_version: '5.10', \
        labels_exclude_any: [Windows, macOS]}\n\
        configuration:\n- {platform: linux, document: {options: {verbose: null, custom_x: {a: [1, 'yes']}}}}\n\
        packs:\n- {name: off, enabled: false, queries: [], description: \"two\\nlines\\n\"}\n\
        policies:\n- {name: shields, query: select 1 from shields, resolution: 'Raise: them', critical: true, \
        platform: 'darwin,linux', labels_include_any: [Linux], labels_exclude_any: [Windows]}\n\
        - {name: plain, query: select 1, description: words}\n";
    let more = json!({ "documents": [document("more.yml", more)], "teamId": berlin.public_id });
    let payload = import(&world.admin, more).await;
    assert_eq!(payload["applied"], true, "{payload}");

    let text = export(&world.admin, Some(&berlin.public_id.0)).await;
    let same = import(&world.admin, json!({ "documents": [document("export.yml", &text)] })).await;
    assert!(outcomes(&same).iter().all(|outcome| outcome.starts_with("UNCHANGED")), "{same}");
    let copy = json!({ "documents": [document("export.yml", &text)], "teamId": tokyo.public_id });
    let copied = import(&world.admin, copy).await;
    assert!(outcomes(&copied).iter().all(|outcome| outcome.starts_with("CREATED")), "{copied}");
    let theirs = export(&world.admin, Some(&tokyo.public_id.0)).await;
    assert_eq!(theirs.replace("name: tokyo", "name: berlin"), text);
    let whole = export(&world.admin, None).await;
    assert!(whole.contains("name: tokyo") && whole.contains("name: berlin"), "{whole}");
}

/// What is there becomes what the documents say, or stays; a pack is one thing.
async fn existing(world: World) {
    let pack = |queries: &str| {
        json!([
            document("p.conf", &format!(r#"{{ "queries": {{ {queries} }} }}"#)),
            document("q.sql", "select 1")
        ])
    };
    let (a, b) =
        (r#""a": {"query": "select 1", "interval": 60}"#, r#""b": {"query": "select 1", "interval": 60}"#);
    import(&world.admin, json!({ "documents": pack(&format!("{a}, {b}")) })).await;
    let fewer = pack(&a.replace("60", "90"));
    let skipped = import(&world.admin, json!({ "documents": fewer, "existing": "SKIP" })).await;
    assert_eq!(outcomes(&skipped), ["UNCHANGED QUERY q", "UNCHANGED PACK p", "SKIPPED QUERY a"]);
    let updated = import(&world.admin, json!({ "documents": fewer })).await;
    let expected = ["UNCHANGED QUERY q", "UNCHANGED PACK p", "CHANGED QUERY a", "REMOVED QUERY b"];
    assert_eq!(outcomes(&updated), expected);
    let listed = world.admin.ask("{ savedQueries { nodes { name version } } }", json!({})).await;
    let expected = json!([{ "name": "q", "version": 1 }, { "name": "a", "version": 2 }]);
    assert_eq!(listed["savedQueries"]["nodes"], expected);
}

/// Policies of Fleet are made, stay, and change; what they can't be here is said.
async fn policies(world: World) {
    let documents = |sql: &str, rest: &str| {
        let text = format!(
            "apiVersion: v1\nkind: policy\nspec: {{name: shields, query: {sql}, platform: macOS, critical: true{rest}}}"
        );
        json!([document("policies.yml", &text)])
    };
    let made = import(&world.admin, json!({ "documents": documents("select 1", "") })).await;
    assert_eq!(
        (outcomes(&made), &made["applied"]),
        (vec!["CREATED POLICY shields".to_owned()], &json!(true))
    );
    let again = import(&world.admin, json!({ "documents": documents("select 1", "") })).await;
    assert_eq!(outcomes(&again), ["UNCHANGED POLICY shields"]);
    let skipped = json!({ "documents": documents("select 2", ""), "existing": "SKIP" });
    assert_eq!(outcomes(&import(&world.admin, skipped).await), ["SKIPPED POLICY shields"]);
    let changed = import(&world.admin, json!({ "documents": documents("select 2", "") })).await;
    assert_eq!(outcomes(&changed), ["CHANGED POLICY shields"]);
    let query = "{ policies { nodes { name sql critical platforms version team { name } } } }";
    let expected = json!([{ "name": "shields", "sql": "select 2", "critical": true, "platforms": ["DARWIN"],
        "version": 2, "team": null }]);
    assert_eq!(world.admin.ask(query, json!({})).await["policies"]["nodes"], expected);
    for (sql, rest) in [("drop table x", ""), ("select 1", ", labels_include_any: [none of ours]")] {
        let refused = import(&world.admin, json!({ "documents": documents(sql, rest) })).await;
        assert_eq!(
            (&refused["applied"], &refused["things"][0]["outcome"]),
            (&json!(false), &json!("REFUSED"))
        );
    }
}

/// A team's own may import into it, and nowhere else; a team that is not theirs is one that is not there.
async fn teams_and_roles(world: World) {
    let (berlin, _) = (world.team("berlin").await, world.team("tokyo").await);
    let gitops = world.person("gitops", Role::Gitops, Some(&berlin)).await;
    let documents = json!([document("a.sql", "-- interval: 60\nselect 1")]);
    let global = import(&gitops, json!({ "documents": documents })).await;
    assert_eq!((outcomes(&global), &global["applied"]), (vec!["REFUSED QUERY a".to_owned()], &json!(false)));
    let theirs = import(&gitops, json!({ "documents": documents, "teamId": berlin.public_id })).await;
    assert_eq!((&theirs["applied"], &theirs["things"][0]["team"]), (&json!(true), &json!("berlin")));
    for (team, what) in [("berlin", "UNCHANGED"), ("tokyo", "REFUSED"), ("nowhere", "REFUSED")] {
        let text = format!("-- interval: 60\n-- team: {team}\nselect 1");
        let payload = import(&gitops, json!({ "documents": [document("a.sql", &text)] })).await;
        assert_eq!(payload["things"][0]["outcome"], what, "{team}");
    }
    assert!(export(&gitops, None).await.contains("name: berlin"));
    let observer = world.person("observer", Role::Observer, None).await;
    let denied = import(&observer, json!({ "documents": documents })).await;
    assert_eq!(denied["userErrors"][0]["code"], "NOT_ALLOWED");
}

/// What does not fit is said; more fits when it is compressed.
async fn limits(world: World) {
    for (archive, message) in [("%", "base64"), ("aGVsbG8=", "gzip")] {
        let payload = import(&world.admin, json!({ "archive": archive })).await;
        assert!(payload["userErrors"][0]["message"].to_string().contains(message), "{payload}");
    }
    let queries: String = (0..700)
        .map(|n| format!("- {{name: q{n}, query: 'select {n} /* {} */'}}\n", "x".repeat(400)))
        .collect();
    let json = json!([document("many.yml", &format!("queries:\n{queries}"))]).to_string();
    assert!(json.len() > 256 * 1024);
    let payload = import(&world.admin, json!({ "archive": STANDARD.encode(gzip(json.as_bytes())) })).await;
    assert_eq!((&payload["applied"], outcomes(&payload).len()), (&json!(true), 700));
    let queries: String = (0..5_001).map(|n| format!("- {{name: q{n}, query: select 1}}\n")).collect();
    let json = json!([document("many.yml", &format!("queries:\n{queries}"))]).to_string();
    let payload = import(&world.admin, json!({ "archive": STANDARD.encode(gzip(json.as_bytes())) })).await;
    assert_eq!(payload["userErrors"][0]["code"], "LIMIT_EXCEEDED");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).expect("memory is there");
    gzip.finish().expect("memory is there")
}
