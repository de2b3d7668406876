//! Labels and teams: who sees what, what a move and a deletion take along, and what other servers know.

use std::sync::atomic::Ordering;
use std::time::Duration;

use entity::{label_failures, label_members};
use muster::policy::Role;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};

use crate::harness::agent::Agent;
use crate::harness::personas::Person;
use crate::harness::services::postgres::connect;
use crate::harness::world::{World, on_both};
use crate::labels::{dynamic, failures, id_of, labels_of, manual, members, often, sound, switch_with};

on_both!(
    each_team_sees_its_own,
    a_moved_host_leaves_the_labels_of_its_team,
    what_is_deleted_leaves_nothing,
    two_servers_agree,
    a_late_answer_of_a_moved_host_joins_nothing
);

/// How often hosts are asked here, and a little.
const INTERVAL: Duration = Duration::from_secs(121);

/// A label of a team is asked of its hosts alone, and seen by nobody of another; a global one shows each team its own.
async fn each_team_sees_its_own(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let of_berlin = world.person("berliner", Role::Maintainer, Some(&berlin)).await;
    let of_paris = world.person("parisian", Role::Observer, Some(&paris)).await;
    let (mut here, is_here) = switch_with(&world, "here", &world.team_secret(&berlin).await).await;
    let (mut away, is_away) = switch_with(&world, "there", &world.team_secret(&paris).await).await;
    is_here.store(true, Ordering::Relaxed);
    is_away.store(true, Ordering::Relaxed);
    let own = dynamic(&of_berlin, "own", json!({ "teamId": berlin.public_id.0 })).await;
    let global = dynamic(&world.admin, "global", json!({})).await;
    for host in [&mut here, &mut away] {
        host.poll().await.expect("a check-in");
    }
    let asked = |host: &Agent| host.ledger.asked.iter().any(|(_, sql)| sql.contains("own"));
    assert_eq!((asked(&here), asked(&away)), (true, false));
    assert_eq!(members(&world.admin, &own).await, ["here"]);
    assert_eq!(members(&world.admin, &global).await, ["here", "there"]);
    assert_eq!(members(&of_berlin, &global).await, ["here"]);
    assert_eq!(members(&of_paris, &global).await, ["there"]);
    assert_eq!(members(&of_paris, &own).await, Vec::<String>::new());
    assert_eq!(names(&of_paris).await, ["All hosts", "FreeBSD", "Linux", "Windows", "global", "macOS"]);
    assert_eq!(failures(&of_paris, &own).await, Value::Null);
    let preview =
        "query($l: [ID!]) { previewTargets(targets: { filter: { labelIds: $l } }) { targeted excluded } }";
    let seen = of_paris.ask(preview, json!({ "l": [own] })).await;
    assert_eq!(seen["previewTargets"], json!({ "targeted": 0, "excluded": 0 }));
    for (field, input, code) in [
        ("updateLabel", json!({ "id": global, "name": "x" }), "NOT_ALLOWED"),
        ("deleteLabel", json!({ "id": global }), "NOT_ALLOWED"),
        ("createLabel", json!({ "name": "x" }), "NOT_ALLOWED"),
        ("createLabel", json!({ "name": "x", "teamId": paris.public_id.0 }), "NOT_FOUND"),
    ] {
        let refused = of_berlin.mutate(field, "userErrors { path }", input).await;
        assert_eq!(refused["userErrors"][0]["code"], code, "{field}: {refused}");
    }
    let of_paris = world.person("keeper", Role::Maintainer, Some(&paris)).await;
    let refused = of_paris.mutate("deleteLabel", "deletedLabelId", json!({ "id": own })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "what is out of scope is not there");
    hand_picked_in_teams(&world, &of_berlin, &berlin.public_id.0).await;
    sound(&world).await;
}

/// Only hosts of the team, and those of whom one knows, can be put into a label of a team.
async fn hand_picked_in_teams(world: &World, of_berlin: &Person, berlin: &str) {
    let chosen = manual(of_berlin, "chosen", json!({ "teamId": berlin })).await;
    let there = id_of(&world.admin, "there").await;
    let input = json!({ "labelId": chosen, "hostIds": [there] });
    let shape = "hostsAdded unmatchedNames";
    let hidden = of_berlin.mutate("addHostsToLabel", shape, input.clone()).await;
    assert_eq!(hidden["userErrors"][0]["code"], "NOT_FOUND", "{hidden}");
    let foreign = world.admin.mutate("addHostsToLabel", shape, input).await;
    assert_eq!(foreign["userErrors"][0]["code"], "INVALID", "{foreign}");
    let by_name = json!({ "labelId": chosen, "names": ["here", "there"] });
    let added = of_berlin.mutate("addHostsToLabel", shape, by_name).await;
    assert_eq!((&added["hostsAdded"], &added["unmatchedNames"]), (&json!(1), &json!(["there"])));
}

/// A host that moves leaves the labels of the team it was in, stays in global ones, and is asked those of its new team.
async fn a_moved_host_leaves_the_labels_of_its_team(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let (mut host, is_on) = switch_with(&world, "web", &world.team_secret(&berlin).await).await;
    is_on.store(true, Ordering::Relaxed);
    for (name, team) in [
        ("of berlin", json!(berlin.public_id.0)),
        ("of paris", json!(paris.public_id.0)),
        ("of all", Value::Null),
    ] {
        dynamic(&world.admin, name, json!({ "teamId": team })).await;
    }
    let chosen = manual(&world.admin, "chosen in berlin", json!({ "teamId": berlin.public_id.0 })).await;
    let input = json!({ "labelId": chosen, "names": ["web"] });
    world.admin.mutate("addHostsToLabel", "hostsAdded", input).await;
    host.poll().await.expect("a check-in");
    let of_berlin = ["All hosts", "Linux", "chosen in berlin", "of all", "of berlin"];
    assert_eq!(labels_of(&world.admin, "web").await, of_berlin);
    transfer(&world, "web", Some(&paris.public_id.0)).await;
    assert_eq!(labels_of(&world.admin, "web").await, ["All hosts", "Linux", "of all"]);
    sound(&world).await;
    host.poll().await.expect("a check-in");
    assert_eq!(labels_of(&world.admin, "web").await, ["All hosts", "Linux", "of all", "of paris"]);
    world.admin.mutate("deleteTeam", "deletedTeamId", json!({ "id": paris.public_id.0 })).await;
    assert_eq!(labels_of(&world.admin, "web").await, ["All hosts", "Linux", "of all"]);
    let all =
        ["All hosts", "FreeBSD", "Linux", "Windows", "chosen in berlin", "macOS", "of all", "of berlin"];
    assert_eq!(names(&world.admin).await, all, "the labels of a team go with it");
    sound(&world).await;
}

/// A deleted host is in no label, and a deleted label in no host, in rows, bitmaps and failures.
async fn what_is_deleted_leaves_nothing(world: World) {
    let answering = |sql: &str| {
        if sql.contains("broken") {
            crate::harness::agent::AgentAnswer::failure("no such table: broken")
        } else {
            crate::harness::agent::AgentAnswer::one("a", "1")
        }
    };
    let mut one = world.host_with("one", &world.secret, std::sync::Arc::new(answering)).await;
    let mut two = world.host_with("two", &world.secret, std::sync::Arc::new(answering)).await;
    let label = dynamic(&world.admin, "servers", json!({})).await;
    let broken = dynamic(&world.admin, "broken", json!({ "sql": "select 1 from broken" })).await;
    for host in [&mut one, &mut two] {
        host.poll().await.expect("a check-in");
    }
    let input = json!({ "hostIds": [id_of(&world.admin, "one").await] });
    world.admin.mutate("deleteHosts", "deletedHostIds", input).await;
    assert_eq!(members(&world.admin, &label).await, ["two"]);
    assert_eq!(failures(&world.admin, &broken).await["failureCount"], 1);
    sound(&world).await;
    for label in [&label, &broken] {
        world.admin.mutate("deleteLabel", "deletedLabelId", json!({ "id": label })).await;
    }
    let db = connect(&world.server.database_url()).await;
    assert_eq!(label_failures::Entity::find().count(&db).await.expect("failures"), 0);
    assert_eq!(label_members::Entity::find().count(&db).await.expect("members"), 2, "built-in ones");
    sound(&world).await;
}

/// What is made, answered and put in at one server is so at another.
async fn two_servers_agree(world: World) {
    let world = often(world).await;
    let other = world.server.beside().await;
    let there = Person::hire(other.address, &other.fleet, "viewer", Role::Maintainer, None).await;
    let (mut host, is_on) = switch_with(&world, "web", &world.secret).await;
    is_on.store(true, Ordering::Relaxed);
    let by_sql = dynamic(&there, "servers", json!({})).await;
    let by_hand = manual(&there, "chosen", json!({})).await;
    world.server.fleet.catch_up().await.expect("the store answers");
    host.poll().await.expect("a check-in");
    let input = json!({ "labelId": by_hand, "names": ["web"] });
    world.admin.mutate("addHostsToLabel", "hostsAdded", input).await;
    other.fleet.catch_up().await.expect("the store answers");
    for label in [&by_sql, &by_hand] {
        assert_eq!(members(&there, label).await, ["web"]);
        assert_eq!(members(&world.admin, label).await, ["web"]);
    }
    // The host goes to the other server, which asks it when it is due, and not before.
    host.server = other.address;
    host.poll().await.expect("a check-in");
    let asked = |host: &Agent| host.ledger.asked.iter().filter(|(id, _)| id.starts_with("label_")).count();
    assert_eq!(asked(&host), 1);
    is_on.store(false, Ordering::Relaxed);
    world.server.advance(INTERVAL);
    host.poll().await.expect("a check-in");
    assert_eq!(asked(&host), 2);
    assert_eq!(members(&world.admin, &by_sql).await, Vec::<String>::new());
    other.stop().await;
    sound(&world).await;
}

/// A host that was asked for a label of its team, and moved before it answered, is not in it.
async fn a_late_answer_of_a_moved_host_joins_nothing(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let (mut host, is_on) = switch_with(&world, "web", &world.team_secret(&berlin).await).await;
    is_on.store(true, Ordering::Relaxed);
    let label = dynamic(&world.admin, "of berlin", json!({ "teamId": berlin.public_id.0 })).await;
    host.read().await.expect("it is asked");
    transfer(&world, "web", Some(&paris.public_id.0)).await;
    host.write().await.expect("it is thanked");
    assert_eq!(members(&world.admin, &label).await, Vec::<String>::new());
    sound(&world).await;
}

async fn transfer(world: &World, host: &str, team: Option<&str>) {
    let input = json!({ "hostIds": [id_of(&world.admin, host).await], "teamId": team });
    let moved = world.admin.mutate("transferHosts", "hosts { id }", input).await;
    assert!(moved["hosts"].is_array(), "{moved}");
}

/// The names of all labels that somebody sees, in order.
async fn names(person: &Person) -> Vec<String> {
    let seen = person.ask("{ labels(first: 100) { nodes { name } } }", json!({})).await;
    let nodes = seen["labels"]["nodes"].as_array().expect("a list");
    let mut names: Vec<_> =
        nodes.iter().map(|label| label["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}
