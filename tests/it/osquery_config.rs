//! What hosts are configured with: schedule, packs and layers, served to those they are for and to nobody else.

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::raw::post;
use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

const QUERY: &str = "savedQuery { id name version pack { name } schedule { interval logging platform
    minOsqueryVersion shard denylist discardData automations labelsIncludeAny { name } } }";
const LAYER: &str = "layer { version document platform team { name } } warnings { path message }";

on_both!(
    schedule,
    c05_c15_bad_schedules,
    c06_reserved_names,
    c07_colliding_names,
    c08_pack_names,
    c09_flags_of_a_query,
    packs,
    layers,
    c10_c13_bad_documents,
    c11_too_large,
    c12_warnings,
    c16_etag,
    c18_hash,
    labels,
    teams,
    no_statements,
    every_server,
    roles
);

/// A query with a schedule is in the configuration, without it is not; a change is there at the next fetch.
async fn schedule(world: World) {
    let mut host = world.host("web").await;
    let schedule = json!({ "interval": 60, "logging": "SNAPSHOT", "platform": "Linux, darwin",
        "minOsqueryVersion": "5.0", "shard": 50, "discardData": true, "automations": false });
    let new = json!({ "name": "users", "sql": "select * from users", "schedule": schedule });
    let made = world.admin.mutate("createSavedQuery", QUERY, new).await["savedQuery"].clone();
    let shown = json!({ "interval": 60, "logging": "SNAPSHOT", "platform": "linux,darwin",
        "minOsqueryVersion": "5.0", "shard": 50, "denylist": true, "discardData": true, "automations": false,
        "labelsIncludeAny": [] });
    assert_eq!(made["schedule"], shown);
    world.admin.mutate("createSavedQuery", QUERY, json!({ "name": "live", "sql": "select 1" })).await;
    let config = host.config().await.expect("a configuration");
    let expected = json!({ "users": { "query": "select * from users", "interval": 60, "snapshot": true,
        "platform": "linux,darwin", "version": "5.0", "shard": 50 } });
    assert_eq!(config["schedule"], expected);
    let change = json!({ "id": made["id"], "sql": "select uid from users", "schedule": { "interval": 90 } });
    world.admin.mutate("updateSavedQuery", QUERY, change).await;
    let config = host.config().await.expect("a configuration");
    assert_eq!(config["schedule"], json!({ "users": { "query": "select uid from users", "interval": 90 } }));
    let listed = world.admin.ask("{ savedQueries(scheduled: true) { nodes { name } } }", json!({})).await;
    assert_eq!(listed["savedQueries"]["nodes"], json!([{ "name": "users" }]));
    let off =
        world.admin.mutate("updateSavedQuery", QUERY, json!({ "id": made["id"], "schedule": null })).await;
    assert_eq!(off["savedQuery"]["schedule"], Value::Null);
    assert_eq!(host.config().await.expect("a configuration")["schedule"], json!({}));
}

/// Cases C05, C14 and C15.
async fn c05_c15_bad_schedules(world: World) {
    for (schedule, path) in [
        (json!({ "interval": 0 }), "interval"),
        (json!({ "interval": -1 }), "interval"),
        (json!({ "interval": 604_801 }), "interval"),
        (json!({ "interval": 60, "shard": 0 }), "shard"),
        (json!({ "interval": 60, "shard": 101 }), "shard"),
        (json!({ "interval": 60, "minOsqueryVersion": "five" }), "minOsqueryVersion"),
        (json!({ "interval": 60, "platform": "linux;darwin" }), "platform"),
        (json!({ "interval": 60, "labelsIncludeAny": ["lbl_1"] }), "labelsIncludeAny"),
    ] {
        let new = json!({ "name": "users", "sql": "select 1", "schedule": schedule });
        let refused = world.admin.mutate("createSavedQuery", QUERY, new).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["schedule", path]), "{refused}");
    }
    let new = json!({ "name": "users", "sql": "select 1", "schedule": {} });
    let missing = world.admin.gql(
        "mutation($input: CreateSavedQueryInput!) { createSavedQuery(input: $input) { savedQuery { id } } }",
        json!({ "input": new }),
    );
    assert!(missing.await.get("errors").is_some(), "an interval is never left to the agent");
}

/// Case C06.
async fn c06_reserved_names(world: World) {
    for name in ["cpu_counter", "my_epoch", "query.x", "cache.x", "config_views.x"] {
        let refused = scheduled(&world.admin, name, "select 1", json!({})).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["name"]), "{name}");
        let live =
            world.admin.mutate("createSavedQuery", QUERY, json!({ "name": name, "sql": "select 1" })).await;
        assert_eq!(live["savedQuery"]["name"], name, "it is reserved for schedules only");
        let change = json!({ "id": live["savedQuery"]["id"], "schedule": { "interval": 60 } });
        let refused = world.admin.mutate("updateSavedQuery", QUERY, change).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["name"]), "{name}");
    }
}

/// Case C07.
async fn c07_colliding_names(world: World) {
    let team = world.team("berlin").await;
    let id = json!(team.public_id.0);
    scheduled(&world.admin, "users", "select 1", json!({})).await;
    let same = scheduled(&world.admin, "users", "select 2", json!({ "teamId": id })).await;
    assert_eq!(same["userErrors"][0]["code"], "NOT_UNIQUE", "hosts of the team would have two");
    for (pack, query, good) in [("a_b", "c", true), ("a", "b_c", false), ("a2", "b_c", true)] {
        let made = world.admin.mutate("createPack", "pack { id }", json!({ "name": pack })).await;
        let put = json!({ "packId": made["pack"]["id"] });
        let outcome = scheduled(&world.admin, query, "select 1", put).await;
        assert_eq!(outcome["savedQuery"].is_object(), good, "{pack} {query}: {outcome}");
    }
    let other = json!({ "document": "{\"options\":{\"pack_delimiter\":\"/\"}}" });
    world.admin.mutate("saveOsqueryConfigLayer", LAYER, other).await;
    let made = world.admin.ask("{ packs(search: \"a\") { nodes { id name } } }", json!({})).await;
    let packs = made["packs"]["nodes"].as_array().expect("a list").clone();
    let a = packs.iter().find(|pack| pack["name"] == "a").expect("it was made");
    let now = scheduled(&world.admin, "b_c", "select 1", json!({ "packId": a["id"] })).await;
    assert!(now["savedQuery"].is_object(), "with another delimiter they differ: {now}");
    let back = json!({ "document": "{}" });
    let refused = world.admin.mutate("saveOsqueryConfigLayer", LAYER, back).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_UNIQUE", "and may not go back");
}

/// Case C08.
async fn c08_pack_names(world: World) {
    for name in ["main", "*", ""] {
        let refused = world.admin.mutate("createPack", "pack { id }", json!({ "name": name })).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["name"]), "{name}");
    }
}

/// Cases C04, C09 and C19.
async fn c09_flags_of_a_query(world: World) {
    let mut host = world.host("web").await;
    let schedule = json!({ "interval": 60, "logging": "DIFFERENTIAL_IGNORE_REMOVALS", "denylist": false });
    let new = json!({ "name": "é😀", "sql": "select 'é😀'", "schedule": schedule });
    world.admin.mutate("createSavedQuery", QUERY, new).await;
    let config = host.config().await.expect("a configuration");
    let query = json!({ "query": "select 'é😀'", "interval": 60, "removed": false, "denylist": false });
    assert_eq!(config["schedule"]["é😀"], query);
}

/// A pack comes with its queries and conditions, and goes with them.
async fn packs(world: World) {
    let mut host = world.host("web").await;
    let shape = "pack { id version enabled queries { totalCount nodes { name } } }";
    let new = json!({ "name": "attacks", "platform": "darwin", "minOsqueryVersion": "4.1", "shard": 10,
        "discovery": ["select 1 from os_version"] });
    let pack = world.admin.mutate("createPack", shape, new.clone()).await["pack"].clone();
    assert!(host.config().await.expect("a configuration").get("packs").is_none(), "it has no queries yet");
    let taken = world.admin.mutate("createPack", shape, new).await;
    assert_eq!(taken["userErrors"][0]["code"], "NOT_UNIQUE");
    scheduled(&world.admin, "wirelurker", "select 2", json!({ "packId": pack["id"] })).await;
    let config = host.config().await.expect("a configuration");
    let expected = json!({ "attacks": { "platform": "darwin", "version": "4.1", "shard": 10,
        "discovery": ["select 1 from os_version"],
        "queries": { "wirelurker": { "query": "select 2", "interval": 60 } } } });
    assert_eq!((&config["packs"], &config["schedule"]), (&expected, &json!({})));
    let off =
        json!({ "id": pack["id"], "expectedVersion": 1, "enabled": false, "discovery": [], "shard": null });
    let changed = world.admin.mutate("updatePack", shape, off.clone()).await["pack"].clone();
    assert_eq!((&changed["enabled"], &changed["queries"]["totalCount"]), (&json!(false), &json!(1)));
    assert!(host.config().await.expect("a configuration").get("packs").is_none());
    let stale = world.admin.mutate("updatePack", shape, off).await;
    assert_eq!(stale["userErrors"][0]["code"], "VERSION_CONFLICT");
    world.admin.mutate("deletePack", "deletedPackId", json!({ "id": pack["id"] })).await;
    let left = world.admin.ask("{ packs { totalCount } savedQueries { totalCount } }", json!({})).await;
    assert_eq!(left, json!({ "packs": { "totalCount": 0 }, "savedQueries": { "totalCount": 0 } }));
}

/// Layers: all hosts, a team, a platform, a platform in a team; a null takes away; and it is shown what came from where.
async fn layers(world: World) {
    let team = world.team("berlin").await;
    let secret = world.team_secret(&team).await;
    let answering = std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("a", "b"));
    let mut inside = world.host_with("inside", &secret, answering).await;
    let mut outside = world.host("outside").await;
    let id = json!(team.public_id.0);
    for (input, options) in [
        (
            json!({}),
            json!({ "verbose": true, "events_max": 1, "logger_tls_period": 5, "schedule_splay_percent": 1 }),
        ),
        (json!({ "teamId": id }), json!({ "events_max": 2, "verbose": null, "schedule_splay_percent": 2 })),
        (json!({ "platform": "LINUX" }), json!({ "events_expiry": 3, "schedule_splay_percent": 3 })),
        (json!({ "platform": "LINUX", "teamId": id }), json!({ "events_expiry": 4 })),
        (json!({ "platform": "WINDOWS" }), json!({ "events_expiry": 5 })),
    ] {
        let mut input = input;
        input["document"] = json!(json!({ "options": options }).to_string());
        let saved = world.admin.mutate("saveOsqueryConfigLayer", LAYER, input).await;
        assert_eq!(saved["layer"]["version"], 1, "{saved}");
    }
    let config = inside.config().await.expect("a configuration");
    let seen = ["verbose", "events_max", "events_expiry", "schedule_splay_percent", "logger_tls_period"]
        .map(|option| config["options"].get(option).cloned());
    assert_eq!(seen, [None, Some(json!(2)), Some(json!(4)), Some(json!(3)), Some(json!(5))]);
    let config = outside.config().await.expect("a configuration");
    assert_eq!((&config["options"]["verbose"], &config["options"]["events_max"]), (&json!(true), &json!(1)));
    let shown = "query($team: ID) { osqueryConfig(teamId: $team, platform: LINUX) { document hash
        origins { path layer } layers { version platform team { name } } } }";
    let shown = world.admin.ask(shown, json!({ "team": id })).await["osqueryConfig"].clone();
    assert_eq!(shown["layers"].as_array().map(Vec::len), Some(4));
    let origin = |path: &str| {
        let origins = shown["origins"].as_array().expect("a list");
        origins.iter().find(|origin| origin["path"] == path).map(|origin| origin["layer"].clone())
    };
    let origins =
        ["options.distributed_interval", "options.events_max", "options.events_expiry", "options.verbose"];
    assert_eq!(origins.map(origin), [Some(json!(0)), Some(json!(2)), Some(json!(4)), None]);
    assert_eq!(shown["hash"].as_str().map(str::len), Some(40));
    let stale = json!({ "document": "{}", "expectedVersion": 0 });
    let stale = world.admin.mutate("saveOsqueryConfigLayer", LAYER, stale).await;
    assert_eq!(stale["userErrors"][0]["code"], "VERSION_CONFLICT");
}

/// Cases C10, C13, C17, C21 and C22: nothing is saved, and each mistake is told.
async fn c10_c13_bad_documents(world: World) {
    for (document, mistakes) in [
        ("nonsense", 1),
        ("[]", 1),
        (r#"{"decorators":{"interval":{"0":["select 1"],"90":["select 1"]}}}"#, 2),
        (r#"{"options":{"events_max":1.5,"events_expiry":1e3}}"#, 2),
        (r#"{"views":{"a b":"select 1","select":"select 1"}}"#, 2),
        (r#"{"packs":{"a":"/etc/a.conf"}}"#, 1),
        (r#"{"error":"x","schedule":{},"typo":1}"#, 3),
        ("{\"options\":{\"custom_a\":\"\\u0000\"}}", 1),
    ] {
        let refused =
            world.admin.mutate("saveOsqueryConfigLayer", LAYER, json!({ "document": document })).await;
        assert_eq!(refused["layer"], Value::Null, "{document}");
        let errors = refused["userErrors"].as_array().expect("a list");
        assert_eq!(errors.len(), mistakes, "{document}: {errors:?}");
        assert!(errors.iter().all(|error| error["path"] == json!(["document"])));
    }
}

/// Case C11.
async fn c11_too_large(world: World) {
    let mut host = world.host("web").await;
    let sql = format!("select '{}'", "x".repeat(60_000));
    let mut refused = Value::Null;
    let mut count = 0;
    while refused.is_null() && count < 20 {
        let outcome = scheduled(&world.admin, &format!("query {count}"), &sql, json!({})).await;
        refused = outcome["userErrors"].get(0).cloned().unwrap_or_default();
        count += 1;
    }
    assert_eq!((&refused["code"], count), (&json!("LIMIT_EXCEEDED"), 18), "17 of them fit a mebibyte");
    let config = host.config().await.expect("a configuration");
    assert_eq!(
        config["schedule"].as_object().map(serde_json::Map::len),
        Some(17),
        "the last good one is served"
    );
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!({ "a": deep });
    }
    let deep = json!({ "options": { "custom_deep": deep } }).to_string();
    let refused = world.admin.mutate("saveOsqueryConfigLayer", LAYER, json!({ "document": deep })).await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_EXCEEDED");
}

/// Case C12.
async fn c12_warnings(world: World) {
    let document = json!({ "options": { "config_refresh": 60, "carver_block_size": 1 } }).to_string();
    let saved = world.admin.mutate("saveOsqueryConfigLayer", LAYER, json!({ "document": document })).await;
    assert_eq!(saved["layer"]["version"], 1, "{saved}");
    let paths: Vec<_> =
        saved["warnings"].as_array().expect("a list").iter().map(|w| w["path"].clone()).collect();
    assert_eq!(paths, ["options.config_refresh", "options.carver_block_size"]);
}

/// Case C16: an agent that shows the etag of what it has is told only that; one that asks for none gets none.
async fn c16_etag(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let fetch = async |etag: Option<&str>| {
        let mut body = json!({ "node_key": key });
        if let Some(etag) = etag {
            body["etag"] = json!(etag);
        }
        post(world.server.address, "config", &[], body.to_string()).await
    };
    let plain = fetch(None).await;
    assert!(plain.json().get("etag").is_none());
    let first = fetch(Some("")).await.json();
    let etag = first["etag"].as_str().expect("an etag").to_owned();
    assert!(first["schedule"].is_object() && etag != "ok");
    assert_eq!(fetch(Some(&etag)).await.json(), json!({ "etag": "ok" }));
    scheduled(&world.admin, "users", "select 1", json!({})).await;
    let changed = fetch(Some(&etag)).await.json();
    assert!(changed["schedule"]["users"].is_object() && changed["etag"] != json!(etag));
    assert_ne!(fetch(None).await.body, plain.body);
}

/// Case C18: the hash that is shown is that of the bytes that are sent.
async fn c18_hash(world: World) {
    let host = world.host("web").await;
    scheduled(&world.admin, "é", "select '\t'", json!({})).await;
    let key = host.node_key.clone().expect("enrolled");
    let sent = post(world.server.address, "config", &[], json!({ "node_key": key }).to_string()).await;
    let shown = world.admin.ask("{ hosts { nodes { osqueryConfig { document hash } } } }", json!({})).await;
    let shown = &shown["hosts"]["nodes"][0]["osqueryConfig"];
    assert_eq!(shown["document"].as_str().expect("a text").as_bytes(), sent.body);
    let sha1 = |bytes: &[u8]| -> String {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(shown["hash"], sha1(sha1(&sent.body).as_bytes()));
}

/// A query for hosts with a label is given to those alone, and to a host that gets the label at its next fetch.
async fn labels(world: World) {
    let mut host = world.host("web").await;
    let all = world.admin.ask("{ labels(first: 100) { nodes { id name kind } } }", json!({})).await;
    let labels = all["labels"]["nodes"].as_array().expect("a list").clone();
    let label = |part: &str| {
        let found =
            labels.iter().find(|label| label["name"].as_str().is_some_and(|name| name.contains(part)));
        found.unwrap_or_else(|| panic!("{part}: {labels:?}"))["id"].clone()
    };
    for (name, include, exclude) in [
        ("for linux", json!([label("Linux")]), json!([])),
        ("for windows", json!([label("Windows")]), json!([])),
        ("for both", json!([label("Windows"), label("Linux")]), json!([])),
        ("not for linux", json!([]), json!([label("Linux")])),
        ("for none", json!([label("Linux")]), json!([label("Linux")])),
    ] {
        let schedule = json!({ "interval": 60, "labelsIncludeAny": include, "labelsExcludeAny": exclude });
        let new = json!({ "name": name, "sql": "select 1", "schedule": schedule });
        let made = world.admin.mutate("createSavedQuery", QUERY, new).await;
        assert!(made["savedQuery"].is_object(), "{made}");
    }
    let config = host.config().await.expect("a configuration");
    assert_eq!(names(&config), ["for both", "for linux"]);
}

/// What one team has, no host of another is given; what a host has changes with its team.
async fn teams(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let mut host = world.host("web").await;
    for team in [&berlin, &paris] {
        let place = json!({ "teamId": team.public_id.0 });
        scheduled(&world.admin, &format!("of {}", team.name), "select 1", place).await;
    }
    scheduled(&world.admin, "of all", "select 1", json!({})).await;
    assert_eq!(names(&host.config().await.expect("a configuration")), ["of all"]);
    let id =
        world.admin.ask("{ hosts { nodes { id } } }", json!({})).await["hosts"]["nodes"][0]["id"].clone();
    for team in [&berlin, &paris] {
        let input = json!({ "hostIds": [id], "teamId": team.public_id.0 });
        world.admin.mutate("transferHosts", "hosts { id }", input).await;
        let expected = ["of all".to_owned(), format!("of {}", team.name)];
        assert_eq!(names(&host.config().await.expect("a configuration")), expected);
    }
    world.admin.mutate("deleteTeam", "deletedTeamId", json!({ "id": paris.public_id.0 })).await;
    assert_eq!(names(&host.config().await.expect("a configuration")), ["of all"]);
}

/// Hosts that fetch what they have cost no statement, with labels and without.
async fn no_statements(world: World) {
    let mut hosts = world.hosts(5).await;
    let label =
        world.admin.ask("{ labels { nodes { id } } }", json!({})).await["labels"]["nodes"][0]["id"].clone();
    let schedule = json!({ "interval": 60, "labelsIncludeAny": [label] });
    let new = json!({ "name": "users", "sql": "select 1", "schedule": schedule });
    world.admin.mutate("createSavedQuery", QUERY, new).await;
    for host in &mut hosts {
        host.config().await.expect("a configuration");
    }
    let statements = world
        .server
        .statements_of(async || {
            for _ in 0..40 {
                for host in &mut hosts {
                    host.config().await.expect("a configuration");
                }
            }
        })
        .await;
    assert_eq!(statements, 0, "200 fetches");
}

/// A change on one server is served by another at once, where a bus tells it, and after its look at the changes.
async fn every_server(world: World) {
    let mut host = world.host("web").await;
    let other = world.server.beside().await;
    host.server = other.address;
    assert_eq!(names(&host.config().await.expect("a configuration")), Vec::<String>::new());
    scheduled(&world.admin, "users", "select 1", json!({})).await;
    other.fleet.catch_up().await.expect("the store answers");
    assert_eq!(names(&host.config().await.expect("a configuration")), ["users"]);
    other.stop().await;
}

/// Maintainers and automation change it, in their team alone; observers look.
async fn roles(world: World) {
    let team = world.team("berlin").await;
    let id = json!(team.public_id.0);
    for (role, may) in [(Role::Observer, false), (Role::Maintainer, true), (Role::Gitops, true)] {
        let person = world.person(&role.to_string(), role, Some(&team)).await;
        let own = json!({ "document": "{}", "teamId": id });
        let outcome = person.mutate("saveOsqueryConfigLayer", LAYER, own).await;
        assert_eq!(outcome["layer"].is_object(), may, "{role}: {outcome}");
        let all = person.mutate("saveOsqueryConfigLayer", LAYER, json!({ "document": "{}" })).await;
        assert_eq!(all["userErrors"][0]["code"], "NOT_ALLOWED", "{role}");
        let read =
            "query($team: ID) { osqueryConfigLayer(teamId: $team) { version } osqueryConfig { hash } }";
        assert!(person.ask(read, json!({ "team": id })).await["osqueryConfig"]["hash"].is_string());
    }
    let seen = world.admin.ask("{ activities { nodes { kind } } }", json!({})).await.to_string();
    assert!(seen.contains("osquery_config.updated"), "{seen}");
}

/// Makes a query that runs each minute.
async fn scheduled(person: &Person, name: &str, sql: &str, mut place: Value) -> Value {
    place["name"] = json!(name);
    place["sql"] = json!(sql);
    place["schedule"] = json!({ "interval": 60 });
    person.mutate("createSavedQuery", QUERY, place).await
}

/// The names in a schedule, sorted.
fn names(config: &serde_json::Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = config["schedule"].as_object().expect("an object").keys().cloned().collect();
    names.sort();
    names
}
