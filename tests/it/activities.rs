//! The audit trail: what is recorded, who sees it, and that it stays.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use muster::policy::Role;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::personas::Person;
use crate::harness::services::postgres::connect;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(
    what_is_recorded,
    a_token_acts_for_its_user,
    teams_see_their_own,
    readers_are_named_once,
    followed,
    append_only,
    retention
);

const LIST: &str = "query($first: Int!, $after: String, $filter: ActivityFilter) {
    activities(first: $first, after: $after, filter: $filter) {
        nodes { id kind actorId actorName source team { name } subjectId details }
        pageInfo { hasNextPage endCursor } } }";

/// Entries that match, newest first.
async fn list(person: &Person, filter: Value) -> Vec<Value> {
    let variables = json!({ "first": 100, "filter": filter });
    let found = person.ask(LIST, variables).await["activities"]["nodes"].clone();
    found.as_array().expect("a list").clone()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries.iter().filter_map(|entry| entry["kind"].as_str()).collect()
}

/// Sign-ins, failures, campaigns, secrets, tokens: each with actor, source and object, found by filters and pages.
async fn what_is_recorded(world: World) {
    let _host = world.host("web").await;
    world.admin.login("wrong").await;
    let campaign = world.admin.start("select 17").await;
    world.admin.stop(&campaign).await;
    let made =
        world.admin.mutate("createApiToken", "apiToken { id }", json!({ "name": "ci", "scope": "READ" }));
    let token = made.await["apiToken"]["id"].clone();
    world.admin.mutate("revokeApiToken", "revokedApiTokenId", json!({ "id": token })).await;
    world.admin.ask("mutation { logout { userErrors { code } } }", json!({})).await;
    let mut admin = world.admin.clone();
    let me = admin.sign_in().await["user"]["id"].clone();

    let all = kinds(&list(&admin, json!({})).await).join(" ");
    let expected = "session.started session.ended api_token.revoked api_token.created campaign.stopped \
                    campaign.started session.failed host.enrolled";
    assert!(all.starts_with(expected), "{all}");
    let of_campaign = list(&admin, json!({ "subjectId": campaign })).await;
    assert_eq!(kinds(&of_campaign), ["campaign.stopped", "campaign.started"]);
    let started = &of_campaign[1];
    assert_eq!(started["details"], json!({ "sql": "select 17", "targets": "all_hosts", "targeted": 1 }));
    assert_eq!((&started["actorId"], &started["actorName"]), (&me, &json!("admin")));
    assert_eq!(started["source"], "127.0.0.1");
    let failed = list(&admin, json!({ "kinds": ["session.failed"] })).await;
    assert_eq!((&failed[0]["subjectId"], &failed[0]["source"]), (&me, &json!("127.0.0.1")));
    assert_eq!(failed[0]["actorId"], Value::Null);
    let sessions = list(&admin, json!({ "kinds": ["session"], "actorId": me })).await;
    assert_eq!(kinds(&sessions), ["session.started", "session.ended", "session.started"]);
    assert_eq!(list(&admin, json!({ "kinds": [] })).await, Vec::<Value>::new());
    assert_eq!(list(&admin, json!({ "actorId": "usr_1" })).await, Vec::<Value>::new());
    let from = json!({ "from": "2026-11-22T12:00:00.001Z" });
    assert_eq!(list(&admin, from).await, Vec::<Value>::new(), "the clock stands at noon");

    let mut paged = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = admin.ask(LIST, json!({ "first": 3, "after": after })).await["activities"].clone();
        paged.extend(page["nodes"].as_array().expect("a list").clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(paged, list(&admin, json!({})).await);
}

/// What a program does names its token, and the user behind it, also when the token is gone.
async fn a_token_acts_for_its_user(world: World) {
    let made = json!({ "name": "ci", "scope": "MANAGE" });
    let made = world.admin.mutate("createApiToken", "token apiToken { id }", made).await;
    let (token, id) = (made["token"].as_str().expect("it is shown once"), &made["apiToken"]["id"]);
    let program = Person { token: Some(token.to_owned()), ..world.admin.clone() };
    program.mutate("createSavedQuery", "savedQuery { id }", json!({ "name": "q", "sql": "select 1" })).await;
    world.admin.mutate("revokeApiToken", "revokedApiTokenId", json!({ "id": id })).await;
    let me = world.admin.id().await.0;
    let query = "query($filter: ActivityFilter) { activities(first: 1, filter: $filter) {
        nodes { kind actorId actorName userId source } } }";
    let shown = json!({ "kind": "saved_query.created", "actorId": id, "actorName": "ci", "userId": me,
        "source": "127.0.0.1" });
    for filter in [json!({ "actorId": id }), json!({ "userId": me, "kinds": ["saved_query"] })] {
        let found = world.admin.ask(query, json!({ "filter": filter })).await["activities"]["nodes"].clone();
        assert_eq!(found, json!([shown]));
    }
}

/// The admin of a team sees what concerns it, of a mixed campaign its own part; others see nothing.
async fn teams_see_their_own(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let answer = Arc::new(|_: &str| AgentAnswer::one("a", "b"));
    let _one = world.host_with("berlin-web", &world.team_secret(&berlin).await, answer.clone()).await;
    let _two = world.host_with("paris-web", &world.team_secret(&paris).await, answer.clone()).await;
    let _three = world.host_with("paris-db", &world.team_secret(&paris).await, answer).await;
    let lead = world.person("lead", Role::Admin, Some(&berlin)).await;
    let campaign = world.admin.start("select 1").await;
    assert_eq!(list(&world.admin, json!({ "subjectId": campaign })).await.len(), 2);
    let seen = list(&lead, json!({})).await;
    assert_eq!(
        kinds(&seen),
        ["campaign.started", "user.created", "host.enrolled", "enroll_secret.created", "team.created"],
        "{seen:?}"
    );
    assert!(seen.iter().all(|entry| entry["team"]["name"] == "berlin"));
    assert_eq!(seen[0]["details"]["targeted"], 1);
    let foreign = list(&world.admin, json!({ "teamIds": [paris.public_id.0] })).await;
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(lead.ask(node, json!({ "id": foreign[0]["id"] })).await["node"], Value::Null);
    assert_eq!(
        world.admin.ask(node, json!({ "id": foreign[0]["id"] })).await["node"]["id"],
        foreign[0]["id"]
    );
    assert_eq!(list(&lead, json!({ "teamIds": [paris.public_id.0] })).await, Vec::<Value>::new());
    let maintainer = world.person("m", Role::Maintainer, Some(&berlin)).await;
    let denied = maintainer.gql(LIST, json!({ "first": 1 })).await;
    assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
}

/// Who reads a campaign's rows is named once, however they read.
async fn readers_are_named_once(world: World) {
    let mut host = world.host("web").await;
    let campaign = world.admin.start("select 1").await;
    host.poll().await.expect("it is enrolled");
    let viewer = world.person("viewer", Role::Observer, None).await;
    for _ in 0..2 {
        viewer.events(&campaign, None, 100).await;
        assert!(viewer.follow(&campaign, None).await.batch().await);
    }
    let filter = json!({ "subjectId": campaign, "kinds": ["campaign.read"] });
    let read = list(&world.admin, filter.clone()).await;
    assert_eq!(read.len(), 1, "{read:?}");
    assert_eq!((&read[0]["actorName"], &read[0]["source"]), (&json!("viewer"), &json!("127.0.0.1")));
    let world = world.restart().await;
    viewer.events(&campaign, None, 100).await;
    assert_eq!(list(&world.admin, filter).await.len(), 1, "a restart does not name them again");
}

/// A subscription brings what is added from now on, within its scope and filter, from any server.
async fn followed(world: World) {
    let berlin = world.team("berlin").await;
    let world = world.with_running_tasks().await;
    let beside = world.server.beside().await;
    let lead = world.person("lead", Role::Admin, Some(&berlin)).await;
    let query = "subscription { activityAdded(filter: { kinds: [\"enroll_secret\"] }) { id team { name } } }";
    let mut all = world.admin.subscribe(query, json!({})).await;
    let mut own = lead.subscribe(query, json!({})).await;
    let elsewhere = Person { server: beside.address, ..world.admin.clone() };
    // Nothing says when a subscription has begun: secrets are made until both have told of some.
    let made = async || {
        for team in [None, Some(&berlin)] {
            let team = team.map(|team| team.public_id.0.clone());
            elsewhere.mutate("createEnrollSecret", "secret", json!({ "teamId": team })).await;
        }
    };
    let (mut of_all, mut of_own) = (Vec::new(), Vec::new());
    while of_all.len() < 5 || of_own.len() < 3 {
        tokio::select! {
            told = all.next(), if of_all.len() < 5 => of_all.push(added(told)),
            told = own.next(), if of_own.len() < 3 => of_own.push(added(told)),
            () = made() => {}
        }
    }
    assert!(of_own.iter().all(|entry| entry["team"]["name"] == "berlin"), "{of_own:?}");
    assert!(of_all.iter().any(|entry| entry["team"].is_null()), "{of_all:?}");
    let ids: BTreeSet<_> = of_all.iter().filter_map(|entry| entry["id"].as_str()).collect();
    assert_eq!(ids.len(), 5, "each comes once");
    let stored = list(&world.admin, json!({ "kinds": ["enroll_secret.created"] })).await;
    let stored: Vec<_> = stored.iter().rev().filter_map(|entry| entry["id"].as_str()).collect();
    let told: Vec<_> = of_all.iter().filter_map(|entry| entry["id"].as_str()).collect();
    let from = stored.iter().position(|id| *id == told[0]).expect("it is stored");
    assert_eq!(told, stored[from..from + 5], "none is left out");
    let observer = world.person("o", Role::Observer, None).await;
    let mut denied = observer.subscribe(query, json!({})).await;
    assert!(matches!(denied.next().await, Told::Error(_)));
    beside.stop().await;
}

/// The entry that a subscription brought.
#[track_caller]
fn added(told: Told) -> Value {
    match told {
        Told::Next(payload) => payload["data"]["activityAdded"].clone(),
        other => panic!("{other:?}"),
    }
}

/// The database itself refuses to change an entry.
async fn append_only(world: World) {
    let db = connect(&world.server.database_url()).await;
    let forged = db.execute_unprepared("UPDATE activities SET actor_name = 'somebody else'").await;
    assert!(forged.expect_err("it is refused").to_string().contains("an activity never changes"));
    db.close().await.expect("a connection closes");
}

/// Entries go when their time is over, and not before.
async fn retention(world: World) {
    let before = list(&world.admin, json!({})).await.len();
    world.server.advance(Duration::from_hours(364 * 24));
    world.server.tick().await;
    let mut admin = world.admin.clone();
    admin.sign_in().await;
    assert_eq!(list(&admin, json!({})).await.len(), before + 1);
    world.server.advance(Duration::from_hours(2 * 24));
    world.server.tick().await;
    admin.sign_in().await;
    assert_eq!(kinds(&list(&admin, json!({})).await), ["session.started", "session.started"]);
}
