//! Access that is taken away while it is in use: every way to take it, everything that was open, on two servers.
//!
//! Where there is a bus between the servers, only the bus tells them, for they look by themselves once an hour; where
//! there is none, only their own looks do.

use std::sync::Arc;
use std::time::Duration;

use muster::fleet::teams::Team;
use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::campaign::Viewing;
use crate::harness::events::Pieces;
use crate::harness::personas::{PASSWORD, Person};
use crate::harness::server::TestServer;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(
    s28_sessions_end_in_every_way,
    s28_a_session_does_not_come_back,
    s29_users_and_roles_end_in_every_way,
    s30_a_new_password_ends_what_is_open,
    s32_tokens_end_in_every_way
);

const LOGOUT: &str = "mutation { logout { userErrors { code } } }";
const FOLLOW: &str = "subscription($id: ID!) { campaignEvents(campaignId: $id) { isFinal } }";

/// By logging out, by being revoked, by a refresh token that is used twice, by the clock.
async fn s28_sessions_end_in_every_way(world: World) {
    let office = Office::open(world).await;
    for way in ["logout", "revoked", "reused", "over"] {
        let mut person = office.world.person(way, Role::Observer, None).await;
        let refresh = json!({ "refreshToken": person.sign_in().await["refreshToken"] });
        let watching = office.watch(&person).await;
        match way {
            "logout" => drop(person.ask(LOGOUT, json!({})).await),
            "revoked" => {
                let own = "{ viewer { sessions { nodes { id isCurrent } } } }";
                let own = person.ask(own, json!({})).await["viewer"]["sessions"]["nodes"].clone();
                let current = own.as_array().and_then(|all| all.iter().find(|one| one["isCurrent"] == true));
                let id = &current.expect("it is listed")["id"];
                office.done("revokeSession", "revokedSessionId", json!({ "id": id })).await;
            }
            "reused" => {
                for _ in 0..2 {
                    office.world.anonymous().mutate("refreshSession", "expiresAt", refresh.clone()).await;
                }
            }
            _ => office.world.server.advance(Duration::from_mins(15)),
        }
        watching.has_ended(After::Unknown).await;
    }
    office.close().await;
}

/// By being shut out or deleted, and by every change of the roles that let them watch.
async fn s29_users_and_roles_end_in_every_way(world: World) {
    let office = Office::open(world).await;
    let paris = office.world.team("paris").await;
    for way in
        ["disabled", "deleted", "taken", "lowered", "lowered in the team", "taken in the team", "no team"]
    {
        let place = way.contains("team").then_some(&office.berlin);
        let person = office.world.person(&way.replace(' ', "-"), Role::Observer, place).await;
        office.world.give_role(&person, Role::Gitops, &paris).await;
        let watching = office.watch(&person).await;
        let (id, berlin) = (person.id().await.0, &office.berlin.public_id.0);
        let in_team = json!({ "userId": id, "teamId": berlin });
        let after = match way {
            "disabled" => {
                office.done("updateUser", "user { id }", json!({ "id": id, "isDisabled": true })).await;
                After::Unknown
            }
            "deleted" => {
                office.done("deleteUser", "deletedUserId", json!({ "id": id })).await;
                After::Unknown
            }
            "taken" | "lowered" => {
                let role = if way == "taken" { Value::Null } else { json!("GITOPS") };
                office.done("updateUser", "user { id }", json!({ "id": id, "role": role })).await;
                After::Forbidden
            }
            "lowered in the team" => {
                let mut lower = in_team;
                lower["role"] = json!("GITOPS");
                office.done("setTeamRole", "user { id }", lower).await;
                After::Forbidden
            }
            "taken in the team" => {
                office.done("removeTeamRole", "user { id }", in_team).await;
                After::Forbidden
            }
            _ => {
                office.done("deleteTeam", "deletedTeamId", json!({ "id": paris.public_id.0 })).await;
                After::Allowed
            }
        };
        watching.has_ended(after).await;
    }
    office.close().await;
}

/// Who is shut out and let in again signs in anew: what was open before stays over.
async fn s28_a_session_does_not_come_back(world: World) {
    let person = world.person("bob", Role::Observer, None).await;
    let id = person.id().await.0;
    for is_disabled in [true, false] {
        let change = json!({ "id": id, "isDisabled": is_disabled });
        world.admin.mutate("updateUser", "user { id }", change).await;
    }
    assert_eq!(status(&person).await, 401);
    assert_eq!(person.login(PASSWORD).await["userErrors"], json!([]));
}

/// By a change from another session, and by a reset; API tokens go with the first by choice.
async fn s30_a_new_password_ends_what_is_open(world: World) {
    let office = Office::open(world).await;
    for way in ["changed", "changed-with-tokens", "reset"] {
        let mut person = office.world.person(way, Role::Observer, None).await;
        let watching = office.watch(&person).await;
        let program = program(&person).await;
        let by_token = office.watch(&program).await;
        let user = person.sign_in().await["user"]["id"].clone();
        let new = "seventeen lemons on a tram";
        if way == "reset" {
            let made =
                office.world.admin.mutate("createPasswordReset", "token", json!({ "userId": user })).await;
            let input = json!({ "token": made["token"], "newPassword": new });
            let reset = office.world.anonymous().mutate("resetPassword", "reset", input).await;
            assert_eq!(reset["reset"], true, "{reset}");
        } else {
            let revoke = way.contains("tokens");
            let input = json!({ "currentPassword": PASSWORD, "newPassword": new, "revokeApiTokens": revoke });
            let changed = person.mutate("changePassword", "changed", input).await;
            assert_eq!(changed["changed"], true, "{changed}");
            assert_eq!(status(&person).await, 200, "the session that changed it goes on");
        }
        watching.has_ended(After::Unknown).await;
        if way.contains("tokens") {
            by_token.has_ended(After::Unknown).await;
        } else {
            assert_eq!(status(&program).await, 200);
        }
    }
    office.close().await;
}

/// By being revoked, with their user, and by the clock.
async fn s32_tokens_end_in_every_way(world: World) {
    let office = Office::open(world).await;
    for way in ["revoked", "disabled", "over"] {
        let person = office.world.person(way, Role::Observer, None).await;
        let program = program(&person).await;
        let watching = office.watch(&program).await;
        match way {
            "revoked" => {
                let own = "{ viewer { apiTokens { nodes { id } } } }";
                let own = person.ask(own, json!({})).await["viewer"]["apiTokens"]["nodes"][0]["id"].clone();
                office.done("revokeApiToken", "revokedApiTokenId", json!({ "id": own })).await;
            }
            "disabled" => {
                let change = json!({ "id": person.id().await.0, "isDisabled": true });
                office.done("updateUser", "user { id }", change).await;
            }
            _ => office.world.server.advance(Duration::from_hours(24)),
        }
        watching.has_ended(After::Unknown).await;
    }
    office.close().await;
}

/// What a person is afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// Nobody that the servers know.
    Unknown,
    /// Somebody who may not.
    Forbidden,
    /// Somebody who still may, and has to come again.
    Allowed,
}

/// Two servers, and a campaign that awaits a host of a team.
struct Office {
    world: World,
    beside: TestServer,
    berlin: Team,
    campaign: String,
    _host: Agent,
}

impl Office {
    async fn open(world: World) -> Self {
        let berlin = world.team("berlin").await;
        let secret = world.team_secret(&berlin).await;
        let answering = Arc::new(|_: &str| AgentAnswer::one("name", "x"));
        let host = world.host_with("berlin-web", &secret, answering).await;
        let has_bus = world.server.postgres().is_some();
        let world = if has_bus { world } else { world.with_running_tasks().await };
        let beside = world.server.beside().await;
        let campaign = world.admin.start("select name").await;
        beside.fleet.catch_up().await.expect("the store answers");
        Self { world, beside, berlin, campaign, _host: host }
    }

    /// Opens a socket and an export on the other server, and server-sent events on this one.
    async fn watch(&self, person: &Person) -> Watching {
        let there = Person { server: self.beside.address, ..person.clone() };
        let mut socket = there.follow(&self.campaign, None).await;
        assert!(socket.batch().await, "the first batch comes at once");
        let mut events = person.listen(FOLLOW, json!({ "id": self.campaign }), None).await;
        assert_eq!(events.next().await.map(|event| event.name).as_deref(), Some("next"));
        let target = format!("/campaigns/{}/answers.ndjson?follow=1", self.campaign);
        let export = there.open("GET", &target, vec![], "").await;
        assert_eq!(export.status, 200);
        Watching { here: person.clone(), there, socket, events, export }
    }

    /// An administrator does something on this server.
    async fn done(&self, field: &str, shape: &str, input: Value) {
        let mut admin = self.world.admin.clone();
        admin.sign_in().await;
        let payload = admin.mutate(field, shape, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{field}");
    }

    async fn close(self) {
        self.beside.stop().await;
        self.world.server.stop().await;
    }
}

/// What somebody has open.
struct Watching {
    here: Person,
    there: Person,
    socket: Viewing,
    events: Pieces,
    export: Pieces,
}

impl Watching {
    /// Waits until nothing of it is open, and tries to come again.
    async fn has_ended(mut self, after: After) {
        assert_eq!(self.socket.subscription.next().await, Told::Closed(4403), "{}", self.here.email);
        assert_eq!(self.events.next().await, None, "no `complete`: {}", self.here.email);
        assert_eq!(self.export.line().await, None, "{}", self.here.email);
        for person in [&self.here, &self.there] {
            let expected = if after == After::Unknown { 401 } else { 200 };
            assert_eq!(status(person).await, expected, "{}", person.email);
            if after != After::Unknown {
                let seen = person.gql("{ hosts { totalCount } }", json!({})).await;
                let code = seen["errors"][0]["extensions"]["code"].as_str();
                assert_eq!(code, (after == After::Forbidden).then_some("FORBIDDEN"), "{}", person.email);
            }
        }
    }
}

/// The status of the answer to who one is.
async fn status(person: &Person) -> u16 {
    person.post(&json!({ "query": "{ viewer { role } }" })).await.status
}

/// The person's program, with an API token for a day.
async fn program(person: &Person) -> Person {
    let input = json!({ "name": "ci", "scope": "READ", "expiresInDays": 1 });
    let made = person.mutate("createApiToken", "token", input).await;
    Person { token: made["token"].as_str().map(str::to_owned), ..person.clone() }
}
