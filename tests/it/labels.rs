//! Labels by SQL and by hand: who is in them, when, and what they are good for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::services::postgres::connect;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};
use crate::label_deltas::assert_sets_are_the_rows;

on_both!(
    members_follow_the_hosts,
    a_campaign_reaches_exactly_the_members,
    a_failure_changes_no_membership,
    new_sql_is_asked_soon_and_old_answers_are_dropped,
    only_hosts_of_the_platforms_are_asked,
    by_hand,
    what_is_in_use_is_not_deleted,
    versions_keys_and_mistakes,
    told_to_who_looks,
    a_page_costs_the_same_whatever_is_on_it,
    steady_answers_write_nothing
);

/// How often hosts are asked here, and a little: the jitter only makes it earlier.
const INTERVAL: Duration = Duration::from_secs(121);
/// New labels are asked within it.
const SOON: Duration = Duration::from_secs(61);

/// Whoever answers with a row is a member, and is none any more when it answers without, within one interval.
async fn members_follow_the_hosts(world: World) {
    let world = often(world).await;
    let (mut web, is_web) = switch(&world, "web").await;
    let (mut db, _) = switch(&world, "db").await;
    is_web.store(true, Ordering::Relaxed);
    let label = dynamic(&world.admin, "servers", json!({})).await;
    assert_eq!(members(&world.admin, &label).await, Vec::<String>::new());
    for host in [&mut web, &mut db] {
        host.poll().await.expect("a check-in");
    }
    assert_eq!(members(&world.admin, &label).await, ["web"]);
    assert_eq!(labels_of(&world.admin, "web").await, ["All hosts", "Linux", "servers"]);
    is_web.store(false, Ordering::Relaxed);
    web.poll().await.expect("a check-in");
    assert_eq!(members(&world.admin, &label).await, ["web"], "it is not due yet");
    world.server.advance(INTERVAL);
    for host in [&mut web, &mut db] {
        host.poll().await.expect("a check-in");
    }
    assert_eq!(members(&world.admin, &label).await, Vec::<String>::new());
    sound(&world).await;
}

/// A campaign on a label asks its members and nobody else, whoever joins later.
async fn a_campaign_reaches_exactly_the_members(world: World) {
    let world = often(world).await;
    let (mut web, is_web) = switch(&world, "web").await;
    let (mut db, is_db) = switch(&world, "db").await;
    let (mut mail, _) = switch(&world, "mail").await;
    is_web.store(true, Ordering::Relaxed);
    let label = dynamic(&world.admin, "servers", json!({})).await;
    for host in [&mut web, &mut db, &mut mail] {
        host.poll().await.expect("a check-in");
    }
    let targets = json!({ "filter": { "labelIds": [label] } });
    let preview = "query($targets: TargetsInput!) { previewTargets(targets: $targets) { targeted } }";
    let preview = world.admin.ask(preview, json!({ "targets": targets })).await;
    assert_eq!(preview["previewTargets"]["targeted"], 1);
    let started = world.admin.start_on("select name from campaign", targets).await;
    is_db.store(true, Ordering::Relaxed);
    world.server.advance(INTERVAL);
    for host in [&mut db, &mut mail, &mut web] {
        host.poll().await.expect("a check-in");
        host.poll().await.expect("a check-in");
    }
    assert_eq!(members(&world.admin, &label).await, ["db", "web"], "it joined later");
    let campaign = world.admin.campaign(&started).await;
    assert_eq!((&campaign["status"], &campaign["totals"]["targeted"]), (&json!("COMPLETED"), &json!(1)));
    let asked = |host: &Agent| host.ledger.asked.iter().any(|(_, sql)| sql.contains("campaign"));
    assert_eq!((asked(&web), asked(&db), asked(&mail)), (true, false, false));
}

/// A query that fails leaves who is in and who is out, and people see that and why it failed, until it works again.
async fn a_failure_changes_no_membership(world: World) {
    let world = often(world).await;
    let broken = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&broken);
    let answering = move |_: &str| {
        let fails = is_broken.load(Ordering::Relaxed);
        if fails { AgentAnswer::failure("no such table: servers") } else { AgentAnswer::one("a", "1") }
    };
    let mut web = world.host_with("web", &world.secret, Arc::new(answering)).await;
    let label = dynamic(&world.admin, "servers", json!({})).await;
    web.poll().await.expect("a check-in");
    broken.store(true, Ordering::Relaxed);
    world.server.advance(INTERVAL);
    web.poll().await.expect("a check-in");
    assert_eq!(members(&world.admin, &label).await, ["web"]);
    let failures = failures(&world.admin, &label).await;
    assert_eq!(failures["failureCount"], 1);
    let first = &failures["failures"]["nodes"][0];
    assert_eq!(first["message"], "no such table: servers");
    assert_eq!(first["host"]["hostname"], "web");
    world.server.advance(INTERVAL);
    web.poll().await.expect("a check-in");
    let again = self::failures(&world.admin, &label).await;
    assert_eq!(again["failures"]["nodes"][0]["failedAt"], first["failedAt"], "since when it fails");
    broken.store(false, Ordering::Relaxed);
    world.server.advance(INTERVAL);
    web.poll().await.expect("a check-in");
    assert_eq!(self::failures(&world.admin, &label).await["failureCount"], 0);
    sound(&world).await;
}

/// A label whose SQL changed is asked within a minute; an answer to what it asked before is none.
async fn new_sql_is_asked_soon_and_old_answers_are_dropped(world: World) {
    let answering = |sql: &str| {
        if sql.contains("first") { AgentAnswer::one("a", "1") } else { AgentAnswer::empty() }
    };
    let mut web = world.host_with("web", &world.secret, Arc::new(answering)).await;
    let other = dynamic(&world.admin, "other", json!({ "sql": "select 'first and other'" })).await;
    web.poll().await.expect("a check-in");
    let label = dynamic(&world.admin, "servers", json!({ "sql": "select 'first'" })).await;
    world.server.advance(SOON);
    web.read().await.expect("a check-in");
    assert_eq!(asked(&web), 2, "the new one alone");
    let input = json!({ "id": label, "sql": "select 'second'" });
    world.server.advance(Duration::from_secs(1));
    let changed = world.admin.mutate("updateLabel", "label { sql version }", input).await;
    assert_eq!(changed["label"], json!({ "sql": "select 'second'", "version": 2 }), "{changed}");
    web.write().await.expect("an answer to the first");
    assert_eq!(members(&world.admin, &label).await, Vec::<String>::new());
    world.server.advance(SOON);
    web.poll().await.expect("a check-in");
    let last = web.ledger.asked.last().map(|(_, sql)| sql.as_str());
    assert_eq!(last, Some("select 'second'"));
    assert_eq!(members(&world.admin, &label).await, Vec::<String>::new());
    assert_eq!(members(&world.admin, &other).await, ["web"]);
    let input = json!({ "id": label, "sql": "select 'the first again'" });
    world.admin.mutate("updateLabel", "label { sql }", input).await;
    world.server.advance(SOON);
    web.poll().await.expect("a check-in");
    assert_eq!(members(&world.admin, &label).await, ["web"]);
    sound(&world).await;
}

/// Hosts of other platforms are not asked, and leave when theirs is none of the label's any more.
async fn only_hosts_of_the_platforms_are_asked(world: World) {
    let (mut web, is_web) = switch(&world, "web").await;
    is_web.store(true, Ordering::Relaxed);
    let windows = dynamic(&world.admin, "windows", json!({ "platforms": ["WINDOWS"] })).await;
    let linux = dynamic(&world.admin, "linux", json!({ "platforms": ["LINUX", "DARWIN"] })).await;
    web.poll().await.expect("a check-in");
    assert_eq!(asked(&web), 1);
    assert_eq!(members(&world.admin, &windows).await, Vec::<String>::new());
    assert_eq!(members(&world.admin, &linux).await, ["web"]);
    let input = json!({ "id": linux, "platforms": ["DARWIN"] });
    let changed = world.admin.mutate("updateLabel", "label { platforms hostCount }", input).await;
    assert_eq!(changed["label"], json!({ "platforms": ["DARWIN"], "hostCount": 0 }), "{changed}");
    assert_eq!(members(&world.admin, &linux).await, Vec::<String>::new());
    sound(&world).await;
}

/// Hosts are put in and taken out by id and by any of their names; what no host is called is told.
async fn by_hand(world: World) {
    let _hosts = world.hosts(3).await;
    let label = manual(&world.admin, "hand-picked", json!({})).await;
    let id = id_of(&world.admin, "host-0").await;
    let input = json!({ "labelId": label, "hostIds": [id, id],
        "names": ["HOST-1", "host-2-identifier", " host-2 ", "nobody", ""] });
    let shape = "label { hostCount kind } hostsAdded unmatchedNames";
    let added = world.admin.mutate("addHostsToLabel", shape, input.clone()).await;
    assert_eq!(added["label"], json!({ "hostCount": 3, "kind": "MANUAL" }), "{added}");
    assert_eq!((&added["hostsAdded"], &added["unmatchedNames"]), (&json!(3), &json!(["nobody"])));
    let again = world.admin.mutate("addHostsToLabel", shape, input).await;
    assert_eq!(again["hostsAdded"], 0);
    assert_eq!(members(&world.admin, &label).await, ["host-0", "host-1", "host-2"]);
    let input = json!({ "labelId": label, "names": ["host-1", "host-2"] });
    let removed = world.admin.mutate("removeHostsFromLabel", "hostsRemoved label { hostCount }", input).await;
    assert_eq!((&removed["hostsRemoved"], &removed["label"]["hostCount"]), (&json!(2), &json!(1)));
    assert_eq!(members(&world.admin, &label).await, ["host-0"]);
    let of_all = world.admin.ask("{ labels { nodes { id kind } } }", json!({})).await;
    let all = of_all["labels"]["nodes"][0]["id"].clone();
    let by_sql = dynamic(&world.admin, "by sql", json!({})).await;
    for (label, names, path, code) in [
        (json!(by_sql), json!(["host-0"]), "labelId", "INVALID"),
        (all, json!(["host-0"]), "labelId", "INVALID"),
        (json!("lbl_1"), json!(["host-0"]), "labelId", "NOT_FOUND"),
        (json!(label), json!([]), "hostIds", "INVALID"),
        (json!(label), json!(vec!["x"; 1_001]), "names", "LIMIT_EXCEEDED"),
    ] {
        let input = json!({ "labelId": label, "names": names });
        let refused = world.admin.mutate("addHostsToLabel", "hostsAdded", input).await;
        let error = &refused["userErrors"][0];
        assert_eq!((&error["path"], &error["code"]), (&json!([path]), &json!(code)), "{refused}");
    }
    let trail = "{ activities(filter: { kinds: [\"label\"] }) { nodes { kind } } }";
    let trail = world.admin.ask(trail, json!({})).await;
    let kinds: Vec<_> = trail["activities"]["nodes"].as_array().expect("a list").iter().rev().collect();
    let kinds: Vec<_> = kinds.iter().map(|entry| entry["kind"].as_str().expect("a kind")).collect();
    let expected = ["label.created", "label.hosts_added", "label.hosts_removed", "label.created"];
    assert_eq!(kinds, expected);
    sound(&world).await;
}

/// A label that a schedule or a pack asks for says so; one that nobody needs any more goes with its members.
async fn what_is_in_use_is_not_deleted(world: World) {
    let _host = world.host("web").await;
    let label = manual(&world.admin, "hand-picked", json!({})).await;
    let input = json!({ "labelId": label, "names": ["web"] });
    world.admin.mutate("addHostsToLabel", "hostsAdded", input).await;
    let schedule = json!({ "interval": 60, "labelsIncludeAny": [label] });
    let new = json!({ "name": "uptime", "sql": "select 1", "schedule": schedule });
    let query = world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
    let new = json!({ "name": "compliance", "labelsExcludeAny": [label] });
    let pack = world.admin.mutate("createPack", "pack { id }", new).await;
    let delete = async || world.admin.mutate("deleteLabel", "deletedLabelId", json!({ "id": label })).await;
    let refused = delete().await["userErrors"][0].clone();
    assert_eq!((&refused["code"], &refused["path"]), (&json!("IN_USE"), &json!(["id"])), "{refused}");
    assert_eq!(refused["message"], "the label is in use by the saved query `uptime` and 1 more");
    let gone = json!({ "id": query["savedQuery"]["id"] });
    world.admin.mutate("deleteSavedQuery", "deletedSavedQueryId", gone).await;
    let refused = delete().await["userErrors"][0].clone();
    assert_eq!(refused["message"], "the label is in use by the pack `compliance`");
    world.admin.mutate("deletePack", "deletedPackId", json!({ "id": pack["pack"]["id"] })).await;
    assert_eq!(delete().await["deletedLabelId"], json!(label));
    assert_eq!(labels_of(&world.admin, "web").await, ["All hosts", "Linux"]);
    assert_eq!(delete().await["userErrors"][0]["code"], "NOT_FOUND");
    let built_in = world.admin.ask("{ labels { nodes { id } } }", json!({})).await;
    let input = json!({ "id": built_in["labels"]["nodes"][0]["id"] });
    let refused = world.admin.mutate("deleteLabel", "deletedLabelId", input).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
    sound(&world).await;
}

/// Two who change a label at once do not overwrite each other; a repeated request makes one label; bad input is told.
async fn versions_keys_and_mistakes(world: World) {
    let new = json!({ "name": "servers", "sql": "select 1", "idempotencyKey": "k" });
    let shape = "label { id version } labelEdge { cursor }";
    let first = world.admin.mutate("createLabel", shape, new.clone()).await;
    let second = world.admin.mutate("createLabel", shape, new).await;
    assert_eq!(first["label"]["id"], second["label"]["id"]);
    let id = &first["label"]["id"];
    let rename =
        json!({ "id": id, "expectedVersion": 1, "name": "all servers", "description": "What serves" });
    let renamed =
        world.admin.mutate("updateLabel", "label { name description version }", rename.clone()).await;
    let expected = json!({ "name": "all servers", "description": "What serves", "version": 2 });
    assert_eq!(renamed["label"], expected, "{renamed}");
    let conflict = world.admin.mutate("updateLabel", "label { name }", rename).await;
    assert_eq!(conflict["userErrors"][0]["code"], "VERSION_CONFLICT");
    for (input, path, code) in [
        (json!({ "name": "all servers" }), "name", "NOT_UNIQUE"),
        (json!({ "name": "All hosts" }), "name", "NOT_UNIQUE"),
        (json!({ "name": " " }), "name", "INVALID"),
        (json!({ "name": "x", "sql": "selec 1" }), "sql", "SQL_INVALID"),
        (json!({ "name": "x", "platforms": ["LINUX"] }), "platforms", "INVALID"),
        (json!({ "name": "x", "teamId": "tem_1" }), "teamId", "NOT_FOUND"),
    ] {
        let refused = world.admin.mutate("createLabel", "label { id }", input.clone()).await;
        let error = &refused["userErrors"][0];
        assert_eq!((&error["path"], &error["code"]), (&json!([path]), &json!(code)), "{input}: {refused}");
    }
    let curl = json!({ "restrictions": [{ "name": "curl", "level": "FORBIDDEN" }] });
    world.admin.mutate("updateSettings", "settings { version }", curl).await;
    let input = json!({ "name": "x", "sql": "select * from curl where url = 'http://a/'" });
    let refused = world.admin.mutate("createLabel", "label { id }", input).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "{refused}");
    let by_hand = manual(&world.admin, "hand-picked", json!({})).await;
    let input = json!({ "id": by_hand, "sql": "select 1" });
    let refused = world.admin.mutate("updateLabel", "label { id }", input).await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["sql"]), "{refused}");
    let observer = world.person("observer", Role::Observer, None).await;
    let refused = observer.mutate("createLabel", "label { id }", json!({ "name": "x" })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
}

/// Who looks at hosts is told when the labels of one changed, by SQL or by hand, and the host gets another schedule.
async fn told_to_who_looks(world: World) {
    let world = often(world).await;
    let (mut web, is_web) = switch(&world, "web").await;
    let by_sql = dynamic(&world.admin, "servers", json!({})).await;
    let by_hand = manual(&world.admin, "hand-picked", json!({})).await;
    for (name, label) in [("of servers", &by_sql), ("of the chosen", &by_hand)] {
        let schedule = json!({ "interval": 60, "labelsIncludeAny": [label] });
        let new = json!({ "name": name, "sql": "select 1", "schedule": schedule });
        let made = world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
        assert!(made["savedQuery"].is_object(), "{made}");
    }
    web.poll().await.expect("a check-in");
    let scheduled = async |web: &mut Agent| {
        let config = web.config().await.expect("a configuration");
        config["schedule"].as_object().expect("a schedule").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(scheduled(&mut web).await, Vec::<String>::new());
    let document = "subscription { hostChanged { kind host { hostname labels { nodes { name } } } } }";
    let mut looking = world.admin.subscribe(document, json!({})).await;
    let next = async |looking: &mut crate::harness::socket::Subscription| match looking.next().await {
        Told::Next(result) => result["data"]["hostChanged"].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(next(&mut looking).await["kind"], "RESYNC");
    is_web.store(true, Ordering::Relaxed);
    world.server.advance(INTERVAL);
    web.poll().await.expect("a check-in");
    let change = next(&mut looking).await;
    assert_eq!((&change["kind"], &change["host"]["hostname"]), (&json!("UPDATED"), &json!("web")));
    assert!(change.to_string().contains("servers"), "{change}");
    assert_eq!(scheduled(&mut web).await, ["of servers"]);
    let input = json!({ "labelId": by_hand, "names": ["web"] });
    world.admin.mutate("addHostsToLabel", "hostsAdded", input).await;
    assert!(next(&mut looking).await.to_string().contains("hand-picked"));
    assert_eq!(scheduled(&mut web).await, ["of servers", "of the chosen"]);
}

/// A page of labels with their numbers costs as many statements with twenty as with two.
async fn a_page_costs_the_same_whatever_is_on_it(world: World) {
    let (mut web, is_web) = switch(&world, "web").await;
    is_web.store(true, Ordering::Relaxed);
    for number in 0..20 {
        dynamic(&world.admin, &format!("label {number}"), json!({})).await;
    }
    web.poll().await.expect("a check-in");
    let query = "query($first: Int!) { labels(first: $first) { nodes {
        name hostCount failureCount team { name } createdBy { displayName } failures(first: 3) { nodes { message } } } } }";
    let cost = async |first: i32| {
        world
            .server
            .statements_of(async || {
                let page = world.admin.ask(query, json!({ "first": first })).await;
                assert_eq!(page["labels"]["nodes"].as_array().map(Vec::len), usize::try_from(first).ok());
            })
            .await
    };
    assert_eq!(cost(7).await, cost(25).await);
    let page = world.admin.ask(query, json!({ "first": 25 })).await;
    let counts = page["labels"]["nodes"].as_array().expect("a list").iter();
    assert_eq!(counts.filter(|label| label["hostCount"] == 1).count(), 22, "and all hosts, and Linux");
}

/// A round of answers that say what is known already changes no row of a label, and tells nobody.
async fn steady_answers_write_nothing(world: World) {
    let world = often(world).await;
    let (mut web, is_web) = switch(&world, "web").await;
    is_web.store(true, Ordering::Relaxed);
    dynamic(&world.admin, "servers", json!({})).await;
    dynamic(&world.admin, "others", json!({})).await;
    web.poll().await.expect("a check-in");
    let db = connect(&world.server.database_url()).await;
    let told = async || {
        use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
        let kind = entity::changes::Column::Kind.eq(entity::kind::ChangeKind::HostLabels);
        entity::changes::Entity::find().filter(kind).count(&db).await.expect("changes")
    };
    let before = told().await;
    assert_eq!(before, 1, "one for both");
    world.server.advance(INTERVAL);
    web.poll().await.expect("a check-in");
    assert_eq!(asked(&web), 4);
    assert_eq!(told().await, before);
}

/// The world with hosts that are asked every two minutes: nobody has to sign in again meanwhile.
pub async fn often(world: World) -> World {
    World { server: world.server.restart_with(&[("due.labels_interval", "2m")]).await, ..world }
}

/// A host that answers with a row while the switch is on.
pub async fn switch(world: &World, name: &str) -> (Agent, Arc<AtomicBool>) {
    switch_with(world, name, &world.secret).await
}

/// As [`switch`], that came with this secret.
pub async fn switch_with(world: &World, name: &str, secret: &str) -> (Agent, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(false));
    let is_on = Arc::clone(&switch);
    let answering = move |_: &str| {
        if is_on.load(Ordering::Relaxed) { AgentAnswer::one("a", "1") } else { AgentAnswer::empty() }
    };
    (world.host_with(name, secret, Arc::new(answering)).await, switch)
}

/// Makes a label by SQL, and answers its id.
pub async fn dynamic(person: &Person, name: &str, more: Value) -> String {
    let input = json!({ "name": name, "sql": format!("select 1 from label -- {name}") });
    made(person, with(input, more)).await
}

/// Makes a label by hand, and answers its id.
pub async fn manual(person: &Person, name: &str, more: Value) -> String {
    made(person, with(json!({ "name": name }), more)).await
}

/// An input with more, which takes the place of what is there.
pub fn with(mut input: Value, more: Value) -> Value {
    if let Value::Object(more) = more {
        input.as_object_mut().expect("an object").extend(more);
    }
    input
}

async fn made(person: &Person, input: Value) -> String {
    let made = person.mutate("createLabel", "label { id }", input).await;
    made["label"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// The names of the hosts with a label, as somebody sees them; its number says the same.
pub async fn members(person: &Person, label: &str) -> Vec<String> {
    let query = "query($labels: [ID!], $label: ID!) {
        hosts(first: 100, filter: { labelIds: $labels }, sort: { field: HOSTNAME, direction: ASC }) {
            nodes { hostname } }
        hostCounts { byLabel { label { id } hosts } }
        node(id: $label) { ... on Label { hostCount } } }";
    let seen = person.ask(query, json!({ "labels": [label], "label": label })).await;
    let nodes = seen["hosts"]["nodes"].as_array().expect("a list");
    let names: Vec<_> =
        nodes.iter().map(|host| host["hostname"].as_str().expect("a name").to_owned()).collect();
    if !seen["node"].is_null() {
        assert_eq!(seen["node"]["hostCount"], names.len(), "{seen}");
    }
    let counts = seen["hostCounts"]["byLabel"].as_array().expect("a list");
    let counted = counts.iter().find(|count| count["label"]["id"] == label).map(|count| &count["hosts"]);
    assert_eq!(counted.and_then(Value::as_u64).unwrap_or_default(), names.len() as u64, "{seen}");
    names
}

/// The names of the labels of a host, in order.
pub async fn labels_of(person: &Person, host: &str) -> Vec<String> {
    let query = "query($name: String) { hosts(filter: { search: $name }) { nodes {
        labels(first: 100) { nodes { name } } } } }";
    let seen = person.ask(query, json!({ "name": host })).await;
    let nodes = seen["hosts"]["nodes"][0]["labels"]["nodes"].as_array().expect("a list");
    let mut names: Vec<_> =
        nodes.iter().map(|label| label["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// On how many hosts a label fails, and why.
pub async fn failures(person: &Person, label: &str) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Label { failureCount
        failures { nodes { message failedAt host { hostname } } } } } }";
    person.ask(query, json!({ "id": label })).await["node"].clone()
}

/// The id of a host by name.
pub async fn id_of(person: &Person, name: &str) -> String {
    let query = "query($name: String) { hosts(filter: { search: $name }) { nodes { id } } }";
    let found = person.ask(query, json!({ "name": name })).await;
    found["hosts"]["nodes"][0]["id"].as_str().expect("it is there").to_owned()
}

/// Rows and bitmaps say the same.
pub async fn sound(world: &World) {
    assert_sets_are_the_rows(&connect(&world.server.database_url()).await).await;
}

/// How many queries of labels a host was asked.
fn asked(host: &Agent) -> usize {
    host.ledger.asked.iter().filter(|(id, _)| id.starts_with("label_")).count()
}
