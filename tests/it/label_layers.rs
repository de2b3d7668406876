//! Layers of configuration for hosts with labels: who gets which, in which order, and what becomes of that when labels,
//! layers and teams change.

use muster::fleet::teams::Team;
use muster::policy::Role;
use serde_json::{Map, Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

on_both!(
    each_host_gets_those_of_its_labels,
    the_order_is_plain,
    members_come_and_go,
    saved_as_a_whole_and_deleted,
    mistakes_are_told,
    what_some_host_would_drop_is_refused,
    a_label_in_use_is_not_deleted,
    unchanged_it_costs_no_statement,
    on_every_server,
    roles_and_teams,
    in_the_audit_trail,
    imported_and_exported,
    bad_and_doubled_imports
);

const SAVED: &str = "layer { name version priority platform team { name } document labelsIncludeAny { name }
    labelsExcludeAny { name } } warnings { path }";

/// A label with members by hand; answers its id.
async fn label(person: &Person, name: &str, team: Option<&Team>, hosts: &[&str]) -> Value {
    let new = json!({ "name": name, "teamId": team.map(|team| &team.public_id.0) });
    let made = person.mutate("createLabel", "label { id }", new).await;
    let id = made["label"]["id"].clone();
    assert!(id.is_string(), "{made}");
    put_in(person, &id, hosts).await;
    id
}

async fn put_in(person: &Person, label: &Value, hosts: &[&str]) {
    if !hosts.is_empty() {
        let input = json!({ "labelId": label, "names": hosts });
        let added = person.mutate("addHostsToLabel", "hostsAdded", input).await;
        assert_eq!(added["hostsAdded"], hosts.len(), "{added}");
    }
}

/// Saves a layer with these options; answers what was answered.
async fn save(person: &Person, mut layer: Value, options: Value) -> Value {
    layer["document"] = json!(json!({ "options": options }).to_string());
    person.mutate("saveOsqueryConfigLayer", SAVED, layer).await
}

/// Saves a layer without options, perhaps as somebody who may not read labels.
async fn try_to_save(person: &Person, mut layer: Value) -> Value {
    layer["document"] = json!("{}");
    person.mutate("saveOsqueryConfigLayer", "layer { name }", layer).await
}

/// Saves a layer that is good.
async fn saved(person: &Person, layer: Value, options: Value) -> Value {
    let saved = save(person, layer, options).await;
    assert!(saved["layer"].is_object(), "{saved}");
    saved["layer"].clone()
}

/// Imports a text.
async fn import(person: &Person, text: &str, more: Value) -> Value {
    let mut input = json!({ "documents": [{ "name": "a.yml", "text": text }] });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let shape = "applied things { outcome kind name reasons } notes { isError message }";
    person.mutate("importDocuments", shape, input).await
}

/// The layers for all hosts.
async fn layers(person: &Person) -> Value {
    let asked = "{ osqueryConfigLayers { name priority platform document labelsIncludeAny { name }
        labelsExcludeAny { name } } }";
    person.ask(asked, json!({})).await["osqueryConfigLayers"].clone()
}

async fn config(host: &mut Agent) -> Map<String, Value> {
    host.config().await.expect("a configuration")
}

/// An option of what a host is served.
async fn option(host: &mut Agent, name: &str) -> Value {
    config(host).await["options"].get(name).cloned().unwrap_or_default()
}

/// Of two hosts each gets what is for its labels: one of these, none of those, of its platform and team; over what else
/// they have. It is shown which layers that are, and which value came from which.
async fn each_host_gets_those_of_its_labels(world: World) {
    let berlin = world.team("berlin").await;
    let secret = world.team_secret(&berlin).await;
    let answering = std::sync::Arc::new(|_: &str| AgentAnswer::empty());
    let mut db = world.host("db").await;
    let mut web = world.host("web").await;
    let mut inside = world.host_with("inside", &secret, answering).await;
    let id = json!(berlin.public_id.0);
    let databases = label(&world.admin, "databases", None, &["db", "inside"]).await;
    let other = label(&world.admin, "other", None, &[]).await;
    saved(&world.admin, json!({}), json!({ "events_max": 1, "verbose": true, "custom_a": "all" })).await;
    saved(&world.admin, json!({ "teamId": id }), json!({ "events_max": 2, "custom_a": "team" })).await;
    for (layer, options) in [
        (
            json!({ "name": "for databases", "labelsIncludeAny": [other, databases] }),
            json!({ "events_max": 3, "verbose": null }),
        ),
        (json!({ "name": "not", "labelsExcludeAny": [databases] }), json!({ "custom_not": 1 })),
        (json!({ "name": "nobody", "labelsIncludeAny": [other] }), json!({ "custom_nobody": 1 })),
        (
            json!({ "name": "win", "platform": "WINDOWS", "labelsIncludeAny": [databases] }),
            json!({ "custom_win": 1 }),
        ),
        (
            json!({ "name": "lin", "platform": "LINUX", "labelsIncludeAny": [databases] }),
            json!({ "custom_lin": 1 }),
        ),
        (
            json!({ "name": "team's", "teamId": id, "labelsIncludeAny": [databases] }),
            json!({ "custom_inside": 1 }),
        ),
    ] {
        saved(&world.admin, layer, options).await;
    }
    let mut seen = Vec::new();
    for host in [&mut db, &mut web, &mut inside] {
        let options = config(host).await["options"].clone();
        let of = |name: &str| options.get(name).cloned().unwrap_or_default();
        let names: Vec<_> = ["not", "nobody", "win", "lin", "inside"]
            .into_iter()
            .filter(|name| options.get(format!("custom_{name}")).is_some())
            .collect();
        seen.push(json!([of("events_max"), of("verbose"), of("custom_a"), names]));
    }
    let expected = [
        json!([3, null, "all", ["lin"]]),
        json!([1, true, "all", ["not"]]),
        json!([3, null, "team", ["lin", "inside"]]),
    ];
    assert_eq!(seen, expected);
    shown_of(&world.admin, &mut inside).await;
    let of_team = "query($id: ID) { osqueryConfig(teamId: $id) { layers { team { name } } } }";
    let of_team = world.admin.ask(of_team, json!({ "id": id })).await;
    let layers = json!([{ "team": null }, { "team": { "name": "berlin" } }]);
    assert_eq!(of_team["osqueryConfig"]["layers"], layers, "each once, the team's over the other");
}

/// What is shown of the host inside the team: what it is served, and of which layers that is.
async fn shown_of(admin: &Person, inside: &mut Agent) {
    let asked = "query($of: String) { hosts(filter: { search: $of }) { nodes { osqueryConfig { document
        layers { name team { name } labelsIncludeAny { name } } origins { path layer } } } } }";
    let shown = admin.ask(asked, json!({ "of": "inside" })).await;
    let shown = shown["hosts"]["nodes"][0]["osqueryConfig"].clone();
    let document: Value = serde_json::from_str(shown["document"].as_str().expect("a text")).expect("JSON");
    assert_eq!(document, Value::Object(config(inside).await));
    let names: Vec<_> =
        shown["layers"].as_array().expect("a list").iter().map(|layer| &layer["name"]).collect();
    assert_eq!(names, [&Value::Null, &Value::Null, &json!("for databases"), &json!("lin"), &json!("team's")]);
    let labels = json!([{ "name": "databases" }, { "name": "other" }]);
    assert_eq!(shown["layers"][2]["labelsIncludeAny"], labels);
    let origins = shown["origins"].as_array().expect("a list");
    let origin =
        |path: &str| origins.iter().find(|origin| origin["path"] == path).map(|it| it["layer"].clone());
    let of = ["options.custom_a", "options.events_max", "options.custom_inside"].map(origin);
    assert_eq!(of, [Some(json!(2)), Some(json!(3)), Some(json!(5))]);
    let whole = admin.ask("{ osqueryConfig { document layers { name } } }", json!({})).await;
    assert_eq!(whole["osqueryConfig"]["layers"], json!([{ "name": null }]));
    assert!(!whole.to_string().contains("custom_not"), "which of them apply, hosts differ in: {whole}");
}

/// More priority wins; of equal ones the team's over what is global, and then the later name.
async fn the_order_is_plain(world: World) {
    let berlin = world.team("berlin").await;
    let secret = world.team_secret(&berlin).await;
    let mut host = world.host_with("in", &secret, std::sync::Arc::new(|_: &str| AgentAnswer::empty())).await;
    let all = label(&world.admin, "all of them", None, &["in"]).await;
    let id = json!(berlin.public_id.0);
    let names = [
        ("b", 100, false),
        ("a", 100, false),
        ("B", 100, false),
        ("0", 100, true),
        ("z", 99, true),
        ("c", 101, false),
    ];
    for (name, priority, of_team) in names {
        let mut layer = json!({ "name": name, "priority": priority, "labelsIncludeAny": [all] });
        if of_team {
            layer["teamId"] = id.clone();
        }
        if priority == 100 {
            layer.as_object_mut().expect("an object").remove("priority");
        }
        let saved = saved(&world.admin, layer, json!({ "custom_last": name })).await;
        assert_eq!((&saved["priority"], &saved["version"]), (&json!(priority), &json!(1)));
    }
    // Those above it are taken away, one by one.
    for last in ["c", "0", "b", "a", "B", "z"] {
        assert_eq!(option(&mut host, "custom_last").await, last);
        let team = ["0", "z"].contains(&last).then_some(&id);
        let gone = json!({ "teamId": team, "name": last });
        let gone = world.admin.mutate("deleteOsqueryConfigLayer", "deletedLayerName", gone).await;
        assert_eq!(gone["deletedLayerName"], last, "{gone}");
    }
    assert_eq!(option(&mut host, "custom_last").await, Value::Null);
}

/// A host that joins has it at its next fetch, one that leaves has it no more.
async fn members_come_and_go(world: World) {
    let mut host = world.host("web").await;
    let some = label(&world.admin, "some", None, &[]).await;
    saved(
        &world.admin,
        json!({ "name": "x", "labelsIncludeAny": [some] }),
        json!({ "distributed_interval": 77 }),
    )
    .await;
    assert_eq!(option(&mut host, "distributed_interval").await, 10);
    put_in(&world.admin, &some, &["web"]).await;
    assert_eq!(option(&mut host, "distributed_interval").await, 77);
    world.server.tick().await;
    let asked = "{ hosts { nodes { contact { checkInIntervalSeconds } } } }";
    let seen = world.admin.ask(asked, json!({})).await;
    assert_eq!(seen["hosts"]["nodes"][0]["contact"]["checkInIntervalSeconds"], 77, "it is expected as often");
    let leaves = json!({ "labelId": some, "names": ["web"] });
    world.admin.mutate("removeHostsFromLabel", "hostsRemoved", leaves).await;
    assert_eq!(option(&mut host, "distributed_interval").await, 10);
}

/// A layer of a name is replaced as a whole: labels, platform, priority, document. One that is gone is gone.
async fn saved_as_a_whole_and_deleted(world: World) {
    let mut host = world.host("web").await;
    let (mine, other) =
        (label(&world.admin, "mine", None, &["web"]).await, label(&world.admin, "other", None, &[]).await);
    let first = json!({ "name": " x ", "priority": 7, "platform": "LINUX", "labelsIncludeAny": [mine] });
    let first = saved(&world.admin, first, json!({ "custom_a": 1 })).await;
    assert_eq!((&first["name"], &first["platform"]), (&json!("x"), &json!("LINUX")));
    assert_eq!(option(&mut host, "custom_a").await, 1);
    let stale = json!({ "name": "x", "labelsIncludeAny": [mine], "expectedVersion": 0 });
    assert_eq!(save(&world.admin, stale, json!({})).await["userErrors"][0]["code"], "VERSION_CONFLICT");
    let second = json!({ "name": "x", "labelsExcludeAny": [other], "expectedVersion": 1 });
    let second = saved(&world.admin, second, json!({ "custom_b": 2 })).await;
    let expected = json!({ "name": "x", "version": 2, "priority": 100, "platform": null, "team": null,
        "document": "{\"options\":{\"custom_b\":2}}", "labelsIncludeAny": [], "labelsExcludeAny": [{ "name": "other" }] });
    assert_eq!(second, expected);
    let read = "{ osqueryConfigLayer(name: \"x\", platform: WINDOWS) { version } other: osqueryConfigLayer(name: \"y\") { version }
        osqueryConfigLayer2: osqueryConfigLayer { name version } osqueryConfigLayers { name version } }";
    let read = world.admin.ask(read, json!({})).await;
    let expected = json!({ "osqueryConfigLayer": { "version": 2 }, "other": null,
        "osqueryConfigLayer2": { "name": null, "version": 0 }, "osqueryConfigLayers": [{ "name": "x", "version": 2 }] });
    assert_eq!(read, expected);
    assert_eq!(
        [option(&mut host, "custom_a").await, option(&mut host, "custom_b").await],
        [Value::Null, json!(2)]
    );
    for (expected, code) in [(json!("x"), Value::Null), (Value::Null, json!("NOT_FOUND"))] {
        let gone = json!({ "name": "x" });
        let gone = world.admin.mutate("deleteOsqueryConfigLayer", "deletedLayerName", gone).await;
        assert_eq!((&gone["deletedLayerName"], &gone["userErrors"][0]["code"]), (&expected, &code));
    }
    assert_eq!(option(&mut host, "custom_b").await, Value::Null);
}

/// What is wrong is told where it is, by the rules of other layers and its own.
async fn mistakes_are_told(world: World) {
    let some = label(&world.admin, "some", None, &[]).await;
    let good = json!({ "name": "x", "labelsIncludeAny": [some] });
    let with = |more: Value| {
        let mut layer = good.clone();
        layer.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        layer
    };
    let options = |options: Value| json!({ "options": options }).to_string();
    for (layer, document, path) in [
        (with(json!({ "name": "" })), "{}".to_owned(), "name"),
        (with(json!({ "name": "x".repeat(256) })), "{}".to_owned(), "name"),
        (with(json!({ "name": null })), "{}".to_owned(), "name"),
        (json!({ "priority": 1 }), "{}".to_owned(), "name"),
        (json!({ "labelsExcludeAny": [some] }), "{}".to_owned(), "name"),
        (with(json!({ "priority": -1 })), "{}".to_owned(), "priority"),
        (with(json!({ "priority": 1_001 })), "{}".to_owned(), "priority"),
        (json!({ "name": "x" }), "{}".to_owned(), "labelsIncludeAny"),
        (with(json!({ "labelsIncludeAny": ["lbl_nothing"] })), "{}".to_owned(), "labelsIncludeAny"),
        (with(json!({ "labelsExcludeAny": ["lbl_nothing"] })), "{}".to_owned(), "labelsExcludeAny"),
        (with(json!({ "teamId": "tem_nothing" })), "{}".to_owned(), "teamId"),
        (good.clone(), "nonsense".to_owned(), "document"),
        (good.clone(), options(json!({ "events_max": "many" })), "document"),
        (good.clone(), json!({ "schedule": {} }).to_string(), "document"),
        (good.clone(), json!({ "node_invalid": true }).to_string(), "document"),
        (good.clone(), options(json!({ "pack_delimiter": "/" })), "document"),
        (good.clone(), json!({ "options": null }).to_string(), "document"),
    ] {
        let mut layer = layer;
        layer["document"] = json!(document);
        let refused = world.admin.mutate("saveOsqueryConfigLayer", SAVED, layer.clone()).await;
        assert_eq!(refused["userErrors"][0]["path"], json!([path]), "{layer}: {refused}");
        assert_eq!(refused["layer"], Value::Null);
    }
    let warned = json!({ "carver_block_size": 1, "no_such_flag": 1, "disable_distributed": true });
    let warned = save(&world.admin, good.clone(), warned).await;
    assert_eq!(warned["warnings"].as_array().map(Vec::len), Some(3), "{warned}");
    for number in 1..100 {
        let more = with(json!({ "name": format!("layer {number}") }));
        saved(&world.admin, more, json!({})).await;
    }
    let refused = save(&world.admin, with(json!({ "name": "one more" })), json!({})).await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_EXCEEDED");
    saved(&world.admin, good, json!({})).await;
}

/// Whatever labels a host has, its agent takes what it is sent: all layers together are not too large, none is too deep.
async fn what_some_host_would_drop_is_refused(world: World) {
    let mut host = world.host("web").await;
    let (one, other) = (
        label(&world.admin, "one", None, &["web"]).await,
        label(&world.admin, "other", None, &["web"]).await,
    );
    let large = async |name: &str, label: &Value| {
        let layer = json!({ "name": name, "labelsIncludeAny": [label],
            "document": json!({ "options": { "custom_large": "x".repeat(200_000) } }).to_string() });
        world.admin.mutate("saveOsqueryConfigLayer", SAVED, layer).await
    };
    for name in ["a", "b", "c", "d", "e"] {
        let label = if name < "c" { &one } else { &other };
        assert!(large(name, label).await["layer"].is_object(), "{name}");
    }
    let refused = large("f", &one).await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_EXCEEDED", "{refused}");
    let served = option(&mut host, "custom_large").await;
    assert_eq!(served.as_str().map(str::len), Some(200_000), "the last good ones are served");
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!({ "a": deep });
    }
    let layer = json!({ "name": "a", "labelsIncludeAny": [one] });
    let refused = save(&world.admin, layer, json!({ "custom_deep": deep })).await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_EXCEEDED");
}

/// A label that a layer asks for stays until the layer is changed, or goes with its team.
async fn a_label_in_use_is_not_deleted(world: World) {
    let berlin = world.team("berlin").await;
    let some = label(&world.admin, "some", None, &[]).await;
    let delete = async || world.admin.mutate("deleteLabel", "deletedLabelId", json!({ "id": some })).await;
    saved(&world.admin, json!({ "name": "x", "labelsExcludeAny": [some] }), json!({})).await;
    let layer = json!({ "name": "y", "teamId": berlin.public_id.0, "labelsIncludeAny": [some] });
    saved(&world.admin, layer, json!({})).await;
    let refused = delete().await["userErrors"][0].clone();
    assert_eq!((&refused["code"], &refused["path"]), (&json!("IN_USE"), &json!(["id"])));
    assert!(
        refused["message"].to_string().contains("the layer `x` of configuration and 1 more"),
        "{refused}"
    );
    world.admin.mutate("deleteOsqueryConfigLayer", "deletedLayerName", json!({ "name": "x" })).await;
    assert_eq!(delete().await["userErrors"][0]["code"], "IN_USE");
    world.admin.mutate("deleteTeam", "deletedTeamId", json!({ "id": berlin.public_id.0 })).await;
    assert_eq!(delete().await["deletedLabelId"], some);
}

/// Hosts with different labels fetch what they have without a statement, with an etag and without.
async fn unchanged_it_costs_no_statement(world: World) {
    let mut hosts = world.hosts(5).await;
    let names = world.admin.ask("{ hosts { nodes { hostname } } }", json!({})).await;
    let name = names["hosts"]["nodes"][0]["hostname"].as_str().expect("a name").to_owned();
    let some = label(&world.admin, "some", None, &[&name]).await;
    saved(&world.admin, json!({ "name": "x", "labelsIncludeAny": [some] }), json!({ "custom_a": 1 })).await;
    let mut before = Vec::new();
    for host in &mut hosts {
        before.push(config(host).await);
    }
    assert_eq!(before.iter().filter(|config| config["options"].get("custom_a").is_some()).count(), 1);
    let ask = async || {
        for _ in 0..40 {
            for (host, before) in hosts.iter_mut().zip(&before) {
                assert_eq!(&config(host).await, before);
            }
        }
    };
    assert_eq!(world.server.statements_of(ask).await, 0, "200 fetches");
}

/// A change on one server is served by another one.
async fn on_every_server(world: World) {
    let mut host = world.host("web").await;
    let other = world.server.beside().await;
    host.server = other.address;
    let some = label(&world.admin, "some", None, &[]).await;
    assert_eq!(option(&mut host, "custom_a").await, Value::Null);
    saved(&world.admin, json!({ "name": "x", "labelsIncludeAny": [some] }), json!({ "custom_a": 1 })).await;
    other.fleet.catch_up().await.expect("the store answers");
    assert_eq!(option(&mut host, "custom_a").await, Value::Null);
    put_in(&world.admin, &some, &["web"]).await;
    other.fleet.catch_up().await.expect("the store answers");
    assert_eq!(option(&mut host, "custom_a").await, 1);
    world.admin.mutate("deleteOsqueryConfigLayer", "deletedLayerName", json!({ "name": "x" })).await;
    other.fleet.catch_up().await.expect("the store answers");
    assert_eq!(option(&mut host, "custom_a").await, Value::Null);
    other.stop().await;
}

/// Maintainers and automation change them, in their team alone, with its labels and global ones; who sees another team
/// learns nothing of them.
async fn roles_and_teams(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let (id, theirs) = (json!(berlin.public_id.0), json!(paris.public_id.0));
    let global = label(&world.admin, "global", None, &[]).await;
    let own = label(&world.admin, "own", Some(&berlin), &[]).await;
    let foreign = label(&world.admin, "foreign", Some(&paris), &[]).await;
    let layer = json!({ "name": "hidden", "teamId": theirs, "labelsIncludeAny": [foreign] });
    saved(&world.admin, layer, json!({ "custom_secret": 1 })).await;
    saved(&world.admin, json!({ "name": "for all", "labelsIncludeAny": [global] }), json!({})).await;
    for (role, may) in [(Role::Observer, false), (Role::Maintainer, true), (Role::Gitops, true)] {
        let person = world.person(&role.to_string(), role, Some(&berlin)).await;
        let layer = json!({ "name": role.to_string(), "teamId": id, "labelsIncludeAny": [own, global] });
        let outcome = try_to_save(&person, layer.clone()).await;
        assert_eq!(outcome["layer"].is_object(), may, "{role}: {outcome}");
        // What is for all hosts is refused to them as such, the rest as what is not there.
        for (more, path) in [
            (json!({ "teamId": null }), Value::Null),
            (json!({ "teamId": theirs }), json!(["teamId"])),
            (json!({ "labelsIncludeAny": [foreign] }), json!(["labelsIncludeAny"])),
        ] {
            let mut layer = layer.clone();
            layer.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let refused = try_to_save(&person, layer).await;
            assert_eq!(refused["layer"], Value::Null, "{role} {path}: {refused}");
            assert!(!may || refused["userErrors"][0]["path"] == path, "{role} {path}: {refused}");
        }
        for place in [json!({ "name": "hidden", "teamId": theirs }), json!({ "name": "for all" })] {
            let refused = person.mutate("deleteOsqueryConfigLayer", "deletedLayerName", place).await;
            assert_eq!(refused["deletedLayerName"], Value::Null, "{role}: {refused}");
        }
        let read =
            "query($id: ID) { osqueryConfigLayers { name } of: osqueryConfigLayers(teamId: $id) { name } }";
        let seen = person.ask(read, json!({ "id": id })).await;
        assert_eq!(seen["osqueryConfigLayers"], json!([{ "name": "for all" }]), "{role}");
        let hidden = "query($id: ID) { osqueryConfigLayers(teamId: $id) { name document }
            osqueryConfigLayer(teamId: $id, name: \"hidden\") { document } }";
        let hidden = person.gql(hidden, json!({ "id": theirs })).await.to_string();
        assert!(hidden.contains("NOT_FOUND") && !hidden.contains("custom_secret"), "{role}: {hidden}");
        let gone = json!({ "name": role.to_string(), "teamId": id });
        let gone = person.mutate("deleteOsqueryConfigLayer", "deletedLayerName", gone).await;
        assert_eq!(gone["deletedLayerName"].is_string(), may, "{role}: {gone}");
    }
    // A label of one team is none of what is for all hosts, whoever asks.
    let refused = save(&world.admin, json!({ "name": "x", "labelsIncludeAny": [own] }), json!({})).await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["labelsIncludeAny"]));
}

/// Who changed what is told, with what it was and is.
async fn in_the_audit_trail(world: World) {
    let berlin = world.team("berlin").await;
    let some = label(&world.admin, "some", None, &[]).await;
    let layer = json!({ "name": "x", "teamId": berlin.public_id.0, "labelsIncludeAny": [some] });
    saved(&world.admin, layer.clone(), json!({ "custom_a": 1 })).await;
    saved(&world.admin, layer, json!({ "custom_a": 2 })).await;
    let gone = json!({ "name": "x", "teamId": berlin.public_id.0 });
    world.admin.mutate("deleteOsqueryConfigLayer", "deletedLayerName", gone).await;
    let asked = "{ activities(first: 3, filter: { kinds: [\"osquery_config\"] }) { nodes { kind details team { name } } } }";
    let seen = world.admin.ask(asked, json!({})).await["activities"]["nodes"].clone();
    let kinds: Vec<_> = seen.as_array().expect("a list").iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["osquery_config.deleted", "osquery_config.updated", "osquery_config.updated"]);
    assert_eq!(seen[0]["team"]["name"], "berlin");
    let details = &seen[1]["details"];
    let details = details.as_str().map_or(details.clone(), |text| serde_json::from_str(text).expect("JSON"));
    let expected = json!({ "name": "x", "platform": "all", "priority": 100, "version": 2,
        "labelsIncludeAny": ["some"], "labelsExcludeAny": [],
        "from": { "options": { "custom_a": 1 } }, "to": { "options": { "custom_a": 2 } } });
    assert_eq!(details, expected);
}

/// They come with an import, which lays members over what is there, and go with an export.
async fn imported_and_exported(world: World) {
    let mut host = world.host("web").await;
    label(&world.admin, "some", None, &["web"]).await;
    label(&world.admin, "other", None, &[]).await;
    let text = "configuration:\n- {name: x, labels_include_any: [some], document: {options: {custom_a: 1}}}\n\
        - {name: w, platform: windows, priority: 9, labels_exclude_any: [other, some], document: {options: {verbose: null}}}\n";
    let made = import(&world.admin, text, json!({})).await;
    assert_eq!((&made["applied"], &made["things"][1]["name"]), (&json!(true), &json!("w")), "{made}");
    assert_eq!(option(&mut host, "custom_a").await, 1);
    let again = import(&world.admin, text, json!({})).await;
    assert_eq!([&again["things"][0]["outcome"], &again["things"][1]["outcome"]], ["UNCHANGED", "UNCHANGED"]);

    let more = "configuration:\n- {name: x, priority: 5, labels_include_any: [other, some], document: {options: {custom_b: 2}}}\n";
    let skipped = import(&world.admin, more, json!({ "existing": "SKIP" })).await;
    assert_eq!(skipped["things"][0]["outcome"], "SKIPPED");
    assert_eq!(import(&world.admin, more, json!({})).await["things"][0]["outcome"], "CHANGED");
    assert_eq!([option(&mut host, "custom_a").await, option(&mut host, "custom_b").await], [1, 2]);
    let exported = "query($form: ExportForm!) { export(form: $form) { text leftOut } }";
    let own = world.admin.ask(exported, json!({ "form": "OWN" })).await["export"].clone();
    let text = own["text"].as_str().expect("a text").to_owned();
    let osquery = world.admin.ask(exported, json!({ "form": "OSQUERY" })).await["export"].clone();
    assert!(osquery["leftOut"].to_string().contains("the configuration `x` for labels"), "{osquery}");
    assert!(!osquery["text"].to_string().contains("custom_b"), "{osquery}");
    let before = layers(&world.admin).await;
    assert_eq!((&before[0]["name"], &before[0]["priority"]), (&json!("x"), &json!(5)), "{before}");
    for name in ["x", "w"] {
        world.admin.mutate("deleteOsqueryConfigLayer", "deletedLayerName", json!({ "name": name })).await;
    }
    let back = import(&world.admin, &text, json!({})).await;
    assert_eq!((&back["applied"], &back["notes"]), (&json!(true), &json!([])), "{back}\n{text}");
    assert_eq!(layers(&world.admin).await, before);
}

/// What is wrong with one in an import is told; of two of one name the later one says whom it is for.
async fn bad_and_doubled_imports(world: World) {
    label(&world.admin, "some", None, &[]).await;
    label(&world.admin, "other", None, &[]).await;
    for (layer, reason) in [
        ("name: z, labels_include_any: [nowhere], document: {}", "there is no label `nowhere`"),
        ("name: z, document: {}", "say which"),
        ("name: z, priority: 1001, labels_include_any: [some], document: {}", "a priority is 0 to 1000"),
        ("name: z, labels_include_any: [some], document: {options: {pack_delimiter: /}}", "pack_delimiter"),
        ("name: z, labels_include_any: [some], document: {typo: {}}", "typo"),
        ("name: z, platform: beos, labels_include_any: [some], document: {}", "`beos` is no platform"),
        ("labels_include_any: [some], document: {}", "must have a name"),
    ] {
        let refused = import(&world.admin, &format!("configuration:\n- {{{layer}}}\n"), json!({})).await;
        assert_eq!(refused["applied"], false, "{layer}: {refused}");
        assert!(refused.to_string().contains(reason), "{layer}: {refused}");
    }
    let twice = "configuration:\n\
        - {name: x, priority: 5, labels_include_any: [other, some], document: {options: {custom_b: 2}}}\n\
        - {name: x, labels_include_any: [some], document: {options: {custom_c: 3}}}\n";
    let twice = import(&world.admin, twice, json!({})).await;
    assert!(twice["notes"][0]["message"].to_string().contains("for other hosts"), "{twice}");
    let now = layers(&world.admin).await;
    let x = now
        .as_array()
        .expect("a list")
        .iter()
        .find(|layer| layer["name"] == "x")
        .expect("it is there")
        .clone();
    assert_eq!((&x["priority"], &x["labelsIncludeAny"]), (&json!(100), &json!([{ "name": "some" }])));
    assert_eq!(x["document"], "{\"options\":{\"custom_b\":2,\"custom_c\":3}}");
}
