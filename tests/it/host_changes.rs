//! What becomes of hosts: their states, who is told, counts, refetches, clones, expiry, and moves by filter.

use std::time::Duration;

use entity::id::{LabelId, PublicId, TeamId};
use entity::kind::{HostStatus, LabelKind};
use entity::{host_terms, host_vitals, hosts, label_members, labels};
use muster::clock::Timestamp;
use muster::fleet::teams::TeamChange;
use muster::policy::{Actor, Role};
use sea_orm::{ActiveValue::Set, EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};

use crate::due::{machine, stored, vitals_asked};
use crate::harness::agent::{Agent, Identity};
use crate::harness::personas::Person;
use crate::harness::services::postgres::connect;
use crate::harness::socket::{Subscription, Told};
use crate::harness::world::{World, on_both};

on_both!(
    states_turn_and_are_told,
    told_across_servers,
    what_leaves_sight_is_told_once,
    silence_has_a_reason,
    counted_in_scope,
    refetched,
    additional_queries,
    another_machine_is_noted_once,
    clones_get_hosts_of_their_own,
    a_new_installation_is_no_clone,
    expired_by_age,
    moved_by_filter,
    deleted_with_all_it_told,
    found_by_address_and_user
);

const CHANGED: &str = "subscription($filter: HostFilter) { hostChanged(filter: $filter) {
    kind hostId host { hostname status team { name } } } }";
const DAY: Duration = Duration::from_hours(24);

/// A host that is silent goes offline and missing, and comes back; who looks is told.
async fn states_turn_and_are_told(world: World) {
    let mut host = world.host("web").await;
    host.read().await.expect("a check-in");
    world.server.tick().await;
    let mut looking = follow(&world.admin, json!({})).await;
    let mut online = follow(&world.admin, json!({ "statuses": ["ONLINE"] })).await;
    world.server.advance(Duration::from_secs(101));
    world.server.tick().await;
    let change = next(&mut looking).await;
    assert_eq!((&change["kind"], &change["host"]["status"]), (&json!("STATUS_CHANGED"), &json!("OFFLINE")));
    assert_eq!(next(&mut online).await["host"]["status"], "OFFLINE", "one who looks at hosts online, too");
    assert_eq!(status(&world, "web").await, "OFFLINE");
    host.read().await.expect("it is back");
    world.server.tick().await;
    assert_eq!(next(&mut looking).await["host"]["status"], "ONLINE");
    host.config().await.expect("a configuration");
    assert!(host.enroll().await);
    assert_eq!(next(&mut looking).await["kind"], "ENROLLED");
    world.server.advance(DAY * 31);
    world.server.tick().await;
    assert_eq!(stored(&world, "web").await.status, HostStatus::Missing);
}

/// A change at one server is told at another one.
async fn told_across_servers(world: World) {
    let other = world.server.beside().await;
    let person = Person::hire(other.address, &other.fleet, "viewer", Role::Observer, None).await;
    let mut looking = follow(&person, json!({ "search": "web" })).await;
    let _other = world.host("db").await;
    let _host = world.host("web").await;
    world.server.tick().await;
    other.fleet.catch_up().await.expect("the store answers");
    let change = next(&mut looking).await;
    assert_eq!((&change["kind"], &change["host"]["hostname"]), (&json!("ENROLLED"), &json!("web")));
    other.stop().await;
}

/// A viewer of one team sees a host come and go; one of another team, only what comes to it.
async fn what_leaves_sight_is_told_once(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let of_berlin = world.person("berliner", Role::Observer, Some(&berlin)).await;
    let of_paris = world.person("parisian", Role::Observer, Some(&paris)).await;
    let (mut here, mut there) = (follow(&of_berlin, json!({})).await, follow(&of_paris, json!({})).await);
    let _host = world.host("web").await;
    let id = id_of(&world.admin, "web").await;
    for (team, sees) in [(Some(&berlin), "TRANSFERRED"), (Some(&paris), "DELETED")] {
        let input = json!({ "hostIds": [id], "teamId": team.map(|team| &team.public_id.0) });
        world.admin.mutate("transferHosts", "hosts { id }", input).await;
        let change = next(&mut here).await;
        assert_eq!((&change["kind"], &change["hostId"]), (&json!(sees), &json!(id)));
    }
    assert_eq!(next(&mut there).await["host"]["team"]["name"], "paris");
    world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [id] })).await;
    let mut last = next(&mut there).await;
    while last["kind"] == "TRANSFERRED" {
        // Who looks late sees both moves, each with the host as it is by then.
        last = next(&mut there).await;
    }
    assert_eq!(last, json!({ "kind": "DELETED", "hostId": id, "host": null }));
    let other = world.host_with("own", &world.team_secret(&berlin).await, answering()).await;
    world.server.tick().await;
    assert_eq!(next(&mut here).await["host"]["hostname"], "own", "nothing of paris came between");
    drop(other);
}

/// A host that is online and does not answer says why, and the three kinds of contact are told apart.
async fn silence_has_a_reason(world: World) {
    let mut host = world.host("web").await;
    let silence = async || {
        let query =
            "{ hosts { nodes { status contact { checkedInAt configAt loggedAt silence { reason } } } } }";
        world.admin.ask(query, json!({})).await["hosts"]["nodes"][0].clone()
    };
    assert_eq!(silence().await["contact"]["silence"], Value::Null, "it has only just come");
    world.server.advance(Duration::from_mins(2));
    host.config().await.expect("a configuration");
    let now = silence().await;
    assert_eq!(
        (&now["status"], &now["contact"]["silence"]["reason"]),
        (&json!("ONLINE"), &json!("NEVER_ASKED"))
    );
    assert_eq!((&now["contact"]["checkedInAt"], &now["contact"]["loggedAt"]), (&Value::Null, &Value::Null));
    host.read().await.expect("a check-in");
    assert_eq!(silence().await["contact"]["silence"], Value::Null);
    world.server.advance(Duration::from_mins(2));
    host.log("status", ["{}".to_owned()]);
    host.flush_logs().await.expect("log lines");
    assert_eq!(silence().await["contact"]["silence"]["reason"], "STOPPED_ASKING");
    world.admin.start("select 1").await;
    for _ in 0..5 {
        host.read().await.expect("a check-in");
    }
    world.server.tick().await;
    let world = world.restart().await;
    let query = "{ hosts { nodes { contact { silence { reason } } } } }";
    let reason =
        async || world.admin.ask(query, json!({})).await["hosts"]["nodes"][0]["contact"]["silence"].clone();
    assert_eq!(reason().await["reason"], "NEVER_ANSWERS", "a restart forgets nothing");
    host.write().await.expect("an answer");
    world.server.tick().await;
    assert_eq!(reason().await, Value::Null);
}

/// Counts by state, platform, team and label are those of the caller's hosts.
async fn counted_in_scope(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let _none = world.host("none").await;
    for (team, count) in [(&berlin, 2), (&paris, 1)] {
        for number in 0..count {
            let secret = world.team_secret(team).await;
            world.host_with(&format!("{}-{number}", team.name), &secret, answering()).await;
        }
    }
    let query = "query($filter: HostFilter) { hostCounts(filter: $filter) { total byStatus { status hosts }
        byPlatform { platform hosts } byTeam { team { name } hosts } byLabel { label { name } hosts } } }";
    let all = world.admin.ask(query, json!({})).await["hostCounts"].clone();
    assert_eq!(all["total"], 4);
    assert_eq!(all["byPlatform"], json!([{ "platform": "LINUX", "hosts": 4 }]));
    let states = json!([{ "status": "ONLINE", "hosts": 4 }, { "status": "OFFLINE", "hosts": 0 },
        { "status": "MISSING", "hosts": 0 }]);
    assert_eq!(all["byStatus"], states);
    let teams = json!([{ "team": null, "hosts": 1 }, { "team": { "name": "berlin" }, "hosts": 2 },
        { "team": { "name": "paris" }, "hosts": 1 }]);
    assert_eq!(all["byTeam"], teams);
    assert_eq!(all["byLabel"].as_array().map(Vec::len), Some(2), "all hosts, and Linux: {all}");
    let observer = world.person("observer", Role::Observer, Some(&berlin)).await;
    let own = observer.ask(query, json!({})).await["hostCounts"].clone();
    assert_eq!(own["total"], 2);
    assert_eq!(own["byTeam"], json!([{ "team": { "name": "berlin" }, "hosts": 2 }]));
    let found =
        world.admin.ask(query, json!({ "filter": { "search": "paris" } })).await["hostCounts"].clone();
    assert_eq!((&found["total"], found["byLabel"][0]["hosts"].as_i64()), (&json!(1), Some(1)));
}

/// A refetch asks at the next check-in, on any server, and says so until it is answered.
async fn refetched(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    host.poll().await.expect("a check-in");
    let id = id_of(&world.admin, "web").await;
    let pending = async || {
        let query = "query($id: ID!) { host(by: { id: $id }) { vitals { updatedAt refetchRequestedAt } } }";
        world.admin.ask(query, json!({ "id": id })).await["host"]["vitals"].clone()
    };
    assert_eq!(pending().await["refetchRequestedAt"], Value::Null);
    world.server.advance(Duration::from_mins(1));
    let shape = "host { vitals { refetchRequestedAt } }";
    let asked = world.admin.mutate("refetchHost", shape, json!({ "hostId": id })).await;
    assert!(asked["host"]["vitals"]["refetchRequestedAt"].is_string(), "{asked}");
    let again = json!({ "filter": { "search": "web" } });
    let again = world.admin.mutate("refetchHosts", "hostIds remaining", again).await;
    assert_eq!((&again["hostIds"], &again["remaining"]), (&json!([]), &json!(0)), "somebody waits already");
    world.server.advance(Duration::from_secs(1));
    host.poll().await.expect("a check-in");
    assert_eq!((vitals_asked(&host)["users"], host.ledger.accelerate.is_some()), (2, true));
    assert_eq!(pending().await["refetchRequestedAt"], Value::Null);
    let entries = "{ activities(filter: { kinds: [\"host.refetched\"] }) { nodes { kind } } }";
    let trail = world.admin.gql(entries, json!({})).await;
    assert!(trail.to_string().contains("host.refetched"), "{trail}");
}

/// What an admin adds is asked soon, alone, and shown as it comes; what is removed is forgotten.
async fn additional_queries(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    host.poll().await.expect("a check-in");
    let set = async |list: Value| {
        let input = json!({ "additionalQueries": list });
        let shape = "settings { additionalQueries { name sql platforms } }";
        world.admin.mutate("updateSettings", shape, input).await
    };
    for bad in [
        json!([{ "name": "a b", "sql": "select 1" }]),
        json!([{ "name": "x", "sql": "drop table hosts" }]),
        json!([{ "name": "Users", "sql": "select 1" }]),
        json!([{ "name": "x", "sql": "select 1" }, { "name": "X", "sql": "select 2" }]),
    ] {
        assert_eq!(set(bad.clone()).await["settings"], Value::Null, "{bad}");
    }
    let curl = json!({ "restrictions": [{ "name": "curl", "level": "FORBIDDEN" }] });
    world.admin.mutate("updateSettings", "settings { version }", curl).await;
    let fetches = set(json!([{ "name": "x", "sql": "select * from curl where url = 'http://a/'" }])).await;
    assert_eq!(fetches["userErrors"][0]["code"], "NOT_ALLOWED", "{fetches}");
    let list = json!([{ "name": "shells", "sql": "select 'sh' as shell" },
        { "name": "windows_only", "sql": "select 1", "platforms": ["WINDOWS"] }]);
    let stored = set(list).await;
    assert_eq!(stored["settings"]["additionalQueries"][0]["name"], "shells", "{stored}");
    world.server.advance(Duration::from_secs(61));
    host.poll().await.expect("a check-in");
    let asked = vitals_asked(&host);
    assert_eq!(
        (asked.get("extra_shells"), asked["users"], asked.get("extra_windows_only")),
        (Some(&1), 1, None)
    );
    let query = "{ hosts { nodes { vitals { tables { key rows error } } } } }";
    let tables = async || {
        let hosts = world.admin.ask(query, json!({})).await;
        let tables = hosts["hosts"]["nodes"][0]["vitals"]["tables"].as_array().cloned().expect("a list");
        tables.into_iter().find(|table| table["key"] == "extra_shells")
    };
    assert_eq!(tables().await.expect("it is kept")["rows"], json!([{ "name": "web" }]));
    set(json!([])).await;
    assert_eq!(tables().await, None);
}

/// Another machine that speaks with a host's key is flagged, and noted in the audit trail once.
async fn another_machine_is_noted_once(world: World) {
    let world = world.with_vitals().await;
    let other = |sql: &str| {
        let uuid = "4c4c4544-0044-4410-8052-b8c04f4e3232";
        sql.contains("from system_info").then(|| crate::harness::agent::AgentAnswer::one("uuid", uuid))
    };
    let mut host = machine(&world, "web", other).await;
    for _ in 0..2 {
        host.poll().await.expect("a check-in");
        world.server.advance(Duration::from_secs(3_601));
    }
    assert_eq!(vitals_asked(&host)["system_info"], 2);
    let query = "{ hosts { nodes { id cloneSuspectedAt } }
        activities(filter: { kinds: [\"host.clone_suspected\"] }) { nodes { subjectId actorName } } }";
    let mut admin = world.admin.clone();
    admin.sign_in().await;
    let seen = admin.ask(query, json!({})).await;
    let shown = &seen["hosts"]["nodes"][0];
    assert!(shown["cloneSuspectedAt"].is_string(), "{seen}");
    let entry = json!({ "subjectId": shown["id"], "actorName": "host" });
    assert_eq!(seen["activities"]["nodes"], json!([entry]));
}

/// A machine and its copy, with one identity and two installations of osquery, do not end each other's keys for ever.
async fn clones_get_hosts_of_their_own(world: World) {
    let mut first = installation(&world, "web", "i-1").await;
    first.read().await.expect("a check-in");
    let mut copy = installation(&world, "web", "i-2").await;
    copy.read().await.expect("it looks like a new installation");
    for _ in 0..4 {
        first.read().await.expect("its key ended once, and it enrolled again");
        copy.read().await.expect("a check-in");
    }
    assert_eq!((first.ledger.enrollments, copy.ledger.enrollments), (2, 1), "nobody fights");
    let query = "{ hosts { nodes { hostname uuid cloneSuspectedAt vitals { instanceId } } } }";
    let shown = world.admin.ask(query, json!({})).await["hosts"]["nodes"].clone();
    let shown = shown.as_array().expect("a list");
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown.iter().all(|host| host["cloneSuspectedAt"].is_string()), "{shown:?}");
    assert_eq!(shown[0]["uuid"], shown[1]["uuid"]);
    assert_ne!(shown[0]["vitals"]["instanceId"], shown[1]["vitals"]["instanceId"]);
    for agent in [&mut first, &mut copy] {
        agent.node_key = None;
        assert!(agent.enroll().await, "each is known by its installation");
    }
    assert_eq!(hosts_count(&world).await, 2);
}

/// An installation that replaces another one is the same host.
async fn a_new_installation_is_no_clone(world: World) {
    for instance in ["i-1", "i-2", "i-3"] {
        installation(&world, "web", instance).await.read().await.expect("a check-in");
    }
    assert_eq!(hosts_count(&world).await, 1);
    let row = stored(&world, "web").await;
    assert_eq!((row.clone_suspected_at, row.instance_id.as_deref()), (None, Some("i-3")));
}

/// Hosts that are not seen for the days of their team, or else of the fleet, go; not just after a start.
async fn expired_by_age(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    for (name, team) in [("none", None), ("kept", Some(&berlin)), ("soon", Some(&paris))] {
        let secret = match team {
            Some(team) => world.team_secret(team).await,
            None => world.secret.clone(),
        };
        world.host_with(name, &secret, answering()).await;
    }
    world
        .admin
        .mutate("updateSettings", "settings { hostExpiryDays }", json!({ "hostExpiryDays": 10 }))
        .await;
    for (team, days) in [(&berlin, 0), (&paris, 3)] {
        let input = json!({ "id": team.public_id.0, "hostExpiryDays": days });
        let updated = world.admin.mutate("updateTeam", "team { hostExpiryDays }", input).await;
        assert_eq!(updated["team"]["hostExpiryDays"], days, "{updated}");
    }
    let refused = json!({ "id": paris.public_id.0, "hostExpiryDays": -1 });
    let refused = world.admin.mutate("updateTeam", "team { id }", refused).await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["hostExpiryDays"]), "{refused}");
    for (days, left) in [(2, vec!["kept", "none", "soon"]), (2, vec!["kept", "none"]), (7, vec!["kept"])] {
        world.server.advance(DAY * days);
        world.server.tick().await;
        assert_eq!(names(&world).await, left);
    }
    world.server.tick().await;
    let world = world.restart().await;
    let change = TeamChange { host_expiry_days: Some(Some(1)), ..TeamChange::default() };
    world.server.fleet.update_team(&Actor::System, &berlin.public_id, change).await.expect("it is there");
    world.server.tick().await;
    assert_eq!(names(&world).await, ["kept"], "a server that has just started has heard of nobody");
    world.server.advance(Duration::from_hours(1));
    world.server.tick().await;
    assert_eq!(names(&world).await, [""; 0]);
}

/// A move by filter takes what the caller manages, keeps what a host told, and leaves the labels of its team behind.
async fn moved_by_filter(world: World) {
    let world = world.with_vitals().await;
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let mut host = machine(&world, "web-1", |_| None).await;
    let _other = machine(&world, "web-2", |_| None).await;
    host.poll().await.expect("its vitals");
    let to = |team: &PublicId| json!({ "filter": { "search": "web" }, "teamId": team.0 });
    let shape = "hosts { hostname team { name } } remaining";
    let moved = world.admin.mutate("transferHosts", shape, to(&berlin.public_id)).await;
    assert_eq!(
        (moved["hosts"].as_array().map(Vec::len), &moved["remaining"]),
        (Some(2), &json!(0)),
        "{moved}"
    );
    let again = world.admin.mutate("transferHosts", shape, to(&berlin.public_id)).await;
    assert_eq!(again["hosts"], json!([]), "they are there");
    let row = stored(&world, "web-1").await;
    let label = team_label(&world, berlin.id, &row).await;
    let keeper = world.person("keeper", Role::Maintainer, Some(&berlin)).await;
    world.give_role(&keeper, Role::Maintainer, &paris).await;
    let nothing = json!({ "filter": {}, "teamId": paris.public_id.0 });
    let refused = keeper.mutate("transferHosts", shape, nothing).await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["filter"]), "{refused}");
    let both = json!({ "filter": { "search": "web" }, "hostIds": [] });
    let refused = keeper.mutate("transferHosts", shape, both).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{refused}");
    let _free = world.host("web-3").await;
    let moved = keeper.mutate("transferHosts", shape, to(&paris.public_id)).await;
    assert_eq!(
        moved["hosts"].as_array().map(Vec::len),
        Some(2),
        "not the one that they do not manage: {moved}"
    );
    let after = stored(&world, "web-1").await;
    assert_eq!((after.vitals_at, after.disk_free_bytes), (row.vitals_at, row.disk_free_bytes));
    let db = connect(&world.server.database_url()).await;
    let members = label_members::Entity::find().all(&db).await.expect("members");
    assert!(members.iter().all(|member| member.label_id != label), "{members:?}");
    assert!(members.iter().filter(|member| member.host_id == row.id).count() >= 2, "built-in labels stay");
    let observer = world.person("berliner", Role::Observer, Some(&berlin)).await;
    assert_eq!(observer.ask("{ hosts { nodes { id } } }", json!({})).await["hosts"]["nodes"], json!([]));
}

/// A deleted host leaves nothing of what it told.
async fn deleted_with_all_it_told(world: World) {
    let world = world.with_vitals().await;
    for name in ["web", "db"] {
        machine(&world, name, |_| None).await.poll().await.expect("its vitals");
    }
    let deleted = json!({ "filter": { "search": "web" } });
    let deleted = world.admin.mutate("deleteHosts", "deletedHostIds remaining", deleted).await;
    assert_eq!(deleted["deletedHostIds"].as_array().map(Vec::len), Some(1), "{deleted}");
    let db = connect(&world.server.database_url()).await;
    let stays = stored(&world, "db").await.id;
    let vitals = host_vitals::Entity::find().all(&db).await.expect("vitals");
    assert!(!vitals.is_empty() && vitals.iter().all(|row| row.host_id == stays));
    let terms = host_terms::Entity::find().all(&db).await.expect("terms");
    assert!(!terms.is_empty() && terms.iter().all(|row| row.host_id == stays));
    let schedule = entity::host_schedule::Entity::find().all(&db).await.expect("schedule");
    assert!(schedule.iter().all(|row| row.host_id == stays));
}

/// Search finds a host by the beginning of an address or of a user's name.
async fn found_by_address_and_user(world: World) {
    let world = world.with_vitals().await;
    machine(&world, "web", |_| None).await.poll().await.expect("its vitals");
    let _other = world.host("db").await;
    for (search, found) in
        [("10.1.", 1), ("2001:DB8", 1), ("ad", 1), ("ADA", 1), ("127.", 0), ("root", 0), ("we", 1)]
    {
        let query = "query($search: String) { hosts(filter: { search: $search }) { totalCount } }";
        let hosts = world.admin.ask(query, json!({ "search": search })).await;
        assert_eq!(hosts["hosts"]["totalCount"], found, "{search}");
    }
    let by_disk = "{ hosts(sort: { field: DISK_FREE_BYTES, direction: DESC }, first: 1) { nodes { hostname }
        pageInfo { endCursor } } }";
    let page = world.admin.ask(by_disk, json!({})).await["hosts"].clone();
    assert_eq!(page["nodes"][0]["hostname"], "web");
    let rest =
        "query($after: String) { hosts(sort: { field: DISK_FREE_BYTES, direction: DESC }, after: $after) {
        nodes { hostname } } }";
    let rest = world.admin.ask(rest, json!({ "after": page["pageInfo"]["endCursor"] })).await;
    assert_eq!(rest["hosts"]["nodes"], json!([{ "hostname": "db" }]));
}

/// Begins to follow hosts; the first message says to read them.
async fn follow(person: &Person, filter: Value) -> Subscription {
    let mut looking = person.subscribe(CHANGED, json!({ "filter": filter })).await;
    assert_eq!(next(&mut looking).await["kind"], "RESYNC");
    looking
}

async fn next(looking: &mut Subscription) -> Value {
    match looking.next().await {
        Told::Next(result) => result["data"]["hostChanged"].clone(),
        other => panic!("{other:?}"),
    }
}

/// An enrolled machine with this installation of osquery; all that else identifies it follows from its name.
async fn installation(world: &World, name: &str, instance: &str) -> Agent {
    let identity = Identity { instance: instance.to_owned(), ..Identity::linux(name) };
    let mut agent = Agent::new(world.server.address, &world.secret, identity, answering());
    assert!(agent.enroll().await, "the secret lets it in");
    agent
}

fn answering() -> crate::harness::agent::Answering {
    std::sync::Arc::new(|sql| crate::due::answer(sql, "any"))
}

/// A label of a team, with this host.
async fn team_label(world: &World, team: TeamId, host: &hosts::Model) -> LabelId {
    let db = connect(&world.server.database_url()).await;
    let label = labels::ActiveModel {
        public_id: Set(PublicId::new("lbl", 7)),
        name: Set("theirs".to_owned()),
        kind: Set(LabelKind::Manual),
        team_id: Set(team),
        created_at: Set(Timestamp(1)),
        ..Default::default()
    };
    let label = labels::Entity::insert(label).exec(&db).await.expect("a label").last_insert_id;
    let member = label_members::ActiveModel { label_id: Set(label), host_id: Set(host.id) };
    label_members::Entity::insert(member).exec_without_returning(&db).await.expect("a member");
    label
}

async fn id_of(person: &Person, name: &str) -> String {
    let query = "query($name: String) { hosts(filter: { search: $name }) { nodes { id } } }";
    let found = person.ask(query, json!({ "name": name })).await;
    found["hosts"]["nodes"][0]["id"].as_str().expect("it is there").to_owned()
}

async fn status(world: &World, name: &str) -> String {
    let query = "query($name: String) { hosts(filter: { search: $name }) { nodes { status } } }";
    let found = world.admin.ask(query, json!({ "name": name })).await;
    found["hosts"]["nodes"][0]["status"].as_str().expect("it is there").to_owned()
}

async fn names(world: &World) -> Vec<String> {
    let db = connect(&world.server.database_url()).await;
    let mut names: Vec<_> =
        hosts::Entity::find().all(&db).await.expect("hosts").into_iter().map(|host| host.hostname).collect();
    names.sort_unstable();
    names
}

async fn hosts_count(world: &World) -> u64 {
    let db = connect(&world.server.database_url()).await;
    hosts::Entity::find().count(&db).await.expect("hosts")
}
