//! Isolation, tried as everybody: two teams that know nothing of each other, people of every role in one, and every
//! way to ask. Whatever is of the other team has its name in it, so that one look at an answer tells.

pub mod documents;
mod two;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use muster::policy::Role;
use serde_json::{Value, json};

use self::documents::{READS, by_id};
use self::two::{THEIRS, Two, everybody};
use crate::harness::personas::Person;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(
    s39_nobody_asks_beyond_their_team,
    s40_a_foreign_id_is_an_absent_id,
    s40_a_foreign_id_costs_what_an_absent_one_costs,
    s37_a_batch_with_a_foreign_id_does_nothing,
    s38_a_host_is_not_taken_from_another_team,
    s41_no_answer_names_the_other_team,
    s41_no_stream_names_the_other_team,
    s43_nothing_secret_sorts_or_filters,
    s44_cursors_lead_nowhere_else
);

/// Lists, searches, counts, edges, the audit trail and exports, as everybody: nothing of the other team is in any of
/// them, and counts are what they would be without it.
async fn s41_no_answer_names_the_other_team(world: World) {
    let two = Two::of(&world).await;
    let (one, both) = (json!({ "totalCount": 1 }), json!({ "totalCount": 2 }));
    let expected = json!({ "hosts": one, "campaigns": both, "savedQueries": both, "teams": one,
        "previewTargets": { "targeted": 1, "excluded": 0 } });
    let counts =
        "{ hosts { totalCount } campaigns { totalCount } savedQueries { totalCount } teams { totalCount }
        previewTargets(targets: { allHosts: true }) { targeted excluded } }";
    let mut counted = 0;
    for (name, person) in everybody(&world, &two).await {
        for read in READS {
            let answer = person.gql(read, json!({})).await.to_string();
            assert!(!answer.contains("GRAPHQL_VALIDATION_FAILED"), "{read}: {answer}");
            two.assert_hidden(&answer, &format!("{name} asked {read}"));
        }
        for form in ["ndjson", "csv", "json"] {
            let export = person.get(&format!("/campaigns/{}/answers.{form}", two.mixed), vec![]).await;
            let text = String::from_utf8_lossy(&export.body).into_owned();
            two.assert_hidden(&text, &format!("{name} took {form}"));
            assert_eq!(export.status == 200, text.contains("berlin-web"), "{name}: {text}");
        }
        let seen = person.gql(counts, json!({})).await;
        if name != "nothing" && seen.get("errors").is_none() {
            counted += 1;
            assert_eq!(seen["data"], expected, "{name}");
        }
    }
    assert_eq!(counted, 4 + 3 * 3, "roles that read, and tokens that may at least run");
}

/// What is pushed to those who follow the audit trail, or how campaigns go: of the other team not even that there was
/// something.
async fn s41_no_stream_names_the_other_team(world: World) {
    let mut two = Two::of(&world).await;
    let world = world.with_running_tasks().await;
    let followed = "subscription { activityAdded { kind actorName team { name } subjectId details } }";
    let changed = "subscription { campaignChanged { id name sql totals { targeted succeeded } } }";
    let mut streams = Vec::new();
    for (name, person) in everybody(&world, &two).await.into_iter().filter(|(name, _)| name != "nothing") {
        for document in [followed, changed] {
            streams.push((name.clone(), person.subscribe(document, json!({})).await));
        }
    }
    // Nothing says when a subscription has begun: things are done until each has told of some of its own team.
    let doing = async {
        loop {
            for team in [&two.paris, &two.berlin] {
                world.team_secret(team).await;
                let targets = json!({ "filter": { "teamIds": [team.public_id.0] } });
                world.admin.start_on(&format!("select '{}'", team.name), targets).await;
            }
            for host in &mut two.hosts {
                host.poll().await.expect("an answer");
            }
        }
    };
    let ids = two.theirs.clone();
    let watching = join_all(streams.into_iter().map(|(name, mut stream)| {
        let ids = ids.clone();
        async move {
            let mut told = 0;
            while told < 4 {
                match stream.next().await {
                    Told::Next(result) if result.get("errors").is_none() => {
                        let shown = result.to_string().to_lowercase();
                        let hidden = !shown.contains(THEIRS) && ids.iter().all(|id| !shown.contains(id));
                        assert!(hidden, "{name} was told {result}");
                        told += 1;
                    }
                    Told::Next(_) | Told::Error(_) => break,
                    other => panic!("{name}: {other:?}"),
                }
            }
            told
        }
    }));
    let told: Vec<u32> = tokio::select! {
        told = watching => told,
        () = doing => Vec::new(),
    };
    let told: BTreeSet<_> = told.into_iter().collect();
    assert_eq!(told, BTreeSet::from([0, 4]), "some may not, the others were told");
}

/// "All hosts" are the caller's own; by filter, by id and by an earlier campaign nobody reaches further; rows, errors
/// and counters of a mixed campaign are those of the viewer's hosts.
async fn s39_nobody_asks_beyond_their_team(world: World) {
    let mut two = Two::of(&world).await;
    let runner = world.person("runner", Role::ObserverPlus, Some(&two.berlin)).await;
    let started = runner.start("select name").await;
    two.hosts[1].poll().await.expect("a check-in");
    assert!(two.hosts[1].ledger.asked.iter().all(|(_, sql)| !sql.contains("berlin")));
    assert_eq!(world.admin.campaign(&started).await["totals"]["targeted"], 1);
    for targets in [
        json!({ "filter": { "teamIds": [two.team] } }),
        json!({ "filter": { "search": THEIRS } }),
        json!({ "hostIds": [two.host] }),
        json!({ "campaign": { "campaignId": two.campaign, "states": ["PENDING", "SUCCEEDED", "FAILED"] } }),
    ] {
        let input = json!({ "source": { "sql": "select 1" }, "targets": targets });
        let refused = runner.mutate("startCampaign", "campaign { id }", input).await;
        let code = refused["userErrors"][0]["code"].as_str().unwrap_or_default().to_owned();
        assert!(["NOT_FOUND", "NO_TARGETS"].contains(&code.as_str()), "{targets}: {refused}");
    }
    let mixed = world.admin.start("select 'mixed again'").await;
    two.hosts[1].poll().await.expect("an answer");
    let mut viewing = runner.follow(&mixed, None).await;
    assert!(viewing.batch().await);
    assert_eq!((&viewing.last["totals"]["targeted"], viewing.events.len()), (&json!(1), 0));
    two.hosts[0].poll().await.expect("an answer");
    let events = viewing.to_the_end().await;
    assert_eq!(events.len(), 2, "one answer, and the end: {events:?}");
    assert!(events.iter().all(|event| !event.to_string().contains(THEIRS)));
}

/// Whatever takes an id answers alike for one of the other team and for one of nothing: in a document, in a
/// subscription, in the address of an export.
async fn s40_a_foreign_id_is_an_absent_id(world: World) {
    let two = Two::of(&world).await;
    let documents = by_id(&two.berlin.public_id.0, &two.own);
    for (name, person) in everybody(&world, &two).await {
        for theirs in &two.theirs {
            let (kind, absent) = (&theirs[..3], absent(theirs));
            let node = "{ node(id: \"@\") { __typename } nodes(ids: [\"@\"]) { __typename } }";
            let named = documents.iter().filter(|(of, _)| *of == kind).map(|(_, document)| document.as_str());
            for document in named.chain([node]) {
                let of_theirs = ask(&person, document, theirs).await;
                let of_nothing = ask(&person, document, &absent).await;
                assert_eq!(of_theirs, of_nothing, "{name} asked {document}");
            }
        }
        let follow = "subscription($id: ID!) { campaignEvents(campaignId: $id) { isFinal } }";
        let mut codes = Vec::new();
        for id in [two.campaign.clone(), absent(&two.campaign)] {
            let told = person.subscribe(follow, json!({ "id": id })).await.next().await;
            codes.push(match told {
                Told::Error(errors) => errors[0]["extensions"]["code"].clone(),
                Told::Next(result) => result["errors"][0]["extensions"]["code"].clone(),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(codes[0], codes[1], "{name} follows");
        for form in ["ndjson", "csv", "json"] {
            let take = async |id: &str| {
                let export = person.get(&format!("/campaigns/{id}/answers.{form}?follow=1"), vec![]).await;
                (export.status, without_request_ids(export.json()))
            };
            assert_eq!(take(&two.campaign).await, take(&absent(&two.campaign)).await, "{name} takes {form}");
        }
    }
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let shown: Vec<_> = two.theirs.iter().filter(|id| !id.starts_with("ses")).collect();
    let seen = world.admin.ask(query, json!({ "ids": shown })).await["nodes"].clone();
    assert!(seen.as_array().expect("a list").iter().all(Value::is_object), "it is all still there: {seen}");
}

/// How long an answer takes tells nothing: for one of the other team and for one of nothing the store is asked as often.
async fn s40_a_foreign_id_costs_what_an_absent_one_costs(world: World) {
    let two = Two::of(&world).await;
    let person = world.person("lead", Role::Admin, Some(&two.berlin)).await;
    for (kind, document) in by_id(&two.berlin.public_id.0, &two.own) {
        let theirs = two.theirs.iter().find(|id| id.starts_with(kind)).expect("one of each");
        let mut costs = Vec::new();
        for id in [theirs, &absent(theirs)] {
            costs.push(world.server.statements_of(async || drop(ask(&person, &document, id).await)).await);
        }
        assert_eq!(costs[0], costs[1], "{document}");
    }
    let query = two.theirs.iter().find(|id| id.starts_with("qry")).expect("one of each");
    for (what, id, file) in [
        ("campaigns", &two.campaign, "answers.csv"),
        ("queries", query, "reports.csv"),
        ("hosts", &two.host, "reports.ndjson"),
    ] {
        let mut costs = Vec::new();
        for id in [id.clone(), absent(id)] {
            let target = format!("/{what}/{id}/{file}");
            costs.push(world.server.statements_of(async || drop(person.get(&target, vec![]).await)).await);
        }
        assert_eq!(costs[0], costs[1], "an export of {what}");
    }
}

/// One foreign id among own ones, and nothing is done to the own ones either.
async fn s37_a_batch_with_a_foreign_id_does_nothing(world: World) {
    let two = Two::of(&world).await;
    let keeper = world.person("keeper", Role::Admin, Some(&two.berlin)).await;
    let both = json!([two.own, two.host]);
    for (field, shape, input) in [
        ("deleteHosts", "deletedHostIds", json!({ "hostIds": both })),
        ("refetchHosts", "hostIds", json!({ "hostIds": both })),
        ("transferHosts", "hosts { id }", json!({ "hostIds": both, "teamId": two.berlin.public_id.0 })),
        (
            "startCampaign",
            "campaign { id }",
            json!({ "source": { "sql": "select 1" }, "targets": { "hostIds": both } }),
        ),
    ] {
        let refused = keeper.mutate(field, shape, input).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{field}");
    }
    let query =
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Host { hostname } } campaigns { totalCount } }";
    let seen = world.admin.ask(query, json!({ "ids": both })).await;
    assert_eq!(seen["nodes"], json!([{ "hostname": "berlin-web" }, { "hostname": "paris-web" }]));
    assert_eq!(seen["campaigns"]["totalCount"], 3, "none was started");
}

/// Whoever manages one team takes no host from another, and puts none there.
async fn s38_a_host_is_not_taken_from_another_team(world: World) {
    let two = Two::of(&world).await;
    let keeper = world.person("keeper", Role::Admin, Some(&two.berlin)).await;
    world.give_role(&keeper, Role::Observer, &two.paris).await;
    let take = json!({ "hostIds": [two.host], "teamId": two.berlin.public_id.0 });
    let put = json!({ "hostIds": [two.own], "teamId": two.paris.public_id.0 });
    let free = json!({ "hostIds": [two.own] });
    for input in [take, put, free] {
        let refused = keeper.mutate("transferHosts", "hosts { id }", input).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "they see it, and may not move it");
    }
}

/// What is sorted or filtered by is a closed set: nothing secret, and no column by its name.
async fn s43_nothing_secret_sorts_or_filters(world: World) {
    let two = Two::of(&world).await;
    let observer = world.person("observer", Role::Observer, Some(&two.berlin)).await;
    for column in ["NODE_KEY", "SECRET", "PASSWORD", "ID", "hostname; drop table hosts"] {
        let query = format!("{{ hosts(sort: {{ field: {column} }}) {{ nodes {{ id }} }} }}");
        let code = observer.gql(&query, json!({})).await["errors"][0]["extensions"]["code"].clone();
        assert!(code == "GRAPHQL_VALIDATION_FAILED" || code == "GRAPHQL_PARSE_FAILED", "{column}: {code}");
    }
    for field in ["nodeKey", "secretHash", "passwordHash"] {
        let query = format!("{{ hosts(filter: {{ {field}: \"x\" }}) {{ nodes {{ id }} }} }}");
        let code = observer.gql(&query, json!({})).await["errors"][0]["extensions"]["code"].clone();
        assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "{field}");
    }
    let hostile =
        observer.ask("{ hosts(filter: { search: \"' or 1=1 --%_\" }) { totalCount } }", json!({})).await;
    assert_eq!(hostile["hosts"]["totalCount"], 0);
}

/// A cursor of somebody who sees more leads whoever gets hold of it to their own rows only; one that was changed, or is
/// of another list or campaign, nowhere.
async fn s44_cursors_lead_nowhere_else(world: World) {
    let two = Two::of(&world).await;
    let observer = world.person("observer", Role::Observer, Some(&two.berlin)).await;
    let list =
        "query($after: String) { teams(first: 1, after: $after) { nodes { name } pageInfo { endCursor } } }";
    let first = world.admin.ask(list, json!({})).await["teams"].clone();
    let cursor = first["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned();
    let seen = observer.ask(list, json!({ "after": cursor })).await["teams"]["nodes"].clone();
    assert!(!seen.to_string().contains(THEIRS), "{seen}");
    let mut changed = cursor.clone();
    let end = changed.pop().expect("it has characters");
    changed.push(if end == 'A' { 'B' } else { 'A' });
    for bad in [changed.as_str(), "", "AAAA"] {
        let refused = observer.gql(list, json!({ "after": bad })).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{bad}");
    }
    let other = "query($after: String) { savedQueries(after: $after) { nodes { id } } }";
    let refused = observer.gql(other, json!({ "after": cursor })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let events = "query($id: ID!, $after: String) { node(id: $id) { ... on Campaign { events(after: $after) { nodes { cursor } } } } }";
    let theirs = world.admin.campaign(&two.campaign).await["latestCursor"].clone();
    let variables = json!({ "id": two.own_campaign, "after": theirs });
    let refused = observer.gql(events, variables).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

/// An id of nothing, of the same kind.
fn absent(id: &str) -> String {
    format!("{}_{:032x}", &id[..3], 7)
}

/// An answer with the id that was asked for taken out, and without what differs with every request.
async fn ask(person: &Person, document: &str, id: &str) -> Value {
    let answer = person.gql(&document.replace("\"@\"", &format!("{id:?}")), json!({})).await;
    assert_ne!(
        answer["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED",
        "{document}: {answer}"
    );
    without_request_ids(serde_json::from_str(&answer.to_string().replace(id, "@")).expect("it is JSON still"))
}

/// An answer without what differs with every request.
fn without_request_ids(mut answer: Value) -> Value {
    for error in answer["errors"].as_array_mut().into_iter().flatten() {
        if let Some(extensions) = error["extensions"].as_object_mut() {
            extensions.remove("requestId");
        }
    }
    answer
}
