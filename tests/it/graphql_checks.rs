//! What an API must survive and never do, by number; each number is one promise.

use serde_json::{Value, json};

use crate::harness::server::Backend;
use crate::harness::wire::{self, Response};
use crate::harness::within_deadline;
use crate::harness::world::{World, run};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const MAKE_TEAM: &str = "mutation { createTeam(input: {name: \"x\"}) { team { id } } }";

/// Each check is a test on a server of its own.
macro_rules! checks {
    ($($check:ident),+ $(,)?) => {$(
        #[test]
        fn $check() {
            run(Backend::Sqlite, stringify!($check), laws::$check);
        }
    )+};
}

checks!(
    check_01_mutations_by_get,
    check_02_subscriptions_by_get,
    check_03_other_content_types,
    check_04_other_charsets,
    check_05_get_with_another_content_type,
    check_07_foreign_origins,
    check_17_bodies_over_the_limit,
    check_18_too_many_tokens,
    check_19_fan_out_through_fragments,
    check_20_cycles_of_fragments,
    check_21_deep_documents,
    check_22_aliases,
    check_23_repeated_fields_cost_one,
    check_24_directives,
    check_25_unknown_fields,
    check_26_circular_introspection,
    check_29_batches,
    check_30_page_sizes,
    check_32_hostile_variables,
    check_38_aliased_logins,
);

/// Where the forty checks are; those of safety.md have numbers of their own.
const PLACES: &[&str] = &[
    include_str!("graphql_checks.rs"),
    include_str!("graphql_costs.rs"),
    include_str!("graphql_faults.rs"),
    include_str!("graphql_sockets.rs"),
    include_str!("graphiql.rs"),
    include_str!("../../src/graphql/transport/tests/socket.rs"),
];

#[test]
fn every_check_has_a_test() {
    let is_there = |number: &usize| {
        let names = [format!("fn check_{number:02}_"), format!("fn s{number:02}_")];
        PLACES.iter().any(|place| names.iter().any(|name| place.contains(name)))
    };
    let missing: Vec<_> = (1..=40).filter(|number| !is_there(number)).collect();
    assert!(missing.is_empty(), "no test of check {missing:?}");
}

mod laws {
    use super::*;

    pub(super) async fn check_01_mutations_by_get(world: World) {
        assert_eq!(get(&world, MAKE_TEAM, &[]).await.status, 405);
        assert_no_team(&world).await;
    }

    pub(super) async fn check_02_subscriptions_by_get(world: World) {
        let query = "subscription { campaignEvents(campaignId: \"x\") { isFinal } }";
        assert_eq!(get(&world, query, &[]).await.status, 405);
    }

    pub(super) async fn check_03_other_content_types(world: World) {
        let body = json!({ "query": MAKE_TEAM }).to_string();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"] {
            assert_eq!(post(&world, &[("Content-Type", kind)], &body).await.status, 415, "{kind}");
        }
        assert_eq!(post(&world, &[], &body).await.status, 415);
        assert_no_team(&world).await;
    }

    pub(super) async fn check_04_other_charsets(world: World) {
        let kind = ("Content-Type", "application/json; charset=utf-16");
        assert_eq!(post(&world, &[kind], &json!({ "query": MAKE_TEAM }).to_string()).await.status, 415);
        assert_no_team(&world).await;
    }

    pub(super) async fn check_05_get_with_another_content_type(world: World) {
        let query = "{ viewer { role } }";
        assert_eq!(get(&world, query, &[("Content-Type", "text/plain")]).await.status, 415);
        assert_eq!(get(&world, query, &[JSON]).await.status, 200);
    }

    pub(super) async fn check_07_foreign_origins(world: World) {
        let body = json!({ "query": "{ viewer { role } }" }).to_string();
        let origin = ("Origin", "https://evil.example");
        let preflight = [origin, ("Access-Control-Request-Method", "POST")];
        let asked = [
            post(&world, &[JSON, origin], &body).await,
            send(&world, "OPTIONS", "/graphql", &preflight, b"").await,
        ];
        for answer in asked {
            let allowing = answer.headers.iter().find(|(name, _)| name.starts_with("access-control"));
            assert_eq!(allowing, None);
        }
    }

    pub(super) async fn check_17_bodies_over_the_limit(world: World) {
        let body = "x".repeat((256 << 10) + 1);
        assert_eq!(post(&world, &[JSON], &body).await.status, 413);
        let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        assert_eq!(post(&world, &[JSON, ("Transfer-Encoding", "chunked")], &chunked).await.status, 413);
        // A compressed body is not even looked at.
        assert_eq!(post(&world, &[JSON, ("Content-Encoding", "gzip")], "x").await.status, 415);
        assert_alive(&world).await;
    }

    pub(super) async fn check_18_too_many_tokens(world: World) {
        let errors = refused(&world, &format!("{{ {} }}", "a ".repeat(4_000))).await;
        assert_eq!(errors[0]["extensions"]["code"], "GRAPHQL_PARSE_FAILED", "{errors}");
    }

    pub(super) async fn check_19_fan_out_through_fragments(world: World) {
        let link = |n: usize| format!(" fragment F{n} on Viewer {{ ...F{0} ...F{0} }}", n + 1);
        let links: String = (0..30).map(link).collect();
        let query = format!("{{ viewer {{ ...F0 }} }}{links} fragment F30 on Viewer {{ role }}");
        assert!(told(&refused(&world, &query).await).contains("selects more than"));
    }

    pub(super) async fn check_20_cycles_of_fragments(world: World) {
        let query = "{ teams { nodes { ...A } } } fragment A on Team { ...B } fragment B on Team { ...A }";
        assert!(told(&refused(&world, query).await).contains("spreads itself"));
    }

    pub(super) async fn check_21_deep_documents(world: World) {
        for (open, close) in [("{a", "}"), ("{a(b:[", "])}"), ("{a(b:{c:", "})}"), ("[", "]"), ("{", "")] {
            refused(&world, &format!("{}{}", open.repeat(10_000), close.repeat(10_000))).await;
        }
        assert_alive(&world).await;
    }

    pub(super) async fn check_22_aliases(world: World) {
        let aliases: String = (0..999).map(|n| format!("a{n}: __typename ")).collect();
        assert!(told(&refused(&world, &format!("{{ {aliases} }}")).await).contains("aliases"));
    }

    pub(super) async fn check_23_repeated_fields_cost_one(world: World) {
        let cost = async |times: usize| {
            let query = format!("{{ {} }}", "teams { totalCount } ".repeat(times));
            world.server.statements_of(async || drop(world.admin.ask(&query, json!({})).await)).await
        };
        assert_eq!(cost(999).await, cost(1).await);
        let made = "mutation { createTeam(input: {name: \"y\"}) { team { id } } ".to_owned();
        let twice = format!("{made} createTeam(input: {{name: \"y\"}}) {{ userErrors {{ code }} }} }}");
        assert_eq!(world.admin.ask(&twice, json!({})).await["createTeam"]["userErrors"], json!([]));
    }

    pub(super) async fn check_24_directives(world: World) {
        refused(&world, &format!("{{ viewer {} {{ role }} }}", "@a ".repeat(1_000))).await;
    }

    pub(super) async fn check_25_unknown_fields(world: World) {
        let fields: Vec<_> = (0..2_000).map(|n| format!("viewe{n}")).collect();
        refused(&world, &format!("{{ {} }}", fields.join(" "))).await;
        let nobody = world.anonymous();
        let answer = nobody.gql("{ viewe { role } }", json!({})).await;
        assert!(!told(&answer["errors"]).contains("Did you mean"), "{answer}");
    }

    pub(super) async fn check_26_circular_introspection(world: World) {
        let query = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
        assert!(told(&refused(&world, query).await).contains("circles"));
    }

    pub(super) async fn check_29_batches(world: World) {
        for batch in [json!([]), json!([{ "query": "{ viewer { role } }" }]), json!([1, 2])] {
            assert_eq!(world.admin.post(&batch).await.status, 400, "{batch}");
        }
    }

    pub(super) async fn check_30_page_sizes(world: World) {
        for n in 0..21 {
            world.team(&format!("team {n}")).await;
        }
        let page = "query($n: Int!) { teams(first: $n) { nodes { id } } }";
        for size in [json!(101), json!(-1), json!(0), json!(2_147_483_648_i64), json!(1.5), json!("20")] {
            let answer = world.admin.gql(page, json!({ "n": size })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{size}: {answer}");
        }
        let both_ways = "query($n: Int) { hosts(first: $n) { nodes { id } } }";
        for size in [json!(101), json!(-1), json!(0), json!(1_000_000_000)] {
            let answer = world.admin.gql(both_ways, json!({ "n": size })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{size}: {answer}");
        }
        assert_eq!(world.admin.gql(both_ways, json!({ "n": null })).await.get("errors"), None);
        let left_out =
            world.admin.ask("query($n: Int) { teams(first: $n) { nodes { id } } }", json!({})).await;
        assert_eq!(left_out["teams"]["nodes"].as_array().map(Vec::len), Some(20));
        let many = json!({ "ids": vec!["tem_0000000000000000000000"; 101] });
        let answer = world.admin.gql("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", many).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }

    pub(super) async fn check_32_hostile_variables(world: World) {
        let query =
            "query($id: ID!, $f: HostFilter) { node(id: $id) { id } hosts(filter: $f) { totalCount } }";
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let objects = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
        for variables in [
            format!("{{\"id\":{deep}}}"),
            format!("{{\"id\":{objects}}}"),
            r#"{"id":"\ud800"}"#.to_owned(),
            r#"{"id":"a","id":"b"}"#.to_owned(),
            r#"{"id":"a","f":{"search":"a","search":"b"}}"#.to_owned(),
            r#"{"id":1e999}"#.to_owned(),
        ] {
            let body = format!("{{\"query\":{},\"variables\":{variables}}}", json!(query));
            assert_eq!(
                post(&world, &[JSON], &body).await.status,
                400,
                "{}",
                &variables[..variables.len().min(60)]
            );
        }
        let huge = json!({ "id": "x".repeat(200 << 10) });
        assert_eq!(world.admin.ask(query, huge).await["node"], Value::Null);
        assert_alive(&world).await;
    }

    pub(super) async fn check_38_aliased_logins(world: World) {
        let login = |n: usize| {
            format!(
                "a{n}: login(input: {{email: \"{}\", password: \"wrong {n}\"}}) {{ userErrors {{ code }} }} ",
                world.admin.email
            )
        };
        let logins: String = (0..30).map(login).collect();
        let answer = world.anonymous().gql(&format!("mutation {{ {logins} }}"), json!({})).await;
        let tried = answer["data"].as_object().into_iter().flatten().filter(|(_, login)| !login.is_null());
        assert_eq!(tried.count(), 10, "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{answer}");
    }
}

/// The errors of a document that is refused: some, but not many.
async fn refused(world: &World, query: &str) -> Value {
    let mut answer = world.admin.gql(query, json!({})).await;
    assert_eq!(answer.get("data"), None, "{answer}");
    let count = answer["errors"].as_array().map_or(0, Vec::len);
    assert!((1..=20).contains(&count), "{answer}");
    answer["errors"].take()
}

fn told(errors: &Value) -> String {
    errors[0]["message"].as_str().unwrap_or_default().to_owned()
}

async fn get(world: &World, query: &str, headers: &[(&str, &str)]) -> Response {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    send(world, "GET", &format!("/graphql?query={encoded}"), headers, b"").await
}

async fn post(world: &World, headers: &[(&str, &str)], body: &str) -> Response {
    send(world, "POST", "/graphql", headers, body.as_bytes()).await
}

/// Sends a request as the administrator.
async fn send(world: &World, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let authorization = format!("Bearer {}", world.admin.token.as_deref().unwrap_or_default());
    let accept = ("Accept", "application/graphql-response+json");
    let headers = [&[accept, ("Authorization", authorization.as_str())][..], headers].concat();
    let request = wire::request(method, target, &headers, body);
    let answer = within_deadline("an answer", wire::exchange(world.server.address, &request)).await;
    answer.expect("it answers")
}

async fn assert_no_team(world: &World) {
    let listed = world.admin.ask("{ teams { totalCount } }", json!({})).await;
    assert_eq!(listed["teams"]["totalCount"], 0, "it had no effect");
}

async fn assert_alive(world: &World) {
    let viewer = world.admin.ask("{ viewer { role } }", json!({})).await;
    assert_eq!(viewer["viewer"]["role"], "ADMIN");
}
