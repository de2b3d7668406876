//! API tokens: less than their user, never more.

use serde_json::{Value, json};

use super::{is_known, with_token};
use crate::harness::personas::Person;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};
use muster::policy::Role;

on_both!(s32_api_tokens, scopes_narrow, a_token_for_one_team, revocation_ends_sockets);

const SHAPE: &str =
    "apiToken { id displayName scope team { id } user { displayName } expiresAt lastUsedAt } token";

async fn create(person: &Person, input: Value) -> Value {
    person.mutate("createApiToken", SHAPE, input).await
}

async fn token(person: &Person, scope: &str) -> Person {
    with_token(person, &create(person, json!({ "name": "ci", "scope": scope })).await["token"])
}

/// A token is shown once, stored as a hash, listed for its user and for administrators, noted when used, and revoked.
async fn s32_api_tokens(world: World) {
    let bob = world.person("bob", Role::Observer, None).await;
    let eve = world.person("eve", Role::Maintainer, None).await;
    let made = create(&bob, json!({ "name": "ci", "scope": "READ" })).await;
    let text = made["token"].as_str().expect("it is shown once");
    assert!(text.starts_with("mst_") && text.len() == 47);
    assert_eq!(made["apiToken"]["scope"], "READ");
    let program = with_token(&bob, &made["token"]);
    assert!(is_known(&program).await);
    let listed = "{ viewer { apiTokens { nodes { id lastUsedAt } } } }";
    let own = bob.ask(listed, json!({})).await["viewer"]["apiTokens"]["nodes"].clone();
    assert_eq!(own[0]["id"], made["apiToken"]["id"]);
    assert!(own[0]["lastUsedAt"].is_string());
    assert_eq!(eve.ask(listed, json!({})).await["viewer"]["apiTokens"]["nodes"], json!([]));
    let all = "{ apiTokens { nodes { id user { displayName } } } }";
    let seen = world.admin.ask(all, json!({})).await["apiTokens"]["nodes"].clone();
    assert_eq!(seen, json!([{ "id": made["apiToken"]["id"], "user": { "displayName": "bob" } }]));
    let denied = eve.gql(all, json!({})).await;
    assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");

    let input = json!({ "id": made["apiToken"]["id"] });
    let foreign = eve.mutate("revokeApiToken", "revokedApiTokenId", input.clone()).await;
    let absent = json!({ "id": "tok_00000000000000000000000000000001" });
    assert_eq!(foreign, eve.mutate("revokeApiToken", "revokedApiTokenId", absent).await);
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(eve.ask(node, input.clone()).await["node"], Value::Null);
    assert_eq!(bob.ask(node, input.clone()).await["node"]["id"], made["apiToken"]["id"]);
    bob.mutate("revokeApiToken", "revokedApiTokenId", input.clone()).await;
    assert!(!is_known(&program).await);
    assert_eq!(bob.ask(node, input).await["node"], Value::Null);
    for wrong in
        [json!({ "name": "", "scope": "READ" }), json!({ "name": "a", "scope": "READ", "expiresInDays": 0 })]
    {
        assert_eq!(create(&bob, wrong).await["userErrors"][0]["code"], "INVALID");
    }
}

/// A scope takes away from its user's roles, and a token that is less than its user touches no account.
async fn scopes_narrow(world: World) {
    let _host = world.host("web").await;
    let run = json!({ "input": { "source": { "sql": "select 1" }, "targets": { "allHosts": true } } });
    let start = "mutation($input: StartCampaignInput!) { startCampaign(input: $input) {
        campaign { id } userErrors { code } } }";
    let save = json!({ "name": "q", "sql": "select 1" });
    for (scope, runs, saves, teams) in [
        ("READ", false, false, false),
        ("RUN", true, false, false),
        ("MANAGE", true, true, false),
        ("ADMIN", true, true, true),
    ] {
        let program = token(&world.admin, scope).await;
        let hosts = program.ask("{ hosts { totalCount } }", json!({})).await;
        assert_eq!(hosts["hosts"]["totalCount"], 1, "{scope} reads");
        let started = program.ask(start, run.clone()).await["startCampaign"]["userErrors"].clone();
        assert_eq!(started == json!([]), runs, "{scope}: {started}");
        let mut save = save.clone();
        save["name"] = json!(scope);
        let saved = program.mutate("createSavedQuery", "savedQuery { id }", save).await;
        assert_eq!(saved["userErrors"] == json!([]), saves, "{scope}: {saved}");
        let team = program.mutate("createTeam", "team { id }", json!({ "name": scope })).await;
        assert_eq!(team["userErrors"] == json!([]), teams, "{scope}: {team}");
        let more = create(&program, json!({ "name": "more", "scope": "ADMIN" })).await;
        assert_eq!(more["userErrors"] == json!([]), teams, "{scope} makes no stronger token: {more}");
        let sessions = program.gql("{ viewer { sessions { nodes { id } } } }", json!({})).await;
        assert_eq!(sessions["errors"].is_null(), teams, "{scope}: {sessions}");
    }
    let observer = world.person("o", Role::Observer, None).await;
    let strong = token(&observer, "ADMIN").await;
    let refused = strong.mutate("createTeam", "team { id }", json!({ "name": "x" })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "a scope never widens");
}

/// A token for one team sees that team alone, whatever its user sees.
async fn a_token_for_one_team(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let secret = world.team_secret(&berlin).await;
    let answer = std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("a", "b"));
    let _berlin = world.host_with("berlin-web", &secret, answer.clone()).await;
    let _paris = world.host_with("paris-web", &world.team_secret(&paris).await, answer).await;
    let input = json!({ "name": "b", "scope": "ADMIN", "teamId": berlin.public_id.0 });
    let program = with_token(&world.admin, &create(&world.admin, input).await["token"]);
    let seen = program.ask("{ hosts { nodes { hostname } } teams { nodes { name } } }", json!({})).await;
    assert_eq!(seen["hosts"]["nodes"], json!([{ "hostname": "berlin-web" }]));
    assert_eq!(seen["teams"]["nodes"], json!([{ "name": "berlin" }]));
    let member = world.person("m", Role::Maintainer, Some(&berlin)).await;
    let foreign = create(&member, json!({ "name": "x", "scope": "READ", "teamId": paris.public_id.0 })).await;
    let absent = json!({ "name": "x", "scope": "READ", "teamId": "tem_00000000000000000000000000000001" });
    assert_eq!(foreign, create(&member, absent).await);
    assert_eq!(foreign["userErrors"][0]["path"], json!(["teamId"]));
}

/// A socket ends with the token that opened it.
async fn revocation_ends_sockets(world: World) {
    let _host = world.host("web").await;
    let world = world.with_running_tasks().await;
    let id = world.admin.start("select 1").await;
    let made = create(&world.admin, json!({ "name": "ci", "scope": "READ" })).await;
    let mut viewing = with_token(&world.admin, &made["token"]).follow(&id, None).await;
    assert!(viewing.batch().await, "the first batch comes at once");
    let input = json!({ "id": made["apiToken"]["id"] });
    world.admin.mutate("revokeApiToken", "revokedApiTokenId", input).await;
    assert_eq!(viewing.subscription.next().await, Told::Closed(4403));
}
