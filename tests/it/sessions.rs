//! Signing in, staying signed in, signing out.

use std::time::Duration;

use muster::fleet::users::NewApiToken;
use muster::policy::Actor;
use serde_json::{Value, json};

use crate::harness::personas::{PASSWORD, Person};
use crate::harness::socket::{Said, Socket};
use crate::harness::world::{World, on_both};

const VIEWER: &str = "{ viewer { role actor { displayName } teamRoles { role } } }";

on_both!(
    sign_in,
    wrong_credentials,
    too_many_failures,
    refresh,
    access_token_ends,
    logout,
    survive_a_restart,
    api_token,
    bad_credentials,
    sockets_end_with_the_session,
    sockets_want_a_good_token
);

/// A password gives two tokens; the access token says who somebody is.
async fn sign_in(world: World) {
    let mut admin = world.admin.clone();
    let payload = admin.sign_in().await;
    assert_eq!(payload["userErrors"], json!([]));
    assert!(payload["refreshToken"].as_str().is_some_and(|token| token.len() >= 43));
    let viewer = admin.ask(VIEWER, json!({})).await["viewer"].clone();
    assert_eq!(viewer, json!({ "role": "ADMIN", "actor": { "displayName": "admin" }, "teamRoles": [] }));
    let shouted = Person { email: admin.email.to_uppercase(), ..admin };
    assert_eq!(shouted.login(PASSWORD).await["userErrors"], json!([]), "an e-mail has no case");
}

/// An unknown e-mail and a wrong password look the same.
async fn wrong_credentials(world: World) {
    let wrong = world.admin.login("wrong").await;
    assert_eq!(wrong["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    assert_eq!(wrong["accessToken"], Value::Null);
    let unknown = Person { email: "nobody@muster.test".to_owned(), ..world.admin.clone() };
    assert_eq!(unknown.login("wrong").await, wrong);
}

/// Ten failures lock an account for its source, and time opens it again.
async fn too_many_failures(world: World) {
    for _ in 0..10 {
        world.admin.login("wrong").await;
    }
    let input = json!({ "input": { "email": world.admin.email, "password": PASSWORD } });
    let login = "mutation($input: LoginInput!) { login(input: $input) { accessToken } }";
    let limited = world.anonymous().gql(login, input.clone()).await;
    assert_eq!(limited["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{limited}");
    world.server.advance(Duration::from_mins(16));
    let later = world.anonymous().gql(login, input).await;
    assert!(later["data"]["login"]["accessToken"].is_string(), "{later}");
}

/// A refresh token is good once; its reuse ends the session.
async fn refresh(world: World) {
    let mut admin = world.admin.clone();
    let first = admin.sign_in().await["refreshToken"].clone();
    let second = refresh_with(&world, &first).await;
    assert_eq!(second["userErrors"], json!([]));
    let bearer = Person { token: second["accessToken"].as_str().map(str::to_owned), ..admin.clone() };
    assert_eq!(bearer.ask(VIEWER, json!({})).await["viewer"]["role"], "ADMIN");
    let reused = refresh_with(&world, &first).await;
    assert_eq!(reused["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    let stolen = refresh_with(&world, &second["refreshToken"]).await;
    assert_eq!(stolen["userErrors"][0]["code"], "INVALID_CREDENTIALS", "the session is over");
    assert_refused(&bearer).await;
}

/// An access token ends by the clock.
async fn access_token_ends(world: World) {
    world.server.advance(Duration::from_mins(14));
    assert_eq!(world.admin.ask(VIEWER, json!({})).await["viewer"]["role"], "ADMIN");
    world.server.advance(Duration::from_mins(3));
    assert_refused(&world.admin).await;
}

/// Signing out ends the session, on another server as well.
async fn logout(world: World) {
    let other = world.server.beside().await;
    let mut admin = world.admin.clone();
    let refresh_token = admin.sign_in().await["refreshToken"].clone();
    let elsewhere = Person { server: other.address, ..admin.clone() };
    assert_eq!(elsewhere.ask(VIEWER, json!({})).await["viewer"]["role"], "ADMIN");
    admin.ask("mutation { logout { userErrors { code } } }", json!({})).await;
    assert_refused(&admin).await;
    other.fleet.catch_up().await.expect("the store answers");
    assert_refused(&elsewhere).await;
    let refreshed = refresh_with(&world, &refresh_token).await;
    assert_eq!(refreshed["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    assert_eq!(world.admin.ask(VIEWER, json!({})).await["viewer"]["role"], "ADMIN", "other sessions live");
}

/// Sessions live on when the server restarts.
async fn survive_a_restart(world: World) {
    let world = world.restart().await;
    assert_eq!(world.admin.ask(VIEWER, json!({})).await["viewer"]["role"], "ADMIN");
}

/// An API token acts as its user, until it ends.
async fn api_token(world: World) {
    let new = NewApiToken::whole(&world.admin.email, "ci", Duration::from_hours(1));
    let made = world.server.fleet.create_api_token(&Actor::System, new);
    let (_, text) = made.await.expect("the user exists");
    let program = Person { token: Some(text), ..world.admin.clone() };
    let viewer = program.ask(VIEWER, json!({})).await["viewer"].clone();
    assert_eq!((&viewer["role"], &viewer["actor"]["displayName"]), (&json!("ADMIN"), &json!("ci")));
    world.server.advance(Duration::from_secs(3_601));
    assert_refused(&program).await;
}

/// Bad credentials are refused, and never taken for nobody.
async fn bad_credentials(world: World) {
    let forged = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.";
    let token = world.admin.token.clone().expect("signed in");
    let tampered = format!("{}A", &token[..token.len() - 1]);
    let cut = &token[..token.len() - 4];
    for bad in ["", "x", forged, cut, tampered.as_str()] {
        if bad != token {
            assert_refused(&Person { token: Some(bad.to_owned()), ..world.admin.clone() }).await;
        }
    }
    let nobody = world.anonymous();
    assert_eq!(nobody.ask("{ viewer { role } }", json!({})).await["viewer"], Value::Null);
    let denied = nobody.gql("{ hosts(first: 1) { totalCount } }", json!({})).await;
    assert_eq!(denied["data"]["hosts"], Value::Null);
    assert_eq!(denied["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

/// A socket whose session ends is closed with 4403.
async fn sockets_end_with_the_session(world: World) {
    let _host = world.host("web").await;
    let id = world.admin.start("select 1").await;
    let mut admin = world.admin.clone();
    admin.sign_in().await;
    let mut viewing = admin.follow(&id, None).await;
    assert!(viewing.batch().await, "the first batch comes at once");
    admin.ask("mutation { logout { userErrors { code } } }", json!({})).await;
    let told = viewing.subscription.next().await;
    assert_eq!(told, crate::harness::socket::Told::Closed(4403));
}

/// A socket refuses a bad token with 4403, and data to nobody.
async fn sockets_want_a_good_token(world: World) {
    let (_, said) = Socket::init(world.server.address, Some("wrong")).await;
    assert_eq!(said, Said::Closed(4403));
}

/// The server refuses the bearer with 401, over HTTP.
async fn assert_refused(person: &Person) {
    let response = person.post(&json!({ "query": VIEWER })).await;
    assert_eq!(response.status, 401, "{}", String::from_utf8_lossy(&response.body));
    assert_eq!(response.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

async fn refresh_with(world: &World, token: &Value) -> Value {
    let shape = "accessToken refreshToken";
    let query = format!(
        "mutation($input: RefreshSessionInput!) {{ refreshSession(input: $input) {{ {shape} userErrors {{ code }} }} }}"
    );
    world.anonymous().ask(&query, json!({ "input": { "refreshToken": token } })).await["refreshSession"]
        .clone()
}
