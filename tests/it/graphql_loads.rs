//! What lists cost in the store, and that their pages hold together while rows come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::seeds::{Dice, seeds};
use crate::harness::world::{World, on_both};

on_both!(
    a_page_costs_as_many_statements_as_one_row,
    lists_in_lists_are_read_together,
    pages_neither_skip_nor_repeat
);

/// Of 100 hosts with team, labels and campaigns, as of two: a loader for each edge.
async fn a_page_costs_as_many_statements_as_one_row(world: World) {
    let mut hosts = Vec::new();
    for team in 0..4 {
        let team = world.team(&format!("team {team}")).await;
        let secret = world.team_secret(&team).await;
        for number in 0..25 {
            let name = format!("{}-{number}", team.id);
            hosts.push(world.host_with(&name, &secret, Arc::new(|_| AgentAnswer::one("n", "1"))).await);
        }
    }
    for _ in 0..2 {
        world.admin.start("select 1 as n").await;
        for host in &mut hosts {
            host.poll().await.expect("an answer");
        }
    }
    let query = "query($n: Int!) { hosts(first: $n, sort: { field: ENROLLED_AT, direction: ASC }) { nodes {
        hostname team { name } labels { nodes { name hostCount team { name } } }
        answers(first: 5) { nodes { state campaign { name totals { targeted } createdBy { displayName } } } } } } }";
    let page = async |n: usize| world.admin.ask(query, json!({ "n": n })).await["hosts"]["nodes"].clone();
    let all = page(100).await;
    let nodes = all.as_array().expect("a list");
    assert_eq!(nodes.len(), 100);
    for node in nodes {
        assert_eq!(node["answers"]["nodes"].as_array().map(Vec::len), Some(2), "{node}");
        assert!(
            node["team"]["name"].is_string()
                && !node["labels"]["nodes"].as_array().expect("a list").is_empty()
        );
    }
    let few = world.server.statements_of(async || drop(page(2).await)).await;
    let many = world.server.statements_of(async || drop(page(100).await)).await;
    assert_eq!(few, many, "statements for a page of 2 and of 100");
    assert!(
        many <= 13,
        "{many} statements: hosts, teams, labels, answers, campaigns, and what is around them"
    );
}

/// Pages below pages too: of the hosts and queries of teams, and of the runs of queries, each limited by itself.
async fn lists_in_lists_are_read_together(world: World) {
    for number in 0..8 {
        let team = world.team(&format!("team {number}")).await;
        let secret = world.team_secret(&team).await;
        for host in 0..3 {
            let mut host = world
                .host_with(&format!("{number}-{host}"), &secret, Arc::new(|_| AgentAnswer::one("n", "1")))
                .await;
            host.poll().await.expect("it is told");
        }
        for query in 0..3 {
            let input = json!({ "name": format!("q{query}"), "sql": "select 1", "teamId": team.public_id });
            let made = world.admin.mutate("createSavedQuery", "savedQuery { id }", input).await;
            for _ in 0..query {
                let source = json!({ "savedQueryId": made["savedQuery"]["id"] });
                let input = json!({ "source": source, "targets": { "allHosts": true } });
                let started = world.admin.mutate("startCampaign", "campaign { id }", input).await;
                assert_eq!(started["userErrors"], json!([]));
            }
        }
    }
    let query = "query($n: Int!) { teams(first: $n) { nodes { name
        hosts(first: 2, sort: { field: HOSTNAME, direction: DESC }) { nodes { hostname } pageInfo { hasNextPage endCursor } }
        savedQueries(first: 3) { nodes { name campaigns(first: 1) { nodes { id } pageInfo { hasNextPage } } } } } } }";
    let page = async |n: usize| world.admin.ask(query, json!({ "n": n })).await["teams"]["nodes"].clone();
    let all = page(8).await;
    for (number, team) in all.as_array().expect("a list").iter().enumerate() {
        let hosts = json!([{ "hostname": format!("{number}-2") }, { "hostname": format!("{number}-1") }]);
        assert_eq!(
            (&team["hosts"]["nodes"], &team["hosts"]["pageInfo"]["hasNextPage"]),
            (&hosts, &json!(true))
        );
        let runs = |query: usize| &team["savedQueries"]["nodes"][query]["campaigns"];
        assert_eq!(runs(0)["nodes"], json!([]));
        assert_eq!(
            (runs(1)["nodes"].as_array().map(Vec::len), &runs(1)["pageInfo"]["hasNextPage"]),
            (Some(1), &json!(false))
        );
        assert_eq!(
            (runs(2)["nodes"].as_array().map(Vec::len), &runs(2)["pageInfo"]["hasNextPage"]),
            (Some(1), &json!(true))
        );
    }
    let rest = "query($id: ID!, $after: String) { node(id: $id) { ... on Team {
        hosts(first: 2, after: $after, sort: { field: HOSTNAME, direction: DESC }) { nodes { hostname } } } } }";
    let teams = world.admin.ask("{ teams { nodes { id } } }", json!({})).await;
    let variables =
        json!({ "id": teams["teams"]["nodes"][3]["id"], "after": all[3]["hosts"]["pageInfo"]["endCursor"] });
    let rest = world.admin.ask(rest, variables).await;
    assert_eq!(rest["node"]["hosts"]["nodes"], json!([{ "hostname": "3-0" }]));
    let few = world.server.statements_of(async || drop(page(2).await)).await;
    let many = world.server.statements_of(async || drop(page(8).await)).await;
    assert_eq!(few, many, "statements for a page of 2 and of 8");
}

/// Whoever is there from the first page to the last is seen once, in order; nobody is seen twice.
async fn pages_neither_skip_nor_repeat(world: World) {
    for seed in seeds() {
        let mut dice = Dice::of(seed);
        let mut born = 0;
        let mut alive = BTreeMap::new();
        for _ in 0..30 {
            enroll(&world, &mut dice, seed, &mut born, &mut alive).await;
        }
        for (field, direction) in [
            ("HOSTNAME", "ASC"),
            ("HOSTNAME", "DESC"),
            ("ENROLLED_AT", "ASC"),
            ("ENROLLED_AT", "DESC"),
            ("LAST_SEEN_AT", "DESC"),
        ] {
            for window in ["first: $n, after: $c", "last: $n, before: $c"] {
                let query = format!(
                    "query($n: Int!, $c: String) {{ hosts({window}, filter: {{ search: \"{seed}-\" }}, sort: {{ field: {field}, direction: {direction} }}) {{
                        edges {{ cursor node {{ id hostname }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
                );
                walk(&world, &mut dice, &query, (seed, &mut born, &mut alive)).await;
            }
        }
    }
}

/// Reads a list to its end, while hosts enroll and are deleted between the pages.
async fn walk(
    world: &World,
    dice: &mut Dice,
    query: &str,
    (seed, born, alive): (u64, &mut usize, &mut BTreeMap<String, String>),
) {
    let mut staying: BTreeSet<String> = alive.keys().cloned().collect();
    let (mut told, mut cursor) = (Vec::new(), Value::Null);
    let is_backward = query.contains("last: $n");
    loop {
        let variables = json!({ "n": 1 + dice.below(9), "c": cursor });
        let page = world.admin.ask(query, variables).await["hosts"].clone();
        let mut ids: Vec<_> = page["edges"]
            .as_array()
            .expect("edges")
            .iter()
            .map(|edge| edge["node"]["id"].as_str().expect("an id").to_owned())
            .collect();
        if is_backward {
            ids.reverse();
        }
        told.extend(ids);
        let (more, next) =
            if is_backward { ("hasPreviousPage", "startCursor") } else { ("hasNextPage", "endCursor") };
        if page["pageInfo"][more] == false {
            break;
        }
        cursor = page["pageInfo"][next].clone();
        match dice.below(3) {
            0 => enroll(world, dice, seed, born, alive).await,
            1 => {
                let ids: Vec<_> = alive.keys().cloned().collect();
                let gone = dice.one_of(&ids).clone();
                world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [gone] })).await;
                alive.remove(&gone);
                staying.remove(&gone);
            }
            _ => {}
        }
    }
    let unique: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(unique.len(), told.len(), "somebody was told twice: {query}");
    let missed: Vec<_> = staying.difference(&unique).map(|id| alive[id].clone()).collect();
    assert!(missed.is_empty(), "{missed:?} were never told: {query}");
}

/// A host with a name anywhere in the alphabet; often one of the same moment as others.
async fn enroll(
    world: &World,
    dice: &mut Dice,
    seed: u64,
    born: &mut usize,
    alive: &mut BTreeMap<String, String>,
) {
    *born += 1;
    let name = format!("{seed}-{:03}-{born}", dice.below(500));
    if dice.once_in(3) {
        world.server.advance(std::time::Duration::from_secs(1));
    }
    let _host: Agent = world.host(&name).await;
    let found = world.admin.ask("query($n: String!) { host(by: { hostIdentifier: $n }) { id } hosts(filter: { search: $n }) { nodes { id } } }", json!({ "n": name })).await;
    let id = found["hosts"]["nodes"][0]["id"].as_str().expect("it is there").to_owned();
    alive.insert(id, name);
}
