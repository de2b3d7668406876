//! The page that browsers get at `/graphql`: check 40 of the API.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::harness::block_on;
use crate::harness::personas::Person;
use crate::harness::server::{Backend, TestServer};
use crate::harness::socket::Told;
use crate::harness::wire::{self, Response, exchange};
use crate::harness::world::{World, on_both};

/// What a browser says when somebody opens an address.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

on_both!(page, assets, programs_are_not_disturbed, start_query);

/// A browser gets a page that may load from this server alone, and that nobody may frame.
async fn page(world: World) {
    let page = get(&world, "/graphql", &[("Accept", BROWSER)]).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").expect("a policy");
    let directives: Vec<_> = policy.split("; ").collect();
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(directives.contains(&directive), "{directive} is in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("vary"), Some("Accept"));
    assert_eq!(page.header("set-cookie"), None);
}

/// Everything that the page names is here, packed or not as is asked, and may be kept for ever.
async fn assets(world: World) {
    let page = get(&world, "/graphql", &[("Accept", BROWSER)]).await;
    let page = String::from_utf8(page.body).expect("it is UTF-8");
    let named: Vec<_> = page.split('"').filter(|part| part.starts_with("graphql/assets/")).collect();
    assert_eq!(named.len(), 2, "a style sheet and a script: {page}");
    for name in named {
        let path = format!("/{name}");
        let packed = get(&world, &path, &[("Accept-Encoding", "gzip, deflate, br")]).await;
        assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")), "{path}");
        let plain = get(&world, &path, &[]).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{path}");
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).expect("it is gzip");
        assert!(unpacked == plain.body, "{path} is the same either way");
        for answer in [&packed, &plain] {
            assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
            assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
        let etag = plain.header("etag").expect("a tag");
        let known = get(&world, &path, &[("If-None-Match", etag)]).await;
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        let refused = get(&world, &path, &[("Accept-Encoding", "gzip;q=0, *")]).await;
        assert_eq!(refused.header("content-encoding"), None, "{path}");
    }
    let licenses = get(&world, "/graphql/assets/licenses.txt", &[]).await;
    assert_eq!(licenses.header("content-type"), Some("text/plain; charset=utf-8"));
    for unknown in
        ["nothing", "graphiql.js", "..%2Fgraphiql.js", "graphiql-0000000000000000.js", "manifest.json"]
    {
        let answer = get(&world, &format!("/graphql/assets/{unknown}"), &[("Accept", BROWSER)]).await;
        assert_eq!(answer.status, 404, "{unknown}");
        assert!(answer.json()["error"].is_string(), "{unknown}");
    }
}

/// Whoever asks a query, or would as soon have JSON, is answered by the API.
async fn programs_are_not_disturbed(world: World) {
    let query = "/graphql?query=%7B__typename%7D";
    for accept in [BROWSER, "*/*", "application/json", "text/html, image/gif, */*; q=.2"] {
        let answer = get(&world, query, &[("Accept", accept)]).await;
        assert_eq!(answer.json()["data"], json!({ "__typename": "Query" }), "{accept}");
    }
    for accept in [
        "*/*",
        "application/json",
        "application/graphql-response+json",
        "application/json, text/html",
        "text/html;q=0.5, application/json",
        "text/html;q=0",
        "text/plain",
    ] {
        let answer = get(&world, "/graphql", &[("Accept", accept)]).await;
        assert_eq!((answer.status, answer.json()["errors"].is_array()), (400, true), "{accept}");
    }
    assert_eq!(get(&world, "/graphql", &[]).await.status, 400);
    let headers = &[("Accept", BROWSER), ("Content-Type", "application/json")];
    let posted = wire::request("POST", "/graphql", headers, br#"{"query":"{__typename}"}"#);
    let posted = exchange(world.server.address, &posted).await.expect("an answer");
    assert_eq!(posted.json()["data"], json!({ "__typename": "Query" }));
}

/// The operations that the page begins with do what they say.
async fn start_query(world: World) {
    let mut host = world.host("alpha").await;
    let document = uncommented();
    let hosts = run(&world.admin, &document, "Hosts", json!({})).await;
    assert_eq!(hosts["hosts"]["nodes"][0]["hostname"], "alpha");
    let asked = run(&world.admin, &document, "Ask", json!({})).await;
    let id = asked["startCampaign"]["campaign"]["id"].as_str().expect("a campaign").to_owned();
    host.poll().await.expect("the server takes the answer");
    let watch = document.replace("cmp_…", &id);
    let watch = &watch[watch.find("subscription Watch").expect("it ends with the subscription")..];
    let mut watching = world.admin.subscribe(watch, json!({})).await;
    let mut rows = Vec::new();
    let mut is_final = false;
    while !is_final {
        let Told::Next(batch) = watching.next().await else { panic!("it goes on to the final batch") };
        let batch = &batch["data"]["campaignEvents"];
        let events = batch["events"].as_array().expect("events");
        rows.extend(events.iter().filter(|event| event["rows"].is_array()).cloned());
        is_final = batch["isFinal"] == true;
    }
    assert_eq!(rows, [json!({ "hostname": "alpha", "rows": [{ "name": "alpha" }] })]);
}

/// Switched off, a browser is a client as any other.
#[test]
fn switched_off() {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, &[("graphql.graphiql", "false")]).await;
        let world = World::on(server.expect("SQLite is always there")).await;
        assert_eq!(get(&world, "/graphql", &[("Accept", BROWSER)]).await.status, 400);
        assert_eq!(get(&world, "/graphql/assets/licenses.txt", &[]).await.status, 404);
        world.server.stop().await;
    });
}

/// The document with its operations uncommented; what is told to the reader stays.
fn uncommented() -> String {
    let document = include_str!("../../src/graphql/graphiql/page/src/start.graphql");
    let mut is_inside = false;
    let mut text = String::new();
    for line in document.lines() {
        let code = line.strip_prefix("# ").unwrap_or(line);
        is_inside |= ["mutation ", "subscription "].iter().any(|word| code.starts_with(word));
        text.push_str(if is_inside { code } else { line });
        text.push('\n');
        is_inside &= code != "}";
    }
    text
}

async fn run(person: &Person, document: &str, operation: &str, variables: Value) -> Value {
    let body = json!({ "query": document, "operationName": operation, "variables": variables });
    let answer = person.post(&body).await.json();
    assert_eq!(answer["errors"], Value::Null, "{operation}");
    answer["data"].clone()
}

async fn get(world: &World, target: &str, headers: &[(&str, &str)]) -> Response {
    exchange(world.server.address, &wire::request("GET", target, headers, b"")).await.expect("an answer")
}
