//! What people get wrong is said clearly, and nothing is half done.

use muster::fleet::users::NewUser;
use muster::fleet::{FleetError, RejectionCode};
use muster::policy::{Actor, Role};
use serde_json::{Value, json};

use crate::harness::personas::PASSWORD;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(sql, targets, expiry, exactly_one, cursors, batch_options, unknown_ids, names, documents);

/// SQL that no host could answer.
async fn sql(world: World) {
    let _host = world.host("web").await;
    let long = format!("select '{}'", "x".repeat(64 << 10));
    for sql in [
        "",
        " \n\t",
        "-- nothing",
        "/* nothing */ ;",
        "select 1; select 2",
        "drop table users",
        "select (",
        &long,
    ] {
        let shown = &sql[..sql.len().min(40)];
        let refused = start(&world, json!({ "sql": sql }), json!({ "allHosts": true })).await;
        assert_eq!(refused["campaign"], Value::Null, "{shown}");
        assert_eq!(refused["userErrors"][0]["code"], "SQL_INVALID", "{shown}: {refused}");
        assert_eq!(refused["userErrors"][0]["path"], json!(["source", "sql"]), "{shown}");
    }
    assert_nothing_started(&world).await;
}

/// Selections of nobody, of the unknown, or of nothing at all.
async fn targets(world: World) {
    let empty = start(&world, sql_source(), json!({ "allHosts": true })).await;
    assert_eq!(empty["userErrors"][0]["code"], "NO_TARGETS", "a fleet without hosts: {empty}");
    let _host = world.host("web").await;
    let unknown = "hst_0000000000000000000000";
    for (targets, code) in [
        (json!({ "filter": { "search": "nobody" } }), "NO_TARGETS"),
        (json!({ "filter": { "platforms": [] } }), "NO_TARGETS"),
        (json!({ "hostIds": [] }), "NO_TARGETS"),
        (json!({ "hostIds": [unknown] }), "NOT_FOUND"),
        (json!({ "hostIds": ["web"] }), "NOT_FOUND"),
        (json!({ "campaign": { "campaignId": "cmp_0000000000000000000000" } }), "NOT_FOUND"),
        (json!({ "allHosts": false }), "INVALID"),
    ] {
        let refused = start(&world, sql_source(), targets.clone()).await;
        assert_eq!(refused["campaign"], Value::Null, "{targets}");
        assert_eq!(refused["userErrors"][0]["code"], code, "{targets}: {refused}");
        assert_eq!(refused["userErrors"][0]["path"][0], "targets", "{targets}");
    }
    assert_nothing_started(&world).await;
}

/// An expiry under 10 s or over 30 days.
async fn expiry(world: World) {
    let _host = world.host("web").await;
    for seconds in [i32::MIN, -1, 0, 9, 30 * 24 * 3_600 + 1, i32::MAX] {
        let input = json!({
            "source": sql_source(), "targets": { "allHosts": true }, "expiresInSeconds": seconds,
        });
        let refused = world.admin.mutate("startCampaign", "campaign { id }", input).await;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{seconds}");
        assert_eq!(refused["userErrors"][0]["path"], json!(["expiresInSeconds"]), "{seconds}");
    }
    assert_nothing_started(&world).await;
}

/// Two sources, two selections, or none: a validation error, before anything runs.
async fn exactly_one(world: World) {
    let _host = world.host("web").await;
    let start = "mutation($input: StartCampaignInput!) { startCampaign(input: $input) { campaign { id } } }";
    let all = json!({ "allHosts": true });
    for (source, targets) in [
        (json!({}), all.clone()),
        (json!({ "sql": "select 1", "savedQueryId": "qry_0000000000000000000000" }), all),
        (sql_source(), json!({})),
        (sql_source(), json!({ "allHosts": true, "hostIds": [] })),
    ] {
        let input = json!({ "input": { "source": source, "targets": targets } });
        let response = world.admin.gql(start, input).await;
        assert!(response["errors"][0]["message"].is_string(), "{source} {targets}: {response}");
    }
    assert_nothing_started(&world).await;
}

/// Cursors of another campaign, tampered, foreign or empty, as a page and as a stream.
async fn cursors(world: World) {
    let mut host = world.host("web").await;
    let (one, two) = (world.admin.start("select 1").await, world.admin.start("select 2").await);
    host.poll().await.expect("answers");
    let events = world.admin.events(&one, None, 100).await;
    let cursor = events[0]["cursor"].as_str().expect("a cursor");
    let tampered = format!("{}{}", if cursor.starts_with('A') { 'B' } else { 'A' }, &cursor[1..]);
    let page = "query($id: ID!, $after: String) { node(id: $id) { ... on Campaign { events(after: $after) { nodes { cursor } } } } }";
    let stream = "subscription($id: ID!, $after: String) { campaignEvents(campaignId: $id, after: $after) { isFinal } }";
    for (id, after) in
        [(&two, cursor), (&one, &tampered), (&one, ""), (&one, "1"), (&one, &cursor[..cursor.len() - 2])]
    {
        let variables = json!({ "id": id, "after": after });
        let response = world.admin.gql(page, variables.clone()).await;
        assert_eq!(response["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{after}: {response}");
        let told = world.admin.subscribe(stream, variables).await.next().await;
        let errors = match &told {
            Told::Error(errors) => errors,
            Told::Next(result) => &result["errors"],
            other => panic!("{after}: {other:?}"),
        };
        assert_eq!(errors[0]["extensions"]["code"], "BAD_USER_INPUT", "{after}: {errors}");
    }
    assert_eq!(world.admin.events(&one, Some(cursor.to_owned()), 100).await, events[1..]);
}

/// Batches that can't be.
async fn batch_options(world: World) {
    let _host = world.host("web").await;
    let id = world.admin.start("select 1").await;
    let stream = "subscription($id: ID!, $most: Int!, $delay: Int!) {
        campaignEvents(campaignId: $id, maxBatchSize: $most, maxDelayMs: $delay) { isFinal } }";
    for (most, delay) in [(0, 0), (1_001, 0), (-1, 0), (1, -1), (1, 5_001)] {
        let variables = json!({ "id": id, "most": most, "delay": delay });
        let told = world.admin.subscribe(stream, variables).await.next().await;
        let refused = matches!(&told, Told::Error(_))
            || matches!(&told, Told::Next(result) if !result["errors"].is_null());
        assert!(refused, "{most} {delay}: {told:?}");
    }
}

/// Ids of nothing: absent for reads, a user error for writes.
async fn unknown_ids(world: World) {
    let kinds = ["hst", "cmp", "qry", "tem", "lbl", "usr", "xxx"];
    let ids: Vec<_> = kinds
        .iter()
        .map(|kind| format!("{kind}_0000000000000000000000"))
        .chain([String::new(), "1".into(), "é".into()])
        .collect();
    let found =
        world.admin.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids })).await;
    assert_eq!(found["nodes"], json!(vec![Value::Null; ids.len()]));
    for id in &ids {
        assert_eq!(world.admin.stop(id).await["userErrors"][0]["code"], "NOT_FOUND", "{id}");
    }
    let many = json!({ "ids": vec!["hst_0000000000000000000000"; 101] });
    let response = world.admin.gql("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", many).await;
    assert_eq!(response["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{response}");
}

/// Names that are empty, too long or taken; an e-mail that is none or taken, in any case.
async fn names(world: World) {
    let create = |name: String| world.admin.mutate("createTeam", "team { id }", json!({ "name": name }));
    assert_eq!(create("berlin".into()).await["userErrors"], json!([]));
    for (name, code) in
        [("berlin".to_owned(), "NOT_UNIQUE"), (String::new(), "INVALID"), ("x".repeat(256), "INVALID")]
    {
        let refused = create(name.clone()).await;
        assert_eq!(refused["userErrors"][0]["code"], code, "{name}");
        assert_eq!(refused["userErrors"][0]["path"], json!(["name"]));
    }
    for (email, code) in [
        ("admin@muster.test", RejectionCode::NotUnique),
        ("ADMIN@muster.test", RejectionCode::NotUnique),
        ("nobody", RejectionCode::Invalid),
        ("", RejectionCode::Invalid),
    ] {
        let new = NewUser {
            email: email.to_owned(),
            name: "x".to_owned(),
            password: PASSWORD.to_owned(),
            role: Role::Admin,
            team: None,
        };
        match world.server.fleet.create_user(&Actor::System, new).await {
            Err(FleetError::Rejected(rejections)) => {
                assert_eq!((rejections[0].code, rejections[0].path), (code, "email"), "{email}");
            }
            other => panic!("{email}: {other:?}"),
        }
    }
}

/// Documents that are none, bodies that are none.
async fn documents(world: World) {
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT"),
    ] {
        let response = world.admin.gql(query, json!({})).await;
        assert_eq!(response["errors"][0]["extensions"]["code"], code, "{query}: {response}");
    }
    for body in [json!([]), json!("x"), json!({}), json!({ "query": 1 })] {
        let response = world.admin.post(&body).await;
        assert_eq!(response.status, 400, "{body}");
        assert!(response.json()["errors"][0]["message"].is_string(), "{body}");
    }
}

fn sql_source() -> Value {
    json!({ "sql": "select 1" })
}

async fn start(world: &World, source: Value, targets: Value) -> Value {
    world
        .admin
        .mutate("startCampaign", "campaign { id }", json!({ "source": source, "targets": targets }))
        .await
}

async fn assert_nothing_started(world: &World) {
    let listed = world.admin.ask("{ campaigns { totalCount } }", json!({})).await;
    assert_eq!(listed["campaigns"]["totalCount"], 0, "nothing is half done");
}
