//! A browser's session: in a cookie that no script and no other site can use.

use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::{VIEWER, post};
use crate::harness::block_on;
use crate::harness::personas::PASSWORD;
use crate::harness::server::{Backend, TestServer};
use crate::harness::tls;
use crate::harness::wire::{self, Response};
use crate::harness::within_deadline;
use crate::harness::world::{World, on_both};

on_both!(s25_cookies, s35_other_sites, s51_sockets_of_other_sites);

const LOGIN: &str = "mutation($input: LoginInput!) { login(input: $input) {
    accessToken refreshToken expiresAt user { displayName } userErrors { code } } }";
const LOGOUT: &str = "mutation { logout { userErrors { code } } }";
const PREFLIGHT: (&str, &str) = ("GraphQL-Preflight", "1");

fn by_cookie(email: &str) -> Value {
    json!({ "input": { "email": email, "password": PASSWORD, "transport": "COOKIE" } })
}

/// The cookie of an answer: `name=value`, and what the browser is told about it.
fn cookie(response: &Response) -> (String, String) {
    let set = response.header("set-cookie").expect("a cookie is set");
    let (pair, attributes) = set.split_once("; ").expect("it has attributes");
    (pair.to_owned(), attributes.to_owned())
}

async fn sign_in(world: &World) -> String {
    let response = post(&world.anonymous(), &[], LOGIN, by_cookie(&world.admin.email)).await;
    cookie(&response).0
}

/// A new random reference at each sign-in, hashed in the store, in a cookie alone; it ends by a logout, and a stale one
/// is taken away.
async fn s25_cookies(world: World) {
    let nobody = world.anonymous();
    let response = post(&nobody, &[], LOGIN, by_cookie(&world.admin.email)).await;
    let payload = response.json()["data"]["login"].clone();
    assert_eq!((&payload["accessToken"], &payload["refreshToken"]), (&Value::Null, &Value::Null));
    let (mine, attributes) = cookie(&response);
    assert_eq!(attributes, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict");
    let (name, value) = mine.split_once('=').expect("a pair");
    assert_eq!((name, value.len()), ("muster-session", 43));
    assert!(!String::from_utf8_lossy(&response.body).contains(value));
    assert_ne!(sign_in(&world).await, mine);

    let ask = async |query: &str| post(&nobody, &[("Cookie", &mine), PREFLIGHT], query, json!({})).await;
    assert_eq!(ask(VIEWER).await.json()["data"]["viewer"]["role"], "ADMIN");
    let refresh = "mutation { refreshSession(input: {}) { expiresAt user { id } userErrors { code } } }";
    world.server.advance(std::time::Duration::from_hours(29 * 24));
    assert_eq!(ask(refresh).await.json()["data"]["refreshSession"]["userErrors"], json!([]));
    world.server.advance(std::time::Duration::from_hours(29 * 24));
    assert_eq!(ask(VIEWER).await.json()["data"]["viewer"]["role"], "ADMIN", "it was moved");

    let as_token = format!("Bearer {value}");
    assert_eq!(post(&nobody, &[("Authorization", &as_token)], VIEWER, json!({})).await.status, 401);
    let input = json!({ "input": { "refreshToken": value } });
    let query =
        "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { userErrors { code } } }";
    let exchanged = post(&nobody, &[], query, input).await.json();
    assert_eq!(exchanged["data"]["refreshSession"]["userErrors"][0]["code"], "INVALID_CREDENTIALS");

    assert_eq!(ask(LOGOUT).await.header("set-cookie").map(|set| set.contains("Max-Age=0")), Some(true));
    let stale = ask(VIEWER).await;
    assert_eq!(stale.status, 401);
    assert_eq!(cookie(&stale).0, "muster-session=", "it is taken away, so that one can sign in again");
}

/// With the cookie, what a page of another site can make its visitor's browser send is refused and has no effect.
async fn s35_other_sites(world: World) {
    let mine = sign_in(&world).await;
    let body = json!({ "query": LOGOUT }).to_string();
    let form = "query=mutation%20%7B%20logout%20%7B%20userErrors%20%7B%20code%20%7D%20%7D%20%7D";
    let get = format!("/graphql?{form}");
    let (own, foreign) = (("Origin", "http://muster.test"), ("Origin", "https://evil.example"));
    let json = ("Content-Type", "application/json");
    let form_type = ("Content-Type", "application/x-www-form-urlencoded");
    let multipart = ("Content-Type", "multipart/form-data; boundary=x");
    for (method, target, headers, body) in [
        ("GET", get.as_str(), vec![], ""),
        ("GET", &get, vec![PREFLIGHT], ""),
        ("POST", "/graphql", vec![json], body.as_str()),
        ("POST", "/graphql", vec![json, own], &body),
        ("POST", "/graphql", vec![json, foreign, PREFLIGHT], &body),
        ("POST", "/graphql", vec![json, ("Origin", "null"), PREFLIGHT], &body),
        ("POST", "/graphql", vec![("Content-Type", "text/plain")], &body),
        ("POST", "/graphql", vec![form_type], form),
        ("POST", "/graphql", vec![multipart], &body),
    ] {
        let mut headers = headers;
        headers.push(("Cookie", &mine));
        let request = wire::request(method, target, &headers, body.as_bytes());
        let answer = within_deadline("an answer", wire::exchange(world.server.address, &request)).await;
        let answer = answer.expect("it answers");
        assert!((400..500).contains(&answer.status), "{method} {headers:?}: {}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let query = "/graphql?query=%7B%20viewer%20%7B%20role%20%7D%20%7D";
    for (headers, status) in
        [(vec![("Cookie", mine.as_str())], 403), (vec![("Cookie", &mine), PREFLIGHT], 200)]
    {
        let request = wire::request("GET", query, &headers, b"");
        let answer = within_deadline("an answer", wire::exchange(world.server.address, &request)).await;
        assert_eq!(answer.expect("it answers").status, status, "{headers:?}");
    }
    let alive = post(&world.anonymous(), &[("Cookie", &mine), PREFLIGHT, own], VIEWER, json!({})).await;
    assert_eq!(alive.json()["data"]["viewer"]["role"], "ADMIN", "nothing had an effect");
}

/// With the cookie, a socket is opened from the server's own pages alone, and acts for the session.
async fn s51_sockets_of_other_sites(world: World) {
    let mine = sign_in(&world).await;
    let own = format!("http://{}", world.server.address);
    for (origin, status) in [(None, 403), (Some("https://evil.example"), 403), (Some(own.as_str()), 101)] {
        let url = format!("ws://{}/graphql", world.server.address);
        let mut request = url.into_client_request().expect("the address is plain");
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse().expect("the name is plain"));
        headers.insert("Cookie", mine.parse().expect("it is plain"));
        headers.extend(origin.map(|origin| (http_header("Origin"), origin.parse().expect("it is plain"))));
        let answered = match within_deadline("an answer", connect_async(request)).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(answered, status, "{origin:?}");
    }
}

fn http_header(name: &str) -> tokio_tungstenite::tungstenite::http::HeaderName {
    name.parse().expect("it is a name")
}

/// Over HTTPS the cookie is bound to this host and to HTTPS.
#[test]
fn s25_cookies_over_https() {
    block_on(async {
        let settings = &[("https.listen", "127.0.0.1:0")];
        let server = TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is inside");
        let world = World::on(server).await;
        let client = tls::any_client(&world.server.data().join("tls/cert.pem"));
        let connecting = tls::connect(&client, world.server.https.expect("it is on"), "localhost");
        let mut stream = within_deadline("a handshake", connecting).await.expect("it succeeds");
        let body = json!({ "query": LOGIN, "variables": by_cookie(&world.admin.email) }).to_string();
        let request =
            wire::request("POST", "/graphql", &[("Content-Type", "application/json")], body.as_bytes());
        let response = tls::exchange(&mut stream, &request).await.expect("an answer");
        let (pair, attributes) = cookie(&response);
        assert!(pair.starts_with("__Host-muster-session="), "{pair}");
        assert_eq!(attributes, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure");
        world.server.stop().await;
    });
}
