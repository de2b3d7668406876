//! People, with what their role lets them do, who speak to the server over HTTP and WebSocket.

use std::net::SocketAddr;

use entity::id::PublicId;
use muster::fleet::Fleet;
use muster::fleet::teams::Team;
use muster::fleet::users::NewUser;
use muster::policy::{Actor, Role};
use serde_json::{Value, json};

use super::socket::Subscription;
use super::wire::{self, Response};
use super::within_deadline;

/// Password of every person here.
pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody at a keyboard.
#[derive(Clone, Debug)]
pub struct Person {
    /// The server they speak to.
    pub server: SocketAddr,
    /// E-mail to sign in with; empty for somebody who has none.
    pub email: String,
    /// Access token; none for somebody who has not signed in.
    pub token: Option<String>,
}

impl Person {
    /// Somebody who has not signed in.
    pub fn anonymous(server: SocketAddr) -> Self {
        Self { server, email: String::new(), token: None }
    }

    /// Makes a user with this role, in a team or global, and signs them in.
    pub async fn hire(
        server: SocketAddr,
        fleet: &Fleet,
        name: &str,
        role: Role,
        team: Option<&Team>,
    ) -> Self {
        let email = format!("{name}@muster.test");
        let new = NewUser {
            email: email.clone(),
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            role,
            team: team.map(|team| team.public_id.clone()),
        };
        fleet.create_user(&Actor::System, new).await.expect("the name is free");
        let mut person = Self { server, email, token: None };
        person.sign_in().await;
        person
    }

    /// Signs in by password; answers the whole payload.
    pub async fn sign_in(&mut self) -> Value {
        let payload = self.login(PASSWORD).await;
        let token = payload["accessToken"].as_str();
        self.token = Some(token.unwrap_or_else(|| panic!("no access token: {payload}")).to_owned());
        payload
    }

    /// The outside id of the user.
    pub async fn id(&self) -> PublicId {
        let seen = self.ask("{ viewer { actor { ... on User { id } } } }", json!({})).await;
        PublicId(seen["viewer"]["actor"]["id"].as_str().expect("somebody is signed in").to_owned())
    }

    /// Tries a password; answers the payload.
    pub async fn login(&self, password: &str) -> Value {
        let query = "mutation($input: LoginInput!) { login(input: $input) {
            accessToken refreshToken expiresAt user { id displayName } userErrors { message path code } } }";
        let input = json!({ "input": { "email": self.email, "password": password } });
        let nobody = Self::anonymous(self.server);
        nobody.ask(query, input).await["login"].clone()
    }

    /// Sends an operation and answers what the response of GraphQL says of it: `data`, `errors`. What it cost, which is
    /// never the same twice, is left out.
    pub async fn gql(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.post(&json!({ "query": query, "variables": variables })).await.json();
        answer.as_object_mut().expect("an answer is an object").remove("extensions");
        answer
    }

    /// Sends an operation that must be executed and answers what it cost: `extensions.cost`.
    pub async fn cost(&self, query: &str, variables: Value) -> Value {
        let answer = self.post(&json!({ "query": query, "variables": variables })).await.json();
        assert_eq!(answer.get("errors"), None, "{query}: {answer}");
        answer["extensions"]["cost"].clone()
    }

    /// Sends an operation that must not have errors and answers its `data`.
    #[track_caller]
    pub fn ask(&self, query: &str, variables: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let response = self.gql(query, variables).await;
            assert!(response.get("errors").is_none(), "{caller}: {response}");
            response["data"].clone()
        }
    }

    /// Sends a mutation of one field with an `input`, and answers the field's payload with its `userErrors`; `shape`
    /// is the selection beside them.
    pub async fn mutate(&self, field: &str, shape: &str, input: Value) -> Value {
        let mut kind = field.to_owned();
        kind[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {shape} userErrors {{ message path code }} }} }}"
        );
        self.ask(&query, json!({ "input": input })).await[field].clone()
    }

    /// Posts a body to the endpoint.
    pub async fn post(&self, body: &Value) -> Response {
        let authorization = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Content-Type", "application/json"), ("Accept", "application/json")];
        headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        let request = wire::request("POST", "/graphql", &headers, body.to_string().as_bytes());
        within_deadline("an answer of GraphQL", wire::exchange(self.server, &request))
            .await
            .expect("it answers")
    }

    /// Subscribes on a socket of its own.
    pub async fn subscribe(&self, query: &str, variables: Value) -> Subscription {
        Subscription::start(self.server, self.token.as_deref(), query, variables).await
    }
}
