//! Isolation: who belongs to one team sees nothing of another, anywhere.

use muster::fleet::teams::Team;
use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::Agent;
use crate::harness::campaign::rows_by_host;
use crate::harness::personas::Person;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(
    hosts_are_hidden,
    other_objects_are_hidden,
    mixed_campaigns_are_filtered,
    foreign_campaigns_do_not_exist,
    targets_stay_in_the_team,
    hosts_cannot_be_taken,
    observers_only_observe,
    teams_change,
    a_deleted_team_leaves_its_hosts_in_none
);

/// Hosts: lists, counts, search, lookups and nodes.
async fn hosts_are_hidden(world: World) {
    let Two { berlin, paris, .. } = Two::teams(&world).await;
    let seen = berlin.observer.ask(HOSTS, json!({ "search": null })).await["hosts"].clone();
    assert_eq!(
        seen,
        json!({ "totalCount": 1, "nodes": [{ "hostname": "berlin-web", "team": { "name": "berlin" } }] })
    );
    let searched = berlin.observer.ask(HOSTS, json!({ "search": "paris" })).await["hosts"].clone();
    assert_eq!(searched, json!({ "totalCount": 0, "nodes": [] }));
    let theirs = paris.host_id(&world).await;
    let node =
        "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } host(by: { id: $id }) { id } }";
    let hidden = json!({ "node": null, "nodes": [null], "host": null });
    assert_eq!(berlin.observer.ask(node, json!({ "id": theirs })).await, hidden);
    let absent = json!({ "id": "hst_0000000000000000000000" });
    assert_eq!(berlin.observer.ask(node, absent).await, hidden, "hidden and absent look the same");
    let lookup = "query($i: String!) { host(by: { hostIdentifier: $i }) { id } }";
    let identifier = json!({ "i": paris.host.identity.host_identifier });
    assert_eq!(berlin.observer.ask(lookup, identifier).await["host"], Value::Null);
}

/// Teams, labels and saved queries: lists, counts and nodes.
async fn other_objects_are_hidden(world: World) {
    let Two { berlin, paris, .. } = Two::teams(&world).await;
    for (team, name) in [(Some(&berlin.team), "ours"), (Some(&paris.team), "theirs"), (None, "everybody's")] {
        let team = team.map(|team| team.public_id.0.as_str());
        let input = json!({ "name": name, "sql": "select 1", "teamId": team });
        world.admin.mutate("createSavedQuery", "savedQuery { id }", input).await;
    }
    let query = "{ teams { totalCount nodes { name } } savedQueries { totalCount nodes { name } }
        labels(first: 100) { nodes { name hostCount } } }";
    let seen = berlin.observer.ask(query, json!({})).await;
    assert_eq!(seen["teams"], json!({ "totalCount": 1, "nodes": [{ "name": "berlin" }] }));
    assert_eq!(names(&seen["savedQueries"]), ["everybody's", "ours"]);
    assert_eq!(seen["savedQueries"]["totalCount"], 2);
    let counts = seen["labels"]["nodes"].as_array().expect("a list").iter().map(|label| &label["hostCount"]);
    assert_eq!(
        counts.filter(|&count| *count != json!(0)).max_by_key(|count| count.as_u64()),
        Some(&json!(1))
    );
    let node = "query($id: ID!) { node(id: $id) { id } }";
    let theirs = json!({ "id": paris.team.public_id.0 });
    assert_eq!(berlin.observer.ask(node, theirs).await["node"], Value::Null);
}

/// A campaign over both teams: each side sees its own rows, counters, targets and nothing else; the whole of it is
/// the admin's.
async fn mixed_campaigns_are_filtered(world: World) {
    let Two { mut berlin, mut paris } = Two::teams(&world).await;
    let id = world.admin.start("select name").await;
    berlin.host.poll().await.expect("an answer");
    let half = berlin.observer.campaign(&id).await;
    assert_eq!(half["totals"]["targeted"], 1);
    assert_eq!(half["totals"]["outstanding"], 0);
    assert_eq!(half["onlineOutstanding"], 0, "whom the others await is not told");
    let viewing = berlin.observer.follow(&id, None).await;
    paris.host.poll().await.expect("an answer");
    let events = viewing.to_the_end().await;
    assert_eq!(rows_by_host(&events).keys().collect::<Vec<_>>(), ["berlin-web"]);
    assert_eq!(events.len(), 2, "one answer, and the end");
    assert_eq!(events[1]["totals"]["targeted"], 1, "the end counts what the viewer may see");
    assert_eq!(berlin.observer.events(&id, None, 1).await, events);
    let targets =
        "query($id: ID!) { node(id: $id) { ... on Campaign { targets { totalCount nodes { hostname } } } } }";
    let targets = berlin.observer.ask(targets, json!({ "id": id })).await["node"]["targets"].clone();
    assert_eq!(targets, json!({ "totalCount": 1, "nodes": [{ "hostname": "berlin-web" }] }));
    assert_eq!(world.admin.events(&id, None, 100).await.len(), 3);
    let answer = "query($id: ID!, $host: ID!) { node(id: $id) { ... on Campaign { answer(hostId: $host) { nodes { cursor } } } } }";
    let theirs = json!({ "id": id, "host": paris.host_id(&world).await });
    let hidden = berlin.observer.ask(answer, theirs.clone()).await["node"]["answer"].clone();
    assert!(hidden.is_null() || hidden["nodes"] == json!([]), "{hidden}");
    let shown = world.admin.ask(answer, theirs).await["node"]["answer"]["nodes"].clone();
    assert_eq!(shown.as_array().map(Vec::len), Some(1));
}

/// A campaign that asked only another team does not exist.
async fn foreign_campaigns_do_not_exist(world: World) {
    let Two { berlin, paris } = Two::teams(&world).await;
    let target = json!({ "filter": { "teamIds": [paris.team.public_id.0] } });
    let id = world.admin.start_on("select 1", target).await;
    assert_eq!(berlin.observer.campaign(&id).await, Value::Null);
    let listed = berlin.observer.ask("{ campaigns { totalCount nodes { id } } }", json!({})).await;
    assert_eq!(listed["campaigns"], json!({ "totalCount": 0, "nodes": [] }));
    let subscription = "subscription($id: ID!) { campaignEvents(campaignId: $id) { isFinal } }";
    let mut theirs = berlin.observer.subscribe(subscription, json!({ "id": id })).await;
    let mut absent =
        berlin.observer.subscribe(subscription, json!({ "id": "cmp_0000000000000000000000" })).await;
    let (theirs, absent) = (code(&theirs.next().await), code(&absent.next().await));
    assert_eq!(theirs, "NOT_FOUND");
    assert_eq!(theirs, absent, "hidden and absent look the same");
    let stopped = berlin.maintainer.stop(&id).await;
    assert_eq!(stopped["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(world.admin.campaign(&id).await["status"], "RUNNING");
}

/// "All hosts" are those the caller may run on; naming one that is not refuses all.
async fn targets_stay_in_the_team(world: World) {
    let Two { mut berlin, mut paris } = Two::teams(&world).await;
    let id = berlin.maintainer.start("select name").await;
    assert_eq!(world.admin.campaign(&id).await["totals"]["targeted"], 1);
    paris.host.poll().await.expect("a check-in");
    assert_eq!(paris.host.ledger.asked, []);
    berlin.host.poll().await.expect("an answer");
    let preview = "query($t: TargetsInput!) { previewTargets(targets: $t) { targeted online } }";
    let all = json!({ "t": { "allHosts": true } });
    let seen = berlin.maintainer.ask(preview, all).await["previewTargets"].clone();
    assert_eq!(seen, json!({ "targeted": 1, "online": 1 }));
    let both = json!([berlin.host_id(&world).await, paris.host_id(&world).await]);
    let input = json!({ "source": { "sql": "select 1" }, "targets": { "hostIds": both } });
    let refused = berlin.maintainer.mutate("startCampaign", "campaign { id }", input).await;
    assert_eq!(refused["campaign"], Value::Null);
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
}

/// Hosts can't be pulled over, nor taken along, nor removed, nor a batch half done.
async fn hosts_cannot_be_taken(world: World) {
    let Two { berlin, paris } = Two::teams(&world).await;
    let (ours, theirs) = (berlin.host_id(&world).await, paris.host_id(&world).await);
    let input = json!({ "hostIds": [ours, theirs], "teamId": berlin.team.public_id.0 });
    let moved = berlin.maintainer.mutate("transferHosts", "hosts { id }", input).await;
    assert_eq!((&moved["hosts"], &moved["userErrors"][0]["code"]), (&json!([]), &json!("NOT_FOUND")));
    let away = json!({ "hostIds": [ours], "teamId": paris.team.public_id.0 });
    let moved = berlin.maintainer.mutate("transferHosts", "hosts { id }", away).await;
    assert_eq!((&moved["hosts"], &moved["userErrors"][0]["code"]), (&json!([]), &json!("NOT_FOUND")));
    let deleted =
        berlin.maintainer.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [ours, theirs] })).await;
    assert_eq!(
        (&deleted["deletedHostIds"], &deleted["userErrors"][0]["code"]),
        (&json!([]), &json!("NOT_FOUND"))
    );
    let hosts = world.admin.ask(HOSTS, json!({ "search": null })).await["hosts"].clone();
    assert_eq!(hosts["totalCount"], 2, "nothing was done by halves");
}

/// What an observer may do: run saved queries marked for it, and nothing that changes anything.
async fn observers_only_observe(world: World) {
    let Two { mut berlin, .. } = Two::teams(&world).await;
    let input = json!({ "source": { "sql": "select 1" }, "targets": { "allHosts": true } });
    let refused = berlin.observer.mutate("startCampaign", "campaign { id }", input).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
    for (may, name) in [(true, "open"), (false, "closed")] {
        let input = json!({ "name": name, "sql": "select name", "observerCanRun": may });
        let saved = world.admin.mutate("createSavedQuery", "savedQuery { id }", input).await;
        let source = json!({ "savedQueryId": saved["savedQuery"]["id"] });
        let input = json!({ "source": source, "targets": { "allHosts": true } });
        let started =
            berlin.observer.mutate("startCampaign", "campaign { id totals { targeted } }", input).await;
        if may {
            assert_eq!(started["campaign"]["totals"]["targeted"], 1);
        } else {
            assert_eq!(started["userErrors"][0]["code"], "NOT_ALLOWED");
        }
    }
    berlin.host.poll().await.expect("an answer");
    assert_eq!(berlin.host.ledger.asked.len(), 1);
    let ours = json!({ "hostIds": [berlin.host_id(&world).await] });
    let refused = berlin.observer.mutate("deleteHosts", "deletedHostIds", ours).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
}

/// A team's own admin changes its purpose and what SQL may name on its hosts; others don't; a version counts.
async fn teams_change(world: World) {
    let Two { berlin, paris } = Two::teams(&world).await;
    let chief = world.person("chief", Role::Admin, Some(&berlin.team)).await;
    let shape = "team { name description restrictions { name level } version }";
    let id = &berlin.team.public_id.0;
    let input = json!({ "id": id, "expectedVersion": 1, "description": "Spree",
        "restrictions": [{ "name": "Curl", "level": "FORBIDDEN" }] });
    let changed = chief.mutate("updateTeam", shape, input.clone()).await;
    let restrictions = json!([{ "name": "curl", "level": "FORBIDDEN" }]);
    let expected =
        json!({ "name": "berlin", "description": "Spree", "restrictions": restrictions, "version": 2 });
    assert_eq!(changed["team"], expected);
    let late = chief.mutate("updateTeam", shape, input.clone()).await;
    assert_eq!(late["userErrors"][0]["code"], "VERSION_CONFLICT");
    assert_eq!(
        berlin.maintainer.mutate("updateTeam", shape, input).await["userErrors"][0]["code"],
        "NOT_ALLOWED"
    );
    let theirs = json!({ "id": paris.team.public_id.0, "description": "Seine" });
    assert_eq!(chief.mutate("updateTeam", shape, theirs).await["userErrors"][0]["code"], "NOT_FOUND");
    let taken = json!({ "id": id, "name": "paris" });
    assert_eq!(world.admin.mutate("updateTeam", shape, taken).await["userErrors"][0]["code"], "NOT_UNIQUE");
    let named = world
        .admin
        .mutate("updateTeam", shape, json!({ "id": id, "name": "Bonn", "description": null }))
        .await;
    assert_eq!((&named["team"]["name"], &named["team"]["description"]), (&json!("Bonn"), &Value::Null));
    let source = json!({ "sql": "select * from 'curl'" });
    let input = json!({ "source": source, "targets": { "allHosts": true } });
    let refused = world.admin.mutate("startCampaign", "campaign { id }", input).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "one team forbids it to everybody");
    let input = json!({ "source": source, "targets": { "filter": { "teamIds": [paris.team.public_id.0] } } });
    let started = world.admin.mutate("startCampaign", "campaign { id }", input).await;
    assert_eq!(started["userErrors"], json!([]), "another team does not");
}

/// Its hosts are in no team, and withdrawn from what awaits them; secrets, invitations, saved queries and roles are
/// gone; what was asked of it stays, for those who see everything.
async fn a_deleted_team_leaves_its_hosts_in_none(world: World) {
    let Two { mut berlin, mut paris } = Two::teams(&world).await;
    let id = berlin.team.public_id.0.clone();
    let secret = world.team_secret(&berlin.team).await;
    let query = json!({ "name": "ours", "sql": "select 1", "teamId": id });
    let saved = world.admin.mutate("createSavedQuery", "savedQuery { id }", query).await;
    let invitation = json!({ "email": "eve@muster.test", "role": "ADMIN", "teamId": id });
    let invited = world.admin.mutate("createInvitation", "token", invitation).await;
    let campaign = world.admin.start("select name").await;
    paris.host.poll().await.expect("an answer");
    let refused = berlin.maintainer.mutate("deleteTeam", "deletedTeamId", json!({ "id": id })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
    let deleted = world.admin.mutate("deleteTeam", "deletedTeamId", json!({ "id": id })).await;
    assert_eq!(deleted["deletedTeamId"], json!(id));
    let ended = world.admin.campaign(&campaign).await;
    assert_eq!((&ended["status"], &ended["totals"]["failed"]), (&json!("COMPLETED"), &json!(1)), "withdrawn");
    let hosts = world.admin.ask(HOSTS, json!({ "search": "berlin" })).await["hosts"]["nodes"].clone();
    assert_eq!(hosts, json!([{ "hostname": "berlin-web", "team": null }]));
    let seen = world
        .admin
        .ask("query($id: ID!) { node(id: $id) { id } teams { totalCount } }", json!({ "id": id }))
        .await;
    assert_eq!(seen, json!({ "node": null, "teams": { "totalCount": 1 } }));
    let gone = json!({ "id": saved["savedQuery"]["id"] });
    assert_eq!(world.admin.ask("query($id: ID!) { node(id: $id) { id } }", gone).await["node"], Value::Null);
    let answering = std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("name", "x"));
    let identity = crate::harness::agent::Identity::linux("late");
    assert!(
        !Agent::new(world.server.address, &secret, identity, answering).enroll().await,
        "its secret is over"
    );
    let accept = json!({ "token": invited["token"], "displayName": "Eve", "password": crate::harness::personas::PASSWORD });
    let over = world.anonymous().mutate("acceptInvitation", "user { id }", accept).await;
    assert_eq!(over["userErrors"][0]["code"], "NOT_FOUND");
    let refused = berlin.observer.gql(HOSTS, json!({ "search": null })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "the role is gone at once");
    let next = world.admin.start("select name").await;
    berlin.host.poll().await.expect("an answer: its key holds");
    assert_eq!(world.admin.campaign(&next).await["totals"]["succeeded"], 1);
    let again = world.team("berlin").await;
    assert!(again.id > paris.team.id, "an id is never given again");
}

const HOSTS: &str = "query($search: String) { hosts(first: 10, filter: { search: $search }) { totalCount nodes { hostname team { name } } } }";

/// Two teams that know nothing of each other.
struct Two {
    berlin: Side,
    paris: Side,
}

/// A team, two of its people and its host.
struct Side {
    team: Team,
    observer: Person,
    maintainer: Person,
    host: Agent,
}

impl Two {
    async fn teams(world: &World) -> Self {
        Self { berlin: Side::of(world, "berlin").await, paris: Side::of(world, "paris").await }
    }
}

impl Side {
    async fn of(world: &World, name: &str) -> Self {
        let team = world.team(name).await;
        let observer = world.person(&format!("{name}-observer"), Role::Observer, Some(&team)).await;
        let maintainer = world.person(&format!("{name}-maintainer"), Role::Maintainer, Some(&team)).await;
        let secret = world.team_secret(&team).await;
        let hostname = format!("{name}-web");
        let answer = hostname.clone();
        let answering =
            std::sync::Arc::new(move |_: &str| crate::harness::agent::AgentAnswer::one("name", &answer));
        let host = world.host_with(&hostname, &secret, answering).await;
        Self { team, observer, maintainer, host }
    }

    async fn host_id(&self, world: &World) -> String {
        let query = "query($i: String!) { host(by: { hostIdentifier: $i }) { id } }";
        let found = world.admin.ask(query, json!({ "i": self.host.identity.host_identifier })).await;
        found["host"]["id"].as_str().expect("the admin sees it").to_owned()
    }
}

/// Names in a page, sorted.
fn names(page: &Value) -> Vec<&str> {
    let nodes = page["nodes"].as_array().expect("a list");
    let mut names: Vec<_> = nodes.iter().filter_map(|node| node["name"].as_str()).collect();
    names.sort_unstable();
    names
}

/// The code of a subscription that did not begin, as an `error` message or as errors in its only result.
fn code(told: &Told) -> String {
    let errors = match told {
        Told::Error(errors) => errors,
        Told::Next(result) => &result["errors"],
        other => panic!("it should have failed: {other:?}"),
    };
    errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {errors}")).to_owned()
}
