//! Policies: asked of hosts, kept with since when, counted, told; and what becomes of that when hosts, policies, teams and
//! labels change.

mod laws;
mod platforms;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entity::{policy_changes, policy_counts, policy_results};
use muster::fleet::teams::Team;
use muster::policy::Role;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::services::postgres::connect;
use crate::harness::socket::{Subscription, Told};
use crate::harness::world::{World, on_both};

on_both!(
    a_flip_is_seen_at_once_on_every_server,
    what_cannot_be_run_is_an_error,
    another_question_begins_anew,
    an_answer_to_the_old_question_is_none_to_the_new,
    asked_of_those_it_is_about,
    new_policies_are_asked_soon,
    another_teams_observer_learns_nothing,
    moves_and_deletions_leave_nothing_behind,
    saved_as_the_neighbours_are,
    listed_sorted_and_filtered,
    hosts_are_found_by_how_they_stand,
    mistakes_are_told,
    pages_cost_the_same_for_one_and_for_many,
    history_is_kept_for_its_time
);

/// An hour, and a little: the jitter only makes it earlier.
const HOUR: Duration = Duration::from_secs(3_601);

const CHANGED: &str = "subscription($id: ID) { policyChanged(policyId: $id) {
    kind policyId policy { name counts { passing failing error unanswered } }
    results { state since host { hostname } } } }";

/// How a host answers to SQL that has a word in it; to all other SQL it answers a row.
#[derive(Clone, Default)]
pub struct Moods(Arc<Mutex<BTreeMap<String, Mood>>>);

/// What a host answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// A row.
    Passes,
    /// No row.
    Fails,
    /// That it can't.
    Errs,
}

impl Moods {
    /// From now on SQL with this word is answered so.
    pub fn set(&self, word: &str, mood: Mood) {
        self.0.lock().expect("nobody panics with it").insert(word.to_owned(), mood);
    }

    fn answer(&self, sql: &str) -> AgentAnswer {
        let moods = self.0.lock().expect("nobody panics with it");
        match moods.iter().find(|(word, _)| sql.contains(*word)).map(|(_, mood)| *mood) {
            Some(Mood::Fails) => AgentAnswer::empty(),
            Some(Mood::Errs) => AgentAnswer::failure("no such table: shields"),
            Some(Mood::Passes) | None => AgentAnswer::one("up", 1),
        }
    }
}

/// A host whose answers can be changed.
pub async fn moody(world: &World, name: &str, secret: &str) -> (Agent, Moods) {
    let moods = Moods::default();
    let answering = moods.clone();
    let host = world.host_with(name, secret, Arc::new(move |sql| answering.answer(sql))).await;
    (host, moods)
}

/// Makes a policy; answers its id.
pub async fn policy(person: &Person, input: Value) -> String {
    let made = person.mutate("createPolicy", "policy { id }", input).await;
    made["policy"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// A host is asked all that is due for it, and answers.
pub async fn answer(host: &mut Agent) {
    for _ in 0..2 {
        host.poll().await.expect("a check-in");
    }
}

/// A flip on one host shows since when, its history and its counts at once, and is told on both servers. What stays as it
/// is keeps its time.
async fn a_flip_is_seen_at_once_on_every_server(world: World) {
    let world = patient(world).await;
    let other = world.server.beside().await;
    let viewer = Person::hire(other.address, &other.fleet, "viewer", Role::Observer, None).await;
    let (mut host, moods) = moody(&world, "web", &world.secret).await;
    let id = policy(&world.admin, json!({ "name": "shields", "sql": "select 1 from shields" })).await;
    assert_eq!(counts(&world.admin, &id).await, json!([0, 0, 0, 1]), "not yet answered");
    answer(&mut host).await;
    assert_eq!(counts(&world.admin, &id).await, json!([1, 0, 0, 0]));
    other.fleet.catch_up().await.expect("the store answers");
    let mut here = follow(&world.admin, json!({ "id": id })).await;
    let mut there = follow(&viewer, json!({})).await;
    let passes = standing(&world.admin, "web").await[0].clone();
    assert_eq!(passes["state"], "PASS");

    moods.set("shields", Mood::Fails);
    world.server.advance(HOUR);
    answer(&mut host).await;
    let fails = standing(&viewer, "web").await[0].clone();
    assert_eq!(fails["state"], "FAIL");
    assert!(fails["since"].as_str() > passes["since"].as_str(), "{fails} after {passes}");
    assert_eq!(fails["since"], fails["checkedAt"]);
    let turns = json!([{ "state": "FAIL", "before": "PASS", "changedAt": fails["since"] },
        { "state": "PASS", "before": null, "changedAt": passes["since"] }]);
    assert_eq!(fails["history"]["nodes"], turns);
    assert_eq!(counts(&viewer, &id).await, json!([0, 1, 0, 0]));
    other.fleet.catch_up().await.expect("the store answers");
    for looking in [&mut here, &mut there] {
        let change = next(looking).await;
        assert_eq!((&change["kind"], &change["policyId"]), (&json!("RESULTS"), &json!(id)));
        let now = json!([{ "state": "FAIL", "since": fails["since"], "host": { "hostname": "web" } }]);
        assert_eq!(change["results"], now);
        assert_eq!(change["policy"]["counts"]["failing"], 1);
    }

    world.server.advance(HOUR);
    answer(&mut host).await;
    let still = standing(&viewer, "web").await[0].clone();
    assert_eq!((&still["since"], &still["history"]), (&fails["since"], &fails["history"]));
    assert!(still["checkedAt"].as_str() > fails["checkedAt"].as_str(), "it was checked again");
    let world = world.restart().await;
    assert_eq!(standing(&world.admin, "web").await[0], still, "a restart forgets nothing");
    other.stop().await;
}

/// What can't be run is an error of the policy, with its reason, and none of the host's other answers.
async fn what_cannot_be_run_is_an_error(world: World) {
    let world = patient(world).await;
    let (mut host, moods) = moody(&world, "web", &world.secret).await;
    moods.set("shields", Mood::Errs);
    let id = policy(&world.admin, json!({ "name": "shields", "sql": "select 1 from shields" })).await;
    let fine = policy(&world.admin, json!({ "name": "fine", "sql": "select 1 from time" })).await;
    answer(&mut host).await;
    assert_eq!(counts(&world.admin, &id).await, json!([0, 0, 1, 0]));
    assert_eq!(counts(&world.admin, &fine).await, json!([1, 0, 0, 0]));
    let standing = standing(&world.admin, "web").await;
    assert_eq!(
        (&standing[0]["state"], &standing[0]["error"]),
        (&json!("ERROR"), &json!("no such table: shields"))
    );
    moods.set("shields", Mood::Passes);
    world.server.advance(HOUR);
    answer(&mut host).await;
    assert_eq!(counts(&world.admin, &id).await, json!([1, 0, 0, 0]));
}

/// Another SQL is another question: results, history and counts begin anew, and it is asked soon. Other words change
/// nothing of that; whom it is about changes what is kept.
async fn another_question_begins_anew(world: World) {
    let world = patient(world).await;
    let (mut host, moods) = moody(&world, "web", &world.secret).await;
    moods.set("shields", Mood::Fails);
    let id = policy(&world.admin, json!({ "name": "shields", "sql": "select 1 from shields" })).await;
    answer(&mut host).await;
    let edit = async |mut input: Value| {
        input["id"] = json!(id);
        let edited = world.admin.mutate("updatePolicy", "policy { version }", input).await;
        assert_eq!(edited["userErrors"], json!([]), "{edited}");
    };
    edit(json!({ "description": "words", "resolution": "raise them", "critical": true })).await;
    assert_eq!(counts(&world.admin, &id).await, json!([0, 1, 0, 0]), "the same question");
    world.server.advance(Duration::from_mins(2));
    edit(json!({ "sql": "select 2 from others" })).await;
    assert_eq!(counts(&world.admin, &id).await, json!([0, 0, 0, 1]));
    assert_eq!(rows_left(&world).await, [0, 0, 0], "results, history, counts");
    world.server.advance(Duration::from_secs(61));
    answer(&mut host).await;
    assert_eq!(counts(&world.admin, &id).await, json!([1, 0, 0, 0]), "asked within a minute");
    edit(json!({ "platforms": ["WINDOWS"] })).await;
    assert_eq!(counts(&world.admin, &id).await, json!([0, 0, 0, 0]), "it is not about this host");
    assert_eq!(standing(&world.admin, "web").await, json!([]));
    edit(json!({ "platforms": ["LINUX", "WINDOWS"] })).await;
    assert_eq!(counts(&world.admin, &id).await, json!([0, 0, 0, 1]));
}

/// A host that was asked before the change answers after it: that is no answer to what is asked now.
async fn an_answer_to_the_old_question_is_none_to_the_new(world: World) {
    let world = patient(world).await;
    let (mut host, _) = moody(&world, "web", &world.secret).await;
    let id = policy(&world.admin, json!({ "name": "shields", "sql": "select 1 from shields" })).await;
    host.read().await.expect("it is asked");
    let input = json!({ "id": id, "sql": "select 2 from shields" });
    world.admin.mutate("updatePolicy", "policy { version }", input).await;
    host.write().await.expect("it is thanked all the same");
    assert_eq!(counts(&world.admin, &id).await, json!([0, 0, 0, 1]));
    world.server.advance(HOUR);
    answer(&mut host).await;
    assert_eq!(counts(&world.admin, &id).await, json!([1, 0, 0, 0]));
}

/// Of team, platform and labels: others are neither asked nor counted.
async fn asked_of_those_it_is_about(world: World) {
    let berlin = world.team("berlin").await;
    let (mut host, _) = moody(&world, "web", &world.secret).await;
    let (mut of_berlin, _) = moody(&world, "berlin-web", &world.team_secret(&berlin).await).await;
    let labels = world.admin.ask("{ labels { nodes { id name } } }", json!({})).await;
    let label = |name: &str| {
        let nodes = labels["labels"]["nodes"].as_array().expect("a list");
        let found = nodes.iter().find(|label| label["name"].as_str().is_some_and(|has| has.contains(name)));
        found.unwrap_or_else(|| panic!("{name} of {labels}"))["id"].clone()
    };
    let (linux, windows) = (label("Linux"), label("Windows"));
    let mut expected = Vec::new();
    for (name, input, hosts) in [
        ("everybody", json!({}), 2),
        ("of_berlin", json!({ "teamId": berlin.public_id.0 }), 1),
        ("of_windows", json!({ "platforms": ["WINDOWS", "DARWIN"] }), 0),
        ("with_linux", json!({ "labelsIncludeAny": [windows, linux] }), 2),
        ("with_windows", json!({ "labelsIncludeAny": [windows] }), 0),
        ("without_linux", json!({ "labelsExcludeAny": [linux] }), 0),
        ("without_windows", json!({ "labelsExcludeAny": [windows] }), 2),
    ] {
        let mut input = input;
        input["name"] = json!(name);
        input["sql"] = json!(format!("select '{name}'"));
        let id = policy(&world.admin, input).await;
        assert_eq!(counts(&world.admin, &id).await, json!([0, 0, 0, hosts]), "{name}");
        expected.push((name, id, hosts));
    }
    answer(&mut host).await;
    answer(&mut of_berlin).await;
    for (name, id, hosts) in &expected {
        assert_eq!(counts(&world.admin, id).await, json!([hosts, 0, 0, 0]), "{name}");
    }
    let asked = |host: &Agent, name: &str| host.ledger.asked.iter().any(|(_, sql)| sql.contains(name));
    assert!(asked(&of_berlin, "of_berlin") && !asked(&host, "of_berlin"));
    assert!(!asked(&host, "of_windows") && !asked(&host, "with_windows") && !asked(&host, "without_linux"));
    let query = "query($id: ID!) { node(id: $id) { ... on Policy { labelsIncludeAny { name } platforms
        countsByTeam { team { name } counts { passing } } } } }";
    let shown = world.admin.ask(query, json!({ "id": expected[3].1 })).await["node"].clone();
    assert_eq!(shown["labelsIncludeAny"].as_array().map(Vec::len), Some(2), "{shown}");
    let by_team = json!([{ "team": null, "counts": { "passing": 1 } },
        { "team": { "name": "berlin" }, "counts": { "passing": 1 } }]);
    assert_eq!(shown["countsByTeam"], by_team);
    let made = json!({ "name": "x", "sql": "select 1", "labelsIncludeAny": ["lbl_nothing"] });
    let refused = world.admin.mutate("createPolicy", "policy { id }", made).await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["labelsIncludeAny"]));
}

/// One that is made later is asked alone, within a minute; the others when they are due.
async fn new_policies_are_asked_soon(world: World) {
    let (mut host, _) = moody(&world, "web", &world.secret).await;
    policy(&world.admin, json!({ "name": "old", "sql": "select 'old'" })).await;
    answer(&mut host).await;
    world.server.advance(Duration::from_mins(5));
    let id = policy(&world.admin, json!({ "name": "new", "sql": "select 'new'" })).await;
    world.server.advance(Duration::from_secs(61));
    answer(&mut host).await;
    let asked: Vec<&str> = host.ledger.asked.iter().map(|(_, sql)| sql.as_str()).collect();
    assert_eq!(asked, ["select 'old'", "select 'new'"]);
    assert_eq!(counts(&world.admin, &id).await, json!([1, 0, 0, 0]));
    let cost = world.server.statements_of(async || {
        for _ in 0..5 {
            host.read().await.expect("a check-in");
        }
    });
    assert_eq!(cost.await, 0, "nothing is due");
}

/// Counts, results, events and policies of another team are not there for an observer.
async fn another_teams_observer_learns_nothing(world: World) {
    let world = patient(world).await;
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let observer = world.person("berliner", Role::Observer, Some(&berlin)).await;
    let (mut here, moods_here) = moody(&world, "berlin-web", &world.team_secret(&berlin).await).await;
    let (mut there, moods_away) = moody(&world, "paris-web", &world.team_secret(&paris).await).await;
    let id = policy(&world.admin, json!({ "name": "shields", "sql": "select 1 from shields" })).await;
    let own = json!({ "name": "theirs", "sql": "select 1 from theirs", "teamId": paris.public_id.0 });
    let own = policy(&world.admin, own).await;
    answer(&mut here).await;
    answer(&mut there).await;
    let mut looking = follow(&observer, json!({})).await;
    moods_away.set("select 1", Mood::Fails);
    world.server.advance(HOUR);
    answer(&mut there).await;
    assert_eq!(counts(&world.admin, &id).await, json!([1, 1, 0, 0]));
    assert_eq!(counts(&observer, &id).await, json!([1, 0, 0, 0]));
    moods_here.set("shields", Mood::Errs);
    answer(&mut here).await;
    let change = next(&mut looking).await;
    assert_eq!(change["results"][0]["host"]["hostname"], "berlin-web", "nothing of paris came before");
    assert_eq!(change["results"].as_array().map(Vec::len), Some(1), "{change}");
    let query =
        "{ policies { totalCount nodes { name counts { failing } hosts { nodes { host { hostname } } } } }
        failing: policies(failing: true) { totalCount } hosts { nodes { failingPolicyCount } } }";
    let seen = observer.ask(query, json!({})).await;
    assert_eq!((&seen["policies"]["totalCount"], &seen["failing"]["totalCount"]), (&json!(1), &json!(0)));
    assert!(!seen.to_string().contains("paris") && !seen.to_string().contains("theirs"), "{seen}");
    let absent = observer.ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": own })).await;
    assert_eq!(absent["node"], Value::Null);
    let gitops = world.person("gitops", Role::Gitops, None).await;
    let seen = gitops
        .gql("{ policies { nodes { name counts { failing } hosts { nodes { state } } } } }", json!({}))
        .await;
    assert_eq!(
        seen["data"]["policies"]["nodes"][0]["counts"],
        Value::Null,
        "it reads nothing of hosts: {seen}"
    );
}

/// A host that moves takes along how it stands to policies that are still about it, and is counted where it is; what was
/// its old team's is forgotten. One that is deleted leaves nothing.
async fn moves_and_deletions_leave_nothing_behind(world: World) {
    let world = patient(world).await;
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let (mut host, moods) = moody(&world, "web", &world.team_secret(&berlin).await).await;
    moods.set("shields", Mood::Fails);
    let everywhere = policy(&world.admin, json!({ "name": "all", "sql": "select 'shields'" })).await;
    let of_berlin = json!({ "name": "own", "sql": "select 'shields own'", "teamId": berlin.public_id.0 });
    let of_berlin = policy(&world.admin, of_berlin).await;
    answer(&mut host).await;
    let before = standing(&world.admin, "web").await;
    assert_eq!(before.as_array().map(Vec::len), Some(2));
    let parisian = world.person("parisian", Role::Observer, Some(&paris)).await;
    let mut looking = follow(&parisian, json!({})).await;
    transfer(&world, "web", Some(&paris)).await;
    assert_eq!(next(&mut looking).await["kind"], "RESULTS", "counts of paris are others");
    assert_eq!(counts(&parisian, &everywhere).await, json!([0, 1, 0, 0]));
    assert_eq!(counts(&world.admin, &of_berlin).await, json!([0, 0, 0, 0]));
    assert_eq!(
        standing(&parisian, "web").await[0]["since"],
        before[0]["since"],
        "it fails as long as before"
    );
    assert_eq!(rows_left(&world).await, [1, 1, 1], "of the policy of berlin nothing is left");
    transfer(&world, "web", Some(&berlin)).await;
    assert_eq!(counts(&world.admin, &of_berlin).await, json!([0, 0, 0, 1]), "it is asked anew");
    answer(&mut host).await;
    assert_eq!(counts(&world.admin, &of_berlin).await, json!([0, 1, 0, 0]), "at once");
    world
        .server
        .fleet
        .delete_team(&muster::policy::Actor::System, &berlin.public_id)
        .await
        .expect("it is there");
    assert_eq!(counts(&world.admin, &everywhere).await, json!([0, 1, 0, 0]), "in no team now");
    assert_eq!(rows_left(&world).await, [1, 1, 1]);
    let id = host_id(&world, "web").await;
    world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [id] })).await;
    assert_eq!(counts(&world.admin, &everywhere).await, json!([0, 0, 0, 0]));
    assert_eq!(rows_left(&world).await, [0, 0, 0]);
}

/// Made, changed and deleted as packs and saved queries are: roles, versions, keys, mistakes, entries, events.
async fn saved_as_the_neighbours_are(world: World) {
    let berlin = world.team("berlin").await;
    let maintainer = world.person("maintainer", Role::Maintainer, Some(&berlin)).await;
    let observer = world.person("observer", Role::ObserverPlus, Some(&berlin)).await;
    let mut looking = follow(&world.admin, json!({})).await;
    let input = json!({ "name": " shields ", "sql": "select 1", "teamId": berlin.public_id.0,
        "resolution": "raise them", "critical": true, "platforms": ["LINUX", "DARWIN"], "idempotencyKey": "k" });
    let shape =
        "policy { id name sql resolution critical platforms version team { name } createdBy { ... on User {
        displayName } } } policyEdge { cursor }";
    let made = maintainer.mutate("createPolicy", shape, input.clone()).await;
    let shown = &made["policy"];
    assert_eq!(
        (&shown["name"], &shown["platforms"], &shown["critical"], &shown["version"]),
        (&json!("shields"), &json!(["DARWIN", "LINUX"]), &json!(true), &json!(1)),
        "{made}"
    );
    let id = shown["id"].clone();
    let change = next(&mut looking).await;
    assert_eq!((&change["kind"], &change["policy"]["name"]), (&json!("SAVED"), &json!("shields")));
    assert_eq!(
        maintainer.mutate("createPolicy", shape, input.clone()).await["policy"]["id"],
        id,
        "the same key"
    );
    let edit = json!({ "id": id, "expectedVersion": 1, "resolution": null });
    let edited =
        maintainer.mutate("updatePolicy", "policy { version resolution critical }", edit.clone()).await;
    assert_eq!(edited["policy"], json!({ "version": 2, "resolution": null, "critical": true }));
    assert_eq!(code(&maintainer, "updatePolicy", edit).await, "VERSION_CONFLICT");
    assert_eq!(next(&mut looking).await["kind"], "SAVED");
    assert_eq!(code(&observer, "deletePolicy", json!({ "id": id })).await, "NOT_ALLOWED");
    let gone = maintainer.mutate("deletePolicy", "deletedPolicyId", json!({ "id": id })).await;
    assert_eq!(gone["deletedPolicyId"], id);
    let change = next(&mut looking).await;
    assert_eq!((&change["kind"], &change["policyId"]), (&json!("DELETED"), &id));
    assert_eq!(code(&maintainer, "deletePolicy", json!({ "id": id })).await, "NOT_FOUND");
    let trail = "{ activities(filter: { kinds: [\"policy\"] }) { nodes { kind team { name } } } }";
    let kinds: Vec<_> = world.admin.ask(trail, json!({})).await["activities"]["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (entry["kind"].clone(), entry["team"]["name"].clone()))
        .collect();
    let expected = ["policy.deleted", "policy.updated", "policy.created"];
    assert_eq!(kinds, expected.map(|kind| (json!(kind), json!("berlin"))));
}

/// What can't be saved is said, at its place.
async fn mistakes_are_told(world: World) {
    let berlin = world.team("berlin").await;
    let maintainer = world.person("maintainer", Role::Maintainer, Some(&berlin)).await;
    let observer = world.person("observer", Role::ObserverPlus, Some(&berlin)).await;
    let own = json!({ "name": "shields", "sql": "select 1", "teamId": berlin.public_id.0 });
    policy(&maintainer, own.clone()).await;
    assert_eq!(code(&maintainer, "createPolicy", own.clone()).await, "NOT_UNIQUE");
    assert_eq!(code(&observer, "createPolicy", own).await, "NOT_ALLOWED");
    let global = json!({ "name": "x", "sql": "select 1" });
    assert_eq!(code(&maintainer, "createPolicy", global).await, "NOT_ALLOWED", "it maintains berlin alone");
    for (bad, path) in [
        (json!({ "name": "", "sql": "select 1" }), "name"),
        (json!({ "name": "x", "sql": "drop table hosts" }), "sql"),
        (json!({ "name": "x", "sql": "select 1", "resolution": "a".repeat(5_000) }), "resolution"),
    ] {
        let answer = world.admin.mutate("createPolicy", "policy { id }", bad).await;
        assert_eq!((&answer["policy"], &answer["userErrors"][0]["path"]), (&Value::Null, &json!([path])));
    }
}

/// The code of the first mistake of a mutation.
async fn code(person: &Person, field: &str, input: Value) -> String {
    let answer = person.mutate(field, "__typename", input).await;
    answer["userErrors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

/// Three policies and three hosts: two fail `Gamma`, one of these `beta`, too, and the last one has not answered.
async fn three(world: &World) -> (Vec<String>, Vec<Agent>) {
    let mut ids = Vec::new();
    for (name, critical) in [("alpha", false), ("beta", true), ("Gamma", false)] {
        let input = json!({ "name": name, "sql": format!("select '{name}'"), "critical": critical });
        ids.push(policy(&world.admin, input).await);
    }
    let mut hosts = Vec::new();
    for (name, fails) in [("one", vec!["Gamma", "beta"]), ("two", vec!["Gamma"]), ("three", vec![])] {
        let (mut host, moods) = moody(world, name, &world.secret).await;
        for word in &fails {
            moods.set(word, Mood::Fails);
        }
        if !fails.is_empty() {
            answer(&mut host).await;
        }
        hosts.push(host);
    }
    (ids, hosts)
}

/// By name, by how many fail, critical ones, failing ones; the same by page.
async fn listed_sorted_and_filtered(world: World) {
    let (_, _hosts) = three(&world).await;
    let listed = async |arguments: &str| {
        let query = format!("{{ policies({arguments}) {{ nodes {{ name }} }} }}");
        texts(&world.admin.ask(&query, json!({})).await["policies"]["nodes"], |policy| &policy["name"])
    };
    assert_eq!(listed("first: 9").await, ["alpha", "beta", "Gamma"]);
    assert_eq!(listed("sort: { field: FAILING, direction: DESC }").await, ["Gamma", "beta", "alpha"]);
    assert_eq!(listed("sort: { field: NAME, direction: DESC }").await, ["Gamma", "beta", "alpha"]);
    assert_eq!(listed("critical: true").await, ["beta"]);
    assert_eq!(listed("failing: false").await, ["alpha"]);
    assert_eq!(listed("search: \"ga\"").await, ["Gamma"]);
    for sort in ["FAILING, direction: DESC", "NAME", "CREATED_AT", "CREATED_AT, direction: DESC"] {
        let query = format!(
            "query($after: String) {{ policies(first: 1, after: $after, sort: {{ field: {sort} }}) {{
                totalCount nodes {{ name }} pageInfo {{ endCursor hasNextPage }} }} }}"
        );
        let (mut after, mut names) = (Value::Null, Vec::new());
        loop {
            let page = world.admin.ask(&query, json!({ "after": after })).await["policies"].clone();
            assert_eq!(page["totalCount"], 3);
            names.extend(texts(&page["nodes"], |policy| &policy["name"]));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(names, listed(&format!("sort: {{ field: {sort} }}")).await, "{sort}");
    }
}

/// A host's policies with critical failures first; hosts by how they stand to a policy, as a list, below the policy, and
/// as targets.
async fn hosts_are_found_by_how_they_stand(world: World) {
    let (ids, _hosts) = three(&world).await;
    let order = texts(&standing(&world.admin, "one").await, |node| &node["policy"]["name"]);
    assert_eq!(order, ["beta", "Gamma", "alpha"]);
    let query = "query($id: ID!, $state: PolicyState!) {
        hosts(filter: { policies: [{ policyId: $id, state: $state }] }, sort: { field: ENROLLED_AT, direction: ASC }) {
            nodes { hostname policies(first: 1, state: FAIL) { nodes { state } } } }
        node(id: $id) { ... on Policy { hosts(state: $state) { nodes { state host { hostname } } } } } }";
    for (policy, state, names) in [
        (&ids[2], "FAIL", vec!["one", "two"]),
        (&ids[1], "FAIL", vec!["one"]),
        (&ids[1], "PASS", vec!["two"]),
        (&ids[1], "ERROR", vec![]),
        (&ids[1], "UNANSWERED", vec!["three"]),
    ] {
        let seen = world.admin.ask(query, json!({ "id": policy, "state": state })).await;
        assert_eq!(texts(&seen["hosts"]["nodes"], |host| &host["hostname"]), names, "{state}");
        let below = &seen["node"]["hosts"]["nodes"];
        assert_eq!(texts(below, |result| &result["host"]["hostname"]), names, "{state}");
        assert!(texts(below, |result| &result["state"]).iter().all(|told| told == state), "{below}");
    }
    let seen = world.admin.ask("{ hosts { nodes { hostname failingPolicyCount } } }", json!({})).await;
    let one =
        seen["hosts"]["nodes"].as_array().expect("a list").iter().find(|host| host["hostname"] == "one");
    assert_eq!(one.expect("it is there")["failingPolicyCount"], 2);
    let targets = json!({ "filter": { "policies": [{ "policyId": ids[2] }] } });
    let preview = "query($targets: TargetsInput!) { previewTargets(targets: $targets) { targeted } }";
    let preview = world.admin.ask(preview, json!({ "targets": targets })).await;
    assert_eq!(preview["previewTargets"]["targeted"], 2, "those that fail it");
}

/// A text of each of some nodes.
fn texts(nodes: &Value, text: impl Fn(&Value) -> &Value) -> Vec<String> {
    let nodes = nodes.as_array().unwrap_or_else(|| panic!("no list: {nodes}")).iter();
    nodes.map(|node| text(node).as_str().unwrap_or_default().to_owned()).collect()
}

/// A page of policies with counts, and one of hosts with policies, cost as many statements for many as for one.
async fn pages_cost_the_same_for_one_and_for_many(world: World) {
    let labels = world.admin.ask("{ labels { nodes { id } } }", json!({})).await;
    let label = labels["labels"]["nodes"][0]["id"].clone();
    let mut hosts = Vec::new();
    for number in 0..5 {
        let input = json!({ "name": format!("p{number}"), "sql": format!("select {number}"), "labelsIncludeAny": [label] });
        policy(&world.admin, input).await;
        hosts.push(moody(&world, &format!("host-{number}"), &world.secret).await.0);
    }
    for host in &mut hosts {
        answer(host).await;
    }
    for query in [
        "query($first: Int!) { policies(first: $first) { totalCount nodes { name counts { passing }
            countsByTeam { counts { failing } } labelsIncludeAny { name }
            hosts { nodes { state host { hostname } history { nodes { state } } } } } } }",
        "query($first: Int!) { hosts(first: $first) { nodes { hostname failingPolicyCount
            policies { nodes { state policy { name } history { nodes { state } } } } } } }",
    ] {
        let cost = async |first: u64| {
            let ask = async || drop(world.admin.ask(query, json!({ "first": first })).await);
            world.server.statements_of(ask).await
        };
        let (one, many) = (cost(1).await, cost(5).await);
        assert_eq!(one, many, "{query}");
    }
}

/// What is older than it is kept goes; how a host stands stays.
async fn history_is_kept_for_its_time(world: World) {
    let world = patient(world).await;
    let (mut host, moods) = moody(&world, "web", &world.secret).await;
    let id = policy(&world.admin, json!({ "name": "shields", "sql": "select 'shields'" })).await;
    answer(&mut host).await;
    world.server.advance(Duration::from_hours(24 * 91));
    moods.set("shields", Mood::Fails);
    answer(&mut host).await;
    assert_eq!(rows_left(&world).await[1], 2);
    world.server.tick().await;
    assert_eq!(rows_left(&world).await, [1, 1, 1]);
    assert_eq!(counts(&world.admin, &id).await, json!([0, 1, 0, 0]));
}

/// The same world, where people stay signed in for as long as hosts are watched here.
pub async fn patient(world: World) -> World {
    let settings = &[("session.access_token_ttl", "200d"), ("session.refresh_token_ttl", "200d")];
    let server = world.server.restart_with(settings).await;
    let mut admin = world.admin.clone();
    admin.sign_in().await;
    World { server, admin, ..world }
}

/// How many hosts stand how to a policy: passing, failing, error, unanswered.
pub async fn counts(person: &Person, id: &str) -> Value {
    let query =
        "query($id: ID!) { node(id: $id) { ... on Policy { counts { passing failing error unanswered } } } }";
    let counts = person.ask(query, json!({ "id": id })).await["node"]["counts"].clone();
    json!([counts["passing"], counts["failing"], counts["error"], counts["unanswered"]])
}

/// How a host stands to the policies that are about it.
async fn standing(person: &Person, name: &str) -> Value {
    let query =
        "query($name: String) { hosts(first: 1, filter: { search: $name }) { nodes { policies { nodes {
        policy { name } state since checkedAt error history { nodes { state before changedAt } } } } } } }";
    let seen = person.ask(query, json!({ "name": name })).await;
    seen["hosts"]["nodes"][0]["policies"]["nodes"].clone()
}

/// Begins to follow policies; the first message says to read them.
async fn follow(person: &Person, variables: Value) -> Subscription {
    let mut looking = person.subscribe(CHANGED, variables).await;
    assert_eq!(next(&mut looking).await["kind"], "RESYNC");
    looking
}

async fn next(looking: &mut Subscription) -> Value {
    match looking.next().await {
        Told::Next(result) => result["data"]["policyChanged"].clone(),
        other => panic!("{other:?}"),
    }
}

async fn host_id(world: &World, name: &str) -> Value {
    let query = "query($name: String) { hosts(filter: { search: $name }) { nodes { id } } }";
    world.admin.ask(query, json!({ "name": name })).await["hosts"]["nodes"][0]["id"].clone()
}

async fn transfer(world: &World, name: &str, team: Option<&Team>) {
    let input =
        json!({ "hostIds": [host_id(world, name).await], "teamId": team.map(|team| &team.public_id.0) });
    let moved = world.admin.mutate("transferHosts", "hosts { id }", input).await;
    assert_eq!(moved["userErrors"], json!([]), "{moved}");
}

/// Rows of results, of history, and of counts.
async fn rows_left(world: &World) -> [u64; 3] {
    let db = connect(&world.server.database_url()).await;
    [
        policy_results::Entity::find().count(&db).await.expect("results"),
        policy_changes::Entity::find().count(&db).await.expect("history"),
        policy_counts::Entity::find().count(&db).await.expect("counts"),
    ]
}
