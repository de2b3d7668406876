//! The schema over a core on a real database: what only the faces' own parts can get wrong.

mod campaigns;

use async_graphql::{Executor, Request, Variables};
use serde_json::{Value, json};

use super::context::{Place, RequestContext};
use super::loader::WithLoaders;
use super::schema::{self, MusterSchema};
use crate::fleet::sessions::Authentication;
use crate::fleet::testing::{PASSWORD, TestFleet};
use crate::policy::{Actor, Role};

/// A core, its schema, and who asks.
struct Asking {
    fleet: TestFleet,
    schema: WithLoaders<MusterSchema>,
    actor: Actor,
}

impl Asking {
    /// An administrator asks.
    async fn admin() -> Self {
        Self::user("admin@example.com", Role::Admin).await
    }

    /// A user of this role asks.
    async fn user(email: &str, role: Role) -> Self {
        let mut asking = Self::nobody().await;
        asking.fleet.user(email, role, None).await;
        let session = asking
            .fleet
            .login(email, PASSWORD, std::net::IpAddr::from([127, 0, 0, 1]))
            .await
            .expect("they may sign in");
        let known = asking.fleet.authenticate(&session.access_token).await.expect("the database answers");
        let Authentication::Known(actor, _) = known else { panic!("the token is new") };
        asking.actor = actor;
        asking
    }

    /// Somebody who has not signed in asks.
    async fn nobody() -> Self {
        let fleet = TestFleet::new().await;
        let schema = WithLoaders::new(schema::build(fleet.fleet.clone()), fleet.fleet.clone());
        Self { fleet, schema, actor: Actor::Anonymous }
    }

    /// A request as the transport makes it.
    fn request(&self, query: &str, variables: Value) -> Request {
        let context = RequestContext {
            actor: self.actor.clone(),
            source: [127, 0, 0, 1].into(),
            request_id: "test".to_owned(),
            agent: None,
            cookie: None,
            place: Place::default(),
        };
        Request::new(query).variables(Variables::from_json(variables)).data(context)
    }

    /// The whole answer, as JSON.
    async fn answer(&self, query: &str, variables: Value) -> Value {
        let response = self.schema.execute(self.request(query, variables)).await;
        serde_json::to_value(response).expect("an answer is JSON")
    }

    /// The data of an answer without errors.
    async fn data(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.answer(query, variables).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
        answer["data"].take()
    }

    /// The code of the first error.
    async fn code(&self, query: &str) -> Value {
        let mut answer = self.answer(query, json!({})).await;
        answer["errors"][0]["extensions"]["code"].take()
    }

    /// Makes a team and answers its id.
    async fn team(&self, name: &str) -> Value {
        let query = "mutation($name: String!) { createTeam(input: {name: $name}) { team { id } } }";
        self.data(query, json!({ "name": name })).await["createTeam"]["team"]["id"].take()
    }
}

#[tokio::test]
async fn nobody_sees_nothing() {
    let asking = Asking::nobody().await;
    assert_eq!(asking.data("{ viewer { role } }", json!({})).await, json!({ "viewer": null }));
    for query in [
        "{ teams { nodes { id } } }",
        "{ enrollSecrets { nodes { id } } }",
        "{ node(id: \"tem_00000000000000000000000000000001\") { id } }",
        "mutation { createTeam(input: {name: \"a\"}) { team { id } } }",
        "mutation { logout { userErrors { code } } }",
    ] {
        assert_eq!(asking.code(query).await, "UNAUTHENTICATED", "{query}");
    }
}

#[tokio::test]
async fn a_user_signs_in_and_is_the_viewer() {
    let asking = Asking::admin().await;
    let query =
        "mutation($password: String!) { login(input: {email: \"ADMIN@example.com\", password: $password}) {
        accessToken refreshToken expiresAt user { id displayName email role } userErrors { code } } }";
    let right = asking.data(query, json!({ "password": PASSWORD })).await["login"].take();
    assert_eq!(right["userErrors"], json!([]));
    assert!(right["accessToken"].is_string() && right["refreshToken"].is_string(), "{right}");
    let wrong = asking.data(query, json!({ "password": "wrong" })).await["login"].take();
    assert_eq!(wrong["user"], Value::Null);
    assert_eq!(wrong["userErrors"], json!([{ "code": "INVALID_CREDENTIALS" }]));

    let viewer =
        asking.data("{ viewer { role actor { __typename displayName ... on User { id } } } }", json!({}));
    let actor = json!({ "__typename": "User", "displayName": "Ada", "id": right["user"]["id"] });
    assert_eq!(viewer.await, json!({ "viewer": { "role": "ADMIN", "actor": actor } }));
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let asking = Asking::admin().await;
    for name in ["a", "b", "c"] {
        asking.team(name).await;
    }
    let query = "query($after: String) { teams(first: 2, after: $after) {
        nodes { name } edges { cursor node { name } } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let first = asking.data(query, json!({})).await["teams"].take();
    assert_eq!(first["nodes"], json!([{ "name": "a" }, { "name": "b" }]));
    assert_eq!(first["totalCount"], 3);
    let end = &first["edges"][1]["cursor"];
    let start = &first["edges"][0]["cursor"];
    let info =
        json!({ "hasNextPage": true, "hasPreviousPage": false, "startCursor": start, "endCursor": end });
    assert_eq!(first["pageInfo"], info);

    let second = asking.data(query, json!({ "after": end })).await["teams"].take();
    assert_eq!(second["nodes"], json!([{ "name": "c" }]));
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    assert_eq!(second["pageInfo"]["hasPreviousPage"], true);

    let query = format!("{{ enrollSecrets(after: {end}) {{ nodes {{ id }} }} }}");
    assert_eq!(asking.code(&query).await, "BAD_USER_INPUT", "a cursor of another list");
    assert_eq!(asking.code("{ teams(first: 101) { totalCount } }").await, "BAD_USER_INPUT");
}

#[tokio::test]
async fn nodes_come_in_the_order_asked() {
    let asking = Asking::admin().await;
    let (a, b) = (asking.team("a").await, asking.team("b").await);
    let absent = "cmp_00000000000000000000000000000001";
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let nodes = asking.data(query, json!({ "ids": [b, "nonsense", a, absent, b] })).await["nodes"].take();
    let team = |id: &Value| json!({ "__typename": "Team", "id": id });
    assert_eq!(nodes, json!([team(&b), null, team(&a), null, team(&b)]));

    let many = vec!["x"; 101];
    let answer = asking.answer(query, json!({ "ids": many })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_secret_is_told_once_and_revoked() {
    let asking = Asking::admin().await;
    let team = asking.team("a").await;
    let query = "mutation($team: ID) { createEnrollSecret(input: {name: \"x\", teamId: $team}) {
        enrollSecret { id name team { id } } secret userErrors { code path } } }";
    let made = asking.data(query, json!({ "team": team })).await["createEnrollSecret"].take();
    assert_eq!(made["enrollSecret"]["team"]["id"], team);
    assert!(made["secret"].is_string(), "{made}");
    let refused = asking.data(query, json!({ "team": "tem_1" })).await["createEnrollSecret"].take();
    assert_eq!(refused["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["teamId"] }]));

    let id = &made["enrollSecret"]["id"];
    let query = "mutation($id: ID!) { revokeEnrollSecret(input: {id: $id}) { revokedEnrollSecretId } }";
    let revoked = asking.data(query, json!({ "id": id })).await;
    assert_eq!(revoked["revokeEnrollSecret"]["revokedEnrollSecretId"], *id);
}

#[tokio::test]
async fn who_may_not_gets_a_user_error() {
    let asking = Asking::user("o@example.com", Role::Observer).await;
    let query = "mutation { createTeam(input: {name: \"a\"}) { team { id } userErrors { code } } }";
    let refused = json!({ "createTeam": { "team": null, "userErrors": [{ "code": "NOT_ALLOWED" }] } });
    assert_eq!(asking.data(query, json!({})).await, refused);
    assert_eq!(asking.code("{ enrollSecrets { nodes { id } } }").await, "FORBIDDEN");
}
