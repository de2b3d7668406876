//! The checks of an API that must give nothing away and go on, by number.

use std::time::Duration;

use muster::policy::Role;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, TransactionTrait as _};
use serde_json::{Value, json};

use crate::harness::server::{Backend, TestServer};
use crate::harness::services::not_run;
use crate::harness::services::postgres::connect;
use crate::harness::socket::Told;
use crate::harness::wire;
use crate::harness::world::{World, on_both};
use crate::harness::{block_on, within_deadline};

on_both!(
    check_06_a_cookie_needs_a_header_that_pages_can_not_send,
    check_33_persisted_queries,
    check_34_a_node_of_another_team_is_absent,
    check_35_a_mutation_on_a_foreign_id,
    check_36_faults_are_masked,
    check_37_secrets_are_not_echoed
);

async fn check_06_a_cookie_needs_a_header_that_pages_can_not_send(world: World) {
    let login = "mutation($e: String!) { login(input: { email: $e, password: \"correct horse battery staple\", transport: COOKIE }) { expiresAt } }";
    let signed_in =
        world.anonymous().post(&json!({ "query": login, "variables": { "e": world.admin.email } })).await;
    let cookie =
        signed_in.header("set-cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
    let ask = async |headers: &[(&str, &str)]| {
        let body =
            json!({ "query": "mutation { createTeam(input: { name: \"x\" }) { team { id } } }" }).to_string();
        let headers =
            [&[("Content-Type", "application/json"), ("Cookie", cookie.as_str())][..], headers].concat();
        let request = wire::request("POST", "/graphql", &headers, body.as_bytes());
        let answer = within_deadline("an answer", wire::exchange(world.server.address, &request)).await;
        answer.expect("it answers").status
    };
    assert_eq!(ask(&[]).await, 403);
    assert_eq!(world.admin.ask("{ teams { totalCount } }", json!({})).await["teams"]["totalCount"], 0);
    assert_eq!(ask(&[("GraphQL-Preflight", "1")]).await, 200);
}

/// None is kept, so there is nothing to fill: who names one by its hash is told to send it, and a wrong hash is refused.
async fn check_33_persisted_queries(world: World) {
    let document = "{ __typename }";
    let hash = "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b";
    let named = |hash: &str| json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let alone = world.admin.post(&json!({ "extensions": named(hash) })).await.json();
    assert_eq!(alone["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_SUPPORTED", "{alone}");
    assert_eq!(alone["errors"][0]["message"], "PersistedQueryNotSupported");
    let right = world.admin.post(&json!({ "query": document, "extensions": named(hash) })).await.json();
    assert_eq!(right["data"]["__typename"], "Query", "{right}");
    let wrong = world
        .admin
        .post(&json!({ "query": document, "extensions": named(&hash.replace('7', "8")) }))
        .await
        .json();
    assert_eq!(wrong["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{wrong}");
    let large = json!({ "query": "x".repeat(257 << 10), "extensions": named(hash) });
    assert_eq!(world.admin.post(&large).await.status, 413);
}

/// The same as one that does not exist: by `node` and `nodes`, by itself and through edges back.
async fn check_34_a_node_of_another_team_is_absent(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let secret = world.team_secret(&paris).await;
    let answering = std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("n", "1"));
    let mut theirs = world.host_with("theirs", &secret, answering).await;
    let id = world.admin.start("select 1").await;
    theirs.poll().await.expect("an answer");
    let hosts = world.admin.ask("{ hosts { nodes { id } } }", json!({})).await;
    let host = hosts["hosts"]["nodes"][0]["id"].as_str().expect("a host").to_owned();
    let person = world.person("observer", Role::Observer, Some(&berlin)).await;
    for foreign in [host.as_str(), id.as_str(), paris.public_id.0.as_str()] {
        let absent = format!("{}_{:032x}", &foreign[..3], 7);
        let ask = async |id: &str| {
            let query = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { ... on Campaign {
                targets { nodes { host { id } } } } ... on Host { team { hosts { nodes { id } } } answers { nodes { rows } } } } }";
            person.gql(query, json!({ "id": id })).await
        };
        let answer = ask(foreign).await;
        assert_eq!(answer, ask(&absent).await, "{foreign}");
        assert_eq!(answer, json!({ "data": { "node": null, "nodes": [null] } }));
    }
}

async fn check_35_a_mutation_on_a_foreign_id(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let query = json!({ "name": "q", "sql": "select 1", "teamId": paris.public_id });
    let made = world.admin.mutate("createSavedQuery", "savedQuery { id }", query).await;
    let id = made["savedQuery"]["id"].as_str().expect("it is made").to_owned();
    let person = world.person("maintainer", Role::Maintainer, Some(&berlin)).await;
    for (field, shape) in
        [("updateSavedQuery", "savedQuery { id }"), ("deleteSavedQuery", "deletedSavedQueryId")]
    {
        let foreign = person.mutate(field, shape, json!({ "id": id })).await;
        let absent = person.mutate(field, shape, json!({ "id": format!("qry_{:032x}", 7) })).await;
        assert_eq!(foreign, absent, "{field}");
        assert_eq!(foreign["userErrors"][0]["code"], "NOT_FOUND", "{field}: {foreign}");
    }
    let kept = world.admin.ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
    assert_eq!(kept["node"]["id"], id.as_str());
}

/// What the database says stays in the log: the caller gets a code, and the id to ask the operator about.
async fn check_36_faults_are_masked(world: World) {
    let database = connect(&world.server.database_url()).await;
    database.execute_unprepared("ALTER TABLE labels RENAME TO elsewhere").await.expect("it is renamed");
    let answer = world.admin.gql("{ labels { nodes { name } } viewer { role } }", json!({})).await;
    let error = &answer["errors"][0];
    assert_eq!(answer["data"], json!({ "labels": null, "viewer": { "role": "ADMIN" } }), "{answer}");
    assert!(
        ["SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"]
            .contains(&error["extensions"]["code"].as_str().unwrap_or_default())
    );
    assert!(error["extensions"]["requestId"].is_string());
    let text = answer.to_string();
    assert!(
        !["elsewhere", "no such table", "relation", "SELECT", "sql"].iter().any(|word| text.contains(word)),
        "{text}"
    );
    database.execute_unprepared("ALTER TABLE elsewhere RENAME TO labels").await.expect("it is renamed");
    assert_eq!(world.admin.gql("{ labels { nodes { id } } }", json!({})).await.get("errors"), None);
}

/// Whatever is wrong with the rest of the request, the answer does not repeat what stands where secrets stand.
async fn check_37_secrets_are_not_echoed(world: World) {
    const CANARY: &str = "correct-horse-canary";
    let login = "mutation($p: String!) { login(input: { email: \"x\", password: $p }) { expiresAt userErrors { message } } }";
    for (document, variables) in [
        (login, json!({ "p": CANARY })),
        (login, json!({ "p": [CANARY] })),
        (login, json!({ "p": { "a": CANARY } })),
        (
            "mutation($i: LoginInput!) { login(input: $i) { expiresAt } }",
            json!({ "i": { "email": 1, "password": CANARY } }),
        ),
        (
            "mutation($i: LoginInput!) { login(input: $i) { expiresAt } }",
            json!({ "i": { "password": CANARY } }),
        ),
        (
            "mutation { refreshSession(input: { refreshToken: \"correct-horse-canary\" }) { expiresAt userErrors { message } } }",
            json!({}),
        ),
        (
            "mutation { login(input: { email: 1, password: \"correct-horse-canary\" }) { expiresAt } }",
            json!({}),
        ),
    ] {
        let answer = world.anonymous().gql(document, variables).await.to_string();
        assert!(!answer.contains(CANARY), "{document}: {answer}");
    }
    let answer = wire::request(
        "POST",
        "/graphql",
        &[("Content-Type", "application/json"), ("Authorization", &format!("Bearer {CANARY}"))],
        b"{}",
    );
    let answer = within_deadline("an answer", wire::exchange(world.server.address, &answer))
        .await
        .expect("it answers");
    assert_eq!(answer.status, 401);
    assert!(!String::from_utf8_lossy(&answer.body).contains(CANARY));
}

/// An operation that takes too long is answered, and what it asked of the database ends: nothing more is issued, and on
/// PostgreSQL the statement that waits is cancelled.
#[test]
fn check_39_a_time_out_ends_the_work() {
    block_on(async {
        let settings = &[("graphql.execution_timeout", "200ms")];
        let server = match TestServer::start(Backend::Postgres, settings).await {
            Ok(server) => server,
            Err(missing) => return not_run("check_39", &missing),
        };
        let world = World::on(server).await;
        let _host = world.host("web").await;
        let database = connect(&world.server.database_url()).await;
        let locked = database.begin().await.expect("a transaction");
        locked.execute_unprepared("LOCK TABLE labels IN ACCESS EXCLUSIVE MODE").await.expect("it is locked");
        let query = "{ hosts { nodes { labels { nodes { name team { name } } } } } }";
        let answer = world.admin.gql(query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "TIMEOUT", "{answer}");
        let other = connect(&world.server.database_url()).await;
        within_deadline("the statement to be cancelled", async {
            while waiting(&other).await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let before = world.server.fleet.statements();
        locked.rollback().await.expect("it is free again");
        assert_eq!(world.server.fleet.statements(), before, "nothing follows");
        let answer = world.admin.gql(query, json!({})).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
        let leftovers = world.server.leftovers();
        world.server.stop().await;
        leftovers.remove().await;
    });
}

/// How many statements wait for a lock.
async fn waiting(database: &DatabaseConnection) -> i64 {
    let sql = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    let row = database.query_one_raw(statement).await.expect("it answers").expect("a row");
    row.try_get("", "n").expect("a number")
}

/// A subscription to what is not there, and its error, tell no more than a query would.
#[test]
fn check_34_of_subscriptions() {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, &[]).await.expect("SQLite is inside");
        let world = World::on(server).await;
        let query = "subscription { campaignEvents(campaignId: \"cmp_00000000000000000000000000000007\") { isFinal } }";
        let Told::Error(errors) = world.admin.subscribe(query, json!({})).await.next().await else {
            panic!("it does not begin")
        };
        let code: &Value = &errors[0]["extensions"]["code"];
        assert_eq!(code, "NOT_FOUND");
    });
}
