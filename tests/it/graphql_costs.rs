//! What operations cost, on every transport, and who may read the schema.

use std::time::Duration;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::block_on;
use crate::harness::personas::Person;
use crate::harness::server::{Backend, TestServer};
use crate::harness::socket::{Said, Socket, Told};
use crate::harness::wire;
use crate::harness::within_deadline;
use crate::harness::world::{World, on_both};

/// Documents, and what they cost by the directives of `schema.graphql`: 1 for the request, and the fields.
const COSTS: &[(&str, u64)] = &[
    ("{ __typename }", 1),
    ("{ viewer { role } }", 1 + 1),
    ("{ hosts { nodes { id } } }", 1 + 1 + 20),
    ("{ hosts(first: 7) { totalCount nodes { id team { name } } } }", 1 + 1 + 10 + 7 * (1 + 1)),
    ("{ hosts(last: 7) { edges { cursor node { id } } pageInfo { endCursor } } }", 1 + 1 + 7 * (1 + 1) + 1),
    (
        "{ hosts(first: 2) { nodes { labels(first: 5) { nodes { hostCount } } } } }",
        2 + 2 * (1 + 1 + 5 * (1 + 1)),
    ),
    ("{ a: teams(first: 3) { nodes { id } } b: teams { nodes { id } } }", 1 + (1 + 3) + (1 + 20)),
    (
        "{ teams(first: 3) { nodes { id } } teams(first: 3) { ...T } } fragment T on TeamConnection { nodes { name } }",
        1 + 1 + 3,
    ),
    ("{ nodes(ids: []) { id } }", 1 + 100),
    (
        "{ node(id: \"hst_1\") { ... on Host { team { id } } ... on Team { hosts(first: 9) { nodes { id } } } } }",
        2 + 1 + 9,
    ),
    (
        "query($n: Int! = 4, $on: Boolean! = false) { teams(first: $n) { nodes { id } totalCount @include(if: $on) } }",
        1 + 1 + 4,
    ),
    ("mutation { logout { userErrors { code } } }", 1 + 10 + 1),
    ("{ __schema { queryType { name } } }", 1 + 100),
];

/// The query that tools read a schema by.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType } directives { name description locations args { ...InputValue } } } }
    fragment FullType on __Type { kind name description
        fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
        inputFields { ...InputValue } interfaces { ...TypeRef }
        enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
    fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
    fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";

/// What the SDL declares is what is charged: by POST, as server-sent events, and on a socket; too much is refused on each
/// before it is executed.
#[test]
fn check_31_declared_cost_is_enforced_cost() {
    with(&[("graphql.max_cost", "110")], async |world| {
        let (mut socket, _) = Socket::init(world.server.address, world.admin.token.as_deref()).await;
        for (document, cost) in COSTS.iter().filter(|(document, _)| !document.contains("logout")) {
            assert_eq!(world.admin.cost(document, json!({})).await["requested"], *cost, "{document}");
            let mut events = world.admin.listen(document, json!({}), None).await;
            let event = events.next().await.expect("a result");
            assert_eq!(event.data["extensions"]["cost"]["requested"], *cost, "{document}");
            let next = on(&mut socket, document).await;
            assert_eq!(next["payload"]["extensions"]["cost"]["requested"], *cost, "{document}");
        }
        let before = world.server.fleet.statements();
        let dear = "{ hosts(first: 100) { nodes { team { name } } } }";
        let expected = (json!("GRAPHQL_VALIDATION_FAILED"), json!(202), json!(110));
        let told = |errors: &Value| {
            let extensions = &errors[0]["extensions"];
            (extensions["code"].clone(), extensions["cost"].clone(), extensions["maxCost"].clone())
        };
        assert_eq!(told(&world.admin.gql(dear, json!({})).await["errors"]), expected);
        let as_event = streamed(&world, dear).await;
        assert_eq!((as_event.status, told(&event(&as_event)["errors"])), (200, expected.clone()));
        let refused = on(&mut socket, dear).await;
        assert_eq!((&refused["type"], told(&refused["payload"])), (&json!("error"), expected));
        assert_eq!(world.server.fleet.statements(), before, "nothing was read");
        let logout = COSTS.iter().find(|(document, _)| document.contains("logout")).expect("it is listed");
        assert_eq!(world.admin.cost(logout.0, json!({})).await["requested"], logout.1);
    });
}

/// A subscription costs once, when it begins, by the largest batch it asks for.
#[test]
fn check_31_of_subscriptions() {
    with(&[], async |world| {
        let _host = world.host("web").await;
        let id = world.admin.start("select 1").await;
        let watch = "subscription($id: ID!) { campaignEvents(campaignId: $id, maxBatchSize: 7) {
            events { ... on CampaignHostRows { host { team { name } } } } totals { rows } } }";
        let mut watching = world.admin.subscribe(watch, json!({ "id": id })).await;
        let Told::Next(first) = watching.next().await else { panic!("it begins") };
        assert_eq!(first["extensions"]["cost"]["requested"], 1 + 10 + 7 * (1 + 1 + 1) + 1);
    });
}

/// Who spent their points waits for them: 429 over HTTP and for streams, an error of the operation alone on a socket.
#[test]
fn points_leak_in_time() {
    let settings = &[("graphql.rate_limit", "110"), ("graphql.rate_window", "11s")];
    with(settings, async |world| {
        let other = world.person("other", Role::Admin, None).await;
        let (mut socket, _) = Socket::init(world.server.address, world.admin.token.as_deref()).await;
        let rest = "{ viewer { rateLimit { cost limit remaining resetAt } } }";
        let told = world.admin.ask(rest, json!({})).await["viewer"]["rateLimit"].clone();
        let expected =
            json!({ "cost": 3, "limit": 110, "remaining": 107, "resetAt": "2026-11-22T12:00:00.300Z" });
        assert_eq!(told, expected);
        let dear = "{ hosts(first: 100) { nodes { id } } }";
        assert_eq!(world.admin.cost(dear, json!({})).await["remaining"], 107 - 102);
        let refused = world.admin.post(&json!({ "query": dear })).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("10")));
        let extensions = &refused.json()["errors"][0]["extensions"];
        assert_eq!((&extensions["code"], &extensions["retryAfter"]), (&json!("RATE_LIMITED"), &json!(10)));
        assert!(extensions["requestId"].is_string());
        let refused = streamed(&world, dear).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("10")));
        let error = on(&mut socket, dear).await;
        assert_eq!((&error["type"], code(&error["payload"])), (&json!("error"), "RATE_LIMITED"));
        assert_eq!(on(&mut socket, "{ __typename }").await["type"], "next", "what can be paid goes on");
        assert_eq!(other.cost(dear, json!({})).await["requested"], 102, "others have points of their own");
        world.server.advance(Duration::from_secs(11));
        assert_eq!(world.admin.cost(dear, json!({})).await["remaining"], 110 - 102);
    });
}

on_both!(servers_count_together);

/// What somebody spends on one server is soon missing on the other.
async fn servers_count_together(world: World) {
    let world = world.with_running_tasks().await;
    let beside = world.server.beside().await;
    let elsewhere = Person { server: beside.address, ..world.admin.clone() };
    let (dear, spent) = ("{ hosts(first: 100) { nodes { hostname team { name } } } }", 20 * 202);
    for _ in 0..20 {
        world.admin.ask(dear, json!({})).await;
    }
    let heard = async {
        loop {
            let told = elsewhere.ask("{ viewer { rateLimit { limit remaining } } }", json!({})).await;
            let left = |field: &str| told["viewer"]["rateLimit"][field].as_u64().expect("a number");
            if left("remaining") + spent < left("limit") {
                return;
            }
        }
    };
    within_deadline("the other server to hear of it", heard).await;
    beside.stop().await;
}

/// Requests that are refused cost a point each, so that they end too.
#[test]
fn what_is_refused_is_not_for_nothing() {
    with(&[("graphql.rate_limit", "110")], async |world| {
        let mut statuses = Vec::new();
        for _ in 0..112 {
            let body = json!({ "query": "{ nothing }" });
            statuses.push(world.admin.post(&body).await.status);
        }
        assert_eq!(statuses, [vec![200; 110], vec![429; 2]].concat());
    });
}

/// Who has not signed in is counted by the address they come from, however many there are.
#[test]
fn points_of_nobody_are_of_their_source() {
    let settings = &[
        ("graphql.anonymous_rate_limit", "110"),
        ("graphql.rate_window", "10s"),
        ("http.trusted_proxies", "127.0.0.0/8"),
    ];
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is inside");
        let ask = async |source: &str| {
            let body = json!({ "query": "{ __typename }" }).to_string();
            let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", source)];
            let request = wire::request("POST", "/graphql", &headers, body.as_bytes());
            let answer = within_deadline("an answer", wire::exchange(server.address, &request)).await;
            answer.expect("it answers").status
        };
        for _ in 0..110 {
            assert_eq!(ask("203.0.113.7").await, 200);
        }
        assert_eq!(ask("203.0.113.7").await, 429);
        assert_eq!(ask("203.0.113.8").await, 200);
        for neighbour in 0..110 {
            assert_eq!(ask(&format!("2001:db8:1:2::{neighbour}")).await, 200);
        }
        assert_eq!(ask("2001:db8:1:2:ffff::1").await, 429, "a subscriber has a whole network");
        assert_eq!(ask("2001:db8:1:3::1").await, 200);
        server.advance(Duration::from_secs(1));
        assert_eq!(ask("203.0.113.7").await, 200);
        server.stop().await;
    });
}

/// Signing in is dear, in one document as in many.
#[test]
fn check_38_logins_cost_points() {
    let settings = &[("graphql.anonymous_rate_limit", "1000"), ("graphql.max_cost", "1000")];
    with(settings, async |world| {
        let nobody = world.anonymous();
        let login = |n: usize| {
            format!(
                "a{n}: login(input: {{ email: \"{n}@muster.test\", password: \"wrong\" }}) {{ expiresAt }} "
            )
        };
        let logins = |count: usize| format!("mutation {{ {} }}", (0..count).map(login).collect::<String>());
        let hashes = world.server.fleet.password_hashes();
        assert_eq!(code(&nobody.gql(&logins(10), json!({})).await["errors"]), "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(world.server.fleet.password_hashes(), hashes, "nothing was tried");
        let cost = nobody.cost(&logins(4), json!({})).await;
        assert_eq!(cost["requested"], 401);
        assert_eq!(nobody.post(&json!({ "query": logins(9) })).await.status, 429);
    });
}

/// The schema is shown to who has signed in: to others neither by introspection nor by what they may have meant.
#[test]
fn check_27_introspection_is_for_those_who_signed_in() {
    with(&[], async |world| {
        let nobody = world.anonymous();
        for document in [
            "{ __schema { queryType { name } } }",
            "{ __type(name: \"Host\") { name } }",
            "query A { __typename } query B { ... on Query { ...F } } fragment F on Query { a: __schema { queryType { name } } }",
        ] {
            let document = json!({ "query": document, "operationName": if document.contains("query B") { Some("A") } else { None } });
            let answer = nobody.post(&document).await.json();
            assert_eq!(code(&answer["errors"]), "INTROSPECTION_DISABLED", "{document}: {answer}");
            assert_eq!(answer.get("data"), None);
            assert_eq!(world.admin.post(&document).await.json().get("errors"), None, "{document}");
        }
        let standard = world.admin.gql(INTROSPECTION, json!({})).await;
        assert_eq!(standard.get("errors"), None);
        assert!(standard["data"]["__schema"]["types"].as_array().is_some_and(|types| types.len() > 100));
        let (mut socket, _) = Socket::init(world.server.address, None).await;
        let error = on(&mut socket, "{ __schema { queryType { name } } }").await;
        assert_eq!((&error["type"], code(&error["payload"])), (&json!("error"), "INTROSPECTION_DISABLED"));
        assert_eq!(
            nobody.ask("{ __typename viewer { __typename } }", json!({})).await["__typename"],
            "Query"
        );
    });
}

/// As the setting says: on, and whoever comes reads the schema and hears what they may have meant.
#[test]
fn check_28_introspection_and_suggestions_by_configuration() {
    let misspelled = "{ viewe { role } }";
    let suggests = |answer: &Value| answer["errors"][0]["message"].to_string().contains("Did you mean");
    with(&[], async |world| {
        assert!(!suggests(&world.anonymous().gql(misspelled, json!({})).await));
        assert!(suggests(&world.admin.gql(misspelled, json!({})).await));
        let (mut socket, _) = Socket::init(world.server.address, None).await;
        assert!(!on(&mut socket, misspelled).await["payload"].to_string().contains("Did you mean"));
    });
    with(&[("graphql.anonymous_introspection", "true")], async |world| {
        let nobody = world.anonymous();
        assert!(suggests(&nobody.gql(misspelled, json!({})).await));
        let schema = nobody.ask("{ __schema { directives { name } } }", json!({})).await;
        let names = schema["__schema"]["directives"].to_string();
        assert!(
            ["cost", "listSize", "requiresRole"].iter().all(|name| names.contains(&format!("{name:?}"))),
            "{names}"
        );
    });
}

/// Runs a test in a world with these settings.
fn with(settings: &'static [(&'static str, &'static str)], law: impl AsyncFnOnce(World)) {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is inside");
        law(World::on(server).await).await;
    });
}

/// Asks for a stream of an operation, and reads it to its end.
async fn streamed(world: &World, document: &str) -> wire::Response {
    let authorization = format!("Bearer {}", world.admin.token.as_deref().unwrap_or_default());
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "text/event-stream"),
        ("Authorization", &authorization),
    ];
    let body = json!({ "query": document }).to_string();
    let request = wire::request("POST", "/graphql", &headers, body.as_bytes());
    within_deadline("a stream", wire::exchange(world.server.address, &request)).await.expect("it answers")
}

/// The data of the first event of a stream.
fn event(stream: &wire::Response) -> Value {
    let text = String::from_utf8_lossy(&stream.body);
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("an event");
    serde_json::from_str(data).expect("data is JSON")
}

/// Runs an operation on a socket to its end, and answers the first thing that is said of it.
async fn on(socket: &mut Socket, document: &str) -> Value {
    socket.send(&json!({ "id": "1", "type": "subscribe", "payload": { "query": document } })).await;
    let mut first = None;
    loop {
        let Said::Message(message) = socket.next().await else { panic!("it stays open") };
        let is_last = message["type"] != "next";
        let told = first.get_or_insert(message);
        if is_last {
            return told.clone();
        }
    }
}

fn code(errors: &Value) -> &str {
    errors[0]["extensions"]["code"].as_str().unwrap_or_default()
}

/// A page costs by the rows it may have, not by those it has; so the answer says what is left, and it is less each time.
#[test]
fn every_answer_says_what_is_left() {
    with(&[], async |world| {
        let left = async |person: &Person| {
            person.cost("{ teams { nodes { id } } }", json!({})).await["remaining"].as_u64()
        };
        let first = left(&world.admin).await.expect("a number");
        assert_eq!(left(&world.admin).await, Some(first - 22));
    });
}
