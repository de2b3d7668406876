//! Users, their roles, and invitations: who may give what to whom, and how it ends.

use std::time::Duration;

use entity::users;
use futures_util::future::join_all;
use muster::fleet::users::UserChange;
use muster::policy::Role;
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::agent::body::keyed;
use crate::harness::agent::raw::{assert_node_invalid, assert_success, post};
use crate::harness::personas::{PASSWORD, Person};
use crate::harness::services::postgres::connect;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(
    users_are_managed,
    the_last_admin_stays,
    two_admins_cannot_take_each_other_away,
    s29_a_lost_team_ends_its_part_of_a_stream,
    s31_an_invitation_is_used_once,
    an_invitation_is_worth_what_its_maker_may_give,
    an_account_that_is_there_takes_the_role,
    s41_a_team_learns_of_no_account,
    s45_nobody_raises_themselves,
    s46_a_role_ends_on_every_server
);

/// Made, found, changed, shut out, deleted; a page and a count agree.
async fn users_are_managed(world: World) {
    let berlin = world.team("berlin").await;
    let input = json!({ "email": "Ada@muster.test", "displayName": "Ada", "password": PASSWORD,
        "role": "OBSERVER", "teamId": berlin.public_id.0 });
    let made = world.admin.mutate("createUser", "user { id email role } userEdge { cursor }", input).await;
    let id = made["user"]["id"].as_str().expect("it is made").to_owned();
    assert_eq!(made["user"]["email"], "ada@muster.test");
    let mut ada = Person { email: "ada@muster.test".into(), ..world.anonymous() };
    ada.sign_in().await;
    let list = "query($s: String, $t: ID) { users(search: $s, teamId: $t) { totalCount nodes {
        displayName role teamRoles { team { name } role } disabledAt } } }";
    let found = world.admin.ask(list, json!({ "s": "ADA@", "t": berlin.public_id.0 })).await["users"].clone();
    let role = json!([{ "team": { "name": "berlin" }, "role": "OBSERVER" }]);
    let node = json!({ "displayName": "Ada", "role": null, "teamRoles": role, "disabledAt": null });
    assert_eq!(found, json!({ "totalCount": 1, "nodes": [node] }));
    let update = json!({ "id": id, "displayName": "Ada L.", "isDisabled": true });
    let changed = world.admin.mutate("updateUser", "user { displayName disabledAt }", update).await;
    assert_eq!(changed["user"]["displayName"], "Ada L.");
    assert!(changed["user"]["disabledAt"].is_string());
    assert_eq!(ada.post(&json!({ "query": "{ viewer { role } }" })).await.status, 401);
    assert_eq!(ada.login(PASSWORD).await["accessToken"], Value::Null);
    let deleted = world.admin.mutate("deleteUser", "deletedUserId", json!({ "id": id })).await;
    assert_eq!(deleted["deletedUserId"], json!(id));
    let again = world.admin.mutate("deleteUser", "deletedUserId", json!({ "id": id })).await;
    assert_eq!(again["userErrors"][0]["code"], "NOT_FOUND");
}

/// The only enabled admin is neither demoted, disabled nor deleted, not even by the command line.
async fn the_last_admin_stays(world: World) {
    let id = world.admin.id().await;
    let fleet = &world.server.fleet;
    let system = muster::policy::Actor::System;
    let demoted = UserChange { role: Some(Some(Role::Maintainer)), ..UserChange::default() };
    let disabled = UserChange { is_disabled: Some(true), ..UserChange::default() };
    for change in [demoted, disabled] {
        fleet.update_user(&system, &id, change).await.expect_err("it is the last one");
    }
    fleet.delete_user(&system, &id).await.expect_err("it is the last one");
    let second = world.person("second", Role::Admin, None).await;
    let demote = json!({ "id": id.0, "role": "OBSERVER" });
    let done = second.mutate("updateUser", "user { role }", demote).await;
    assert_eq!(done["user"]["role"], "OBSERVER", "there is another one now");
    let refused =
        world.admin.mutate("deleteUser", "deletedUserId", json!({ "id": second.id().await.0 })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "an observer deletes nobody");
}

/// Admins who demote each other at the same moment: one is left, on both databases.
async fn two_admins_cannot_take_each_other_away(world: World) {
    for round in 0..5 {
        let one = world.person(&format!("one-{round}"), Role::Admin, None).await;
        let other = world.person(&format!("other-{round}"), Role::Admin, None).await;
        let (one_id, other_id) = (one.id().await, other.id().await);
        let first = json!({ "id": world.admin.id().await.0, "role": null });
        if round == 0 {
            one.mutate("updateUser", "user { id }", first).await;
        }
        let demote = |id: &str| {
            json!({ "query": "mutation($i: UpdateUserInput!) { updateUser(input: $i) {
            user { id } userErrors { code } } }", "variables": { "i": { "id": id, "role": null } } })
        };
        let (first, second) = (demote(&other_id.0), demote(&one_id.0));
        tokio::join!(one.post(&first), other.post(&second));
        let db = connect(&world.server.database_url()).await;
        let admins = users::Entity::find()
            .filter(users::Column::Role.eq(Role::Admin))
            .filter(users::Column::DisabledAt.is_null());
        let left = admins.count(&db).await.expect("the store answers");
        assert!(left >= 1, "an admin is left");
        db.close().await.expect("a connection closes");
    }
}

/// Who loses one of two teams while they watch both gets no further row of it: the socket is closed so that it comes
/// back with the roles of now, and what follows is of the other team alone.
async fn s29_a_lost_team_ends_its_part_of_a_stream(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let mut hosts = Vec::new();
    for team in [&berlin, &paris] {
        let (name, secret) = (format!("{}-web", team.name), world.team_secret(team).await);
        let answering = std::sync::Arc::new(|_: &str| AgentAnswer::one("name", "x"));
        hosts.push(world.host_with(&name, &secret, answering).await);
    }
    let both = world.person("both", Role::Observer, Some(&berlin)).await;
    world.give_role(&both, Role::Observer, &paris).await;
    let id = world.admin.start("select name").await;
    let mut viewing = both.follow(&id, None).await;
    assert!(viewing.batch().await, "the first batch comes at once");
    assert_eq!(viewing.last["totals"]["targeted"], 2);
    world.take_role(&both, &paris).await;
    hosts[1].poll().await.expect("an answer");
    let seen = loop {
        match viewing.subscription.next().await {
            Told::Next(result) => assert!(!result.to_string().contains("paris"), "{result}"),
            told => break told,
        }
    };
    assert_eq!(seen, Told::Closed(4403));
    let viewing = both.follow(&id, Some(&viewing.cursor())).await;
    hosts[0].poll().await.expect("an answer");
    let events = viewing.to_the_end().await;
    assert!(events.iter().all(|event| !event.to_string().contains("paris")), "{events:?}");
    assert_eq!(events.last().expect("an end")["totals"]["targeted"], 1);
}

/// A token makes one account, however many use it at once; it ends by itself and by being revoked; the store has no
/// copy of it.
async fn s31_an_invitation_is_used_once(world: World) {
    let input = json!({ "email": "Grace@muster.test", "role": "MAINTAINER" });
    let (_, token) = invite(&world.admin, input.clone()).await;
    let nobody = world.anonymous();
    let answers = join_all((0..8).map(|_| accept(&nobody, &token))).await;
    let made = answers.iter().filter(|answer| answer["user"].is_object()).count();
    assert_eq!(made, 1, "{answers:?}");
    let mut grace = Person { email: "grace@muster.test".into(), ..world.anonymous() };
    let payload = grace.sign_in().await;
    assert_eq!(payload["user"]["displayName"], "New");
    assert_eq!(accept(&nobody, &token).await["userErrors"][0]["code"], "NOT_FOUND");
    let db = connect(&world.server.database_url()).await;
    let rows = entity::invitations::Entity::find().all(&db).await.expect("the store answers");
    assert!(rows.iter().all(|row| !format!("{row:?}").contains(&token)) && rows[0].token_hash.len() == 32);
    db.close().await.expect("a connection closes");
    let (_, late) = invite(&world.admin, json!({ "email": "late@muster.test", "role": "OBSERVER" })).await;
    world.server.advance(Duration::from_hours(72));
    assert_eq!(accept(&nobody, &late).await["userErrors"][0]["code"], "NOT_FOUND");
    let mut admin = world.admin.clone();
    admin.sign_in().await;
    let (id, revoked) = invite(&admin, json!({ "email": "lea@muster.test", "role": "OBSERVER" })).await;
    admin.mutate("revokeInvitation", "revokedInvitationId", json!({ "id": id })).await;
    assert_eq!(accept(&nobody, &revoked).await["userErrors"][0]["code"], "NOT_FOUND");
    for seconds in [59, 432_001] {
        let input = json!({ "email": "x@muster.test", "role": "OBSERVER", "expiresInSeconds": seconds });
        let refused = admin.mutate("createInvitation", "token", input).await;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{seconds} s");
    }
}

/// An invitation of somebody who may not give that role any more is worth nothing.
async fn an_invitation_is_worth_what_its_maker_may_give(world: World) {
    let berlin = world.team("berlin").await;
    let chief = world.person("chief", Role::Admin, Some(&berlin)).await;
    let input = json!({ "email": "mole@muster.test", "role": "ADMIN", "teamId": berlin.public_id.0 });
    let (_, token) = invite(&chief, input).await;
    world.take_role(&chief, &berlin).await;
    assert_eq!(accept(&world.anonymous(), &token).await["userErrors"][0]["code"], "NOT_FOUND");
    world.give_role(&chief, Role::Admin, &berlin).await;
    let accepted = accept(&world.anonymous(), &token).await;
    assert!(accepted["user"].is_object(), "{accepted}");
}

/// Who has an account of that e-mail takes the role by signing in; nobody else takes it over.
async fn an_account_that_is_there_takes_the_role(world: World) {
    let berlin = world.team("berlin").await;
    let ada = world.person("ada", Role::Observer, None).await;
    let input = json!({ "email": "ada@muster.test", "role": "MAINTAINER", "teamId": berlin.public_id.0 });
    let (_, token) = invite(&world.admin, input).await;
    let other = world.person("other", Role::Observer, None).await;
    let unknown = accept(&world.anonymous(), &"x".repeat(token.len())).await["userErrors"].clone();
    for person in [world.anonymous(), other] {
        let told = accept(&person, &token).await["userErrors"].clone();
        assert_eq!(told, unknown, "nobody learns that the e-mail has an account");
    }
    let accepted = accept(&ada, &token).await;
    assert_eq!(accepted["userErrors"], json!([]));
    let seen = ada.ask("{ viewer { role teamRoles { role } } }", json!({})).await["viewer"].clone();
    assert_eq!(seen, json!({ "role": "OBSERVER", "teamRoles": [{ "role": "MAINTAINER" }] }));
    ada.login(PASSWORD).await["accessToken"].as_str().expect("the password is the old one");
}

/// Whoever manages one team makes no accounts and sets no passwords: they invite, and are told the same whether the
/// e-mail has an account or not.
async fn s41_a_team_learns_of_no_account(world: World) {
    let berlin = world.team("berlin").await;
    let chief = world.person("chief", Role::Admin, Some(&berlin)).await;
    let taken = world.person("taken", Role::Observer, None).await;
    let (mut made, mut invited) = (Vec::new(), Vec::new());
    for email in ["taken@muster.test", "free@muster.test"] {
        let user = json!({ "email": email, "displayName": "x", "password": PASSWORD, "role": "OBSERVER",
            "teamId": berlin.public_id.0 });
        made.push(chief.mutate("createUser", "user { id }", user).await);
        let input = json!({ "email": email, "role": "OBSERVER", "teamId": berlin.public_id.0 });
        invited.push(chief.mutate("createInvitation", "invitation { role }", input).await);
    }
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0]["userErrors"][0]["code"], "NOT_ALLOWED");
    assert_eq!(invited[0], invited[1]);
    let searched = "{ users(search: \"taken@\") { totalCount nodes { id } } }";
    assert_eq!(chief.ask(searched, json!({})).await["users"], json!({ "totalCount": 0, "nodes": [] }));
    let reset = chief.mutate("createPasswordReset", "token", json!({ "userId": taken.id().await.0 })).await;
    assert_eq!(reset["userErrors"][0]["code"], "NOT_ALLOWED");
}

/// The admin of a team makes nobody a global admin, changes no role of their own, and reaches into no other team; that
/// they tried is on record.
async fn s45_nobody_raises_themselves(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let chief = world.person("chief", Role::Admin, Some(&berlin)).await;
    let member = world.person("member", Role::Observer, Some(&berlin)).await;
    let (own, theirs) = (chief.id().await.0, member.id().await.0);
    let before = refusals(&world).await;
    for (field, shape, input, code) in [
        ("updateUser", "user { id }", json!({ "id": own, "role": "ADMIN" }), "NOT_ALLOWED"),
        ("updateUser", "user { id }", json!({ "id": theirs, "role": "ADMIN" }), "NOT_ALLOWED"),
        ("deleteUser", "deletedUserId", json!({ "id": theirs }), "NOT_ALLOWED"),
        (
            "setTeamRole",
            "user { id }",
            json!({ "userId": own, "teamId": berlin.public_id.0, "role": "OBSERVER" }),
            "NOT_ALLOWED",
        ),
        (
            "setTeamRole",
            "user { id }",
            json!({ "userId": own, "teamId": paris.public_id.0, "role": "ADMIN" }),
            "NOT_FOUND",
        ),
        (
            "setTeamRole",
            "user { id }",
            json!({ "userId": theirs, "teamId": paris.public_id.0, "role": "ADMIN" }),
            "NOT_FOUND",
        ),
        ("createInvitation", "token", json!({ "email": "x@muster.test", "role": "ADMIN" }), "NOT_ALLOWED"),
        (
            "createInvitation",
            "token",
            json!({ "email": "x@muster.test", "role": "ADMIN", "teamId": paris.public_id.0 }),
            "NOT_FOUND",
        ),
        ("deleteTeam", "deletedTeamId", json!({ "id": berlin.public_id.0 }), "NOT_ALLOWED"),
        ("updateTeam", "team { id }", json!({ "id": berlin.public_id.0, "name": "paris" }), "NOT_ALLOWED"),
    ] {
        let refused = chief.mutate(field, shape, input.clone()).await;
        assert_eq!(refused["userErrors"][0]["code"], code, "{field} {input}");
    }
    assert_eq!(refusals(&world).await - before, 4, "tries on users are on record");
    let input = json!({ "userId": theirs, "teamId": berlin.public_id.0, "role": "MAINTAINER" });
    let given = chief.mutate("setTeamRole", "user { teamRoles { role } }", input).await;
    assert_eq!(given["user"]["teamRoles"], json!([{ "role": "MAINTAINER" }]), "in their own team they may");
    let admin = world.admin.id().await.0;
    let refused = world.admin.mutate("updateUser", "user { id }", json!({ "id": admin, "role": null })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "not even a global admin");
}

/// A role that is taken away on one server is gone on the others once they have looked.
async fn s46_a_role_ends_on_every_server(world: World) {
    let berlin = world.team("berlin").await;
    let observer = world.person("observer", Role::Observer, Some(&berlin)).await;
    let beside = world.server.beside().await;
    let there = Person { server: beside.address, ..observer.clone() };
    let query = "{ teams { totalCount } }";
    assert_eq!(there.ask(query, json!({})).await["teams"]["totalCount"], 1);
    world.take_role(&observer, &berlin).await;
    beside.fleet.catch_up().await.expect("the store answers");
    let refused = there.gql(query, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    // As does a host: what the other server remembers of its key is gone.
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("it is enrolled");
    assert_success(&post(beside.address, "config", &[], keyed(&key)).await);
    let id =
        world.admin.ask("{ hosts { nodes { id } } }", json!({})).await["hosts"]["nodes"][0]["id"].clone();
    world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [id] })).await;
    beside.fleet.catch_up().await.expect("the store answers");
    assert_node_invalid(&post(beside.address, "config", &[], keyed(&key)).await);
    beside.stop().await;
}

/// Invites; answers id and token.
async fn invite(person: &Person, input: Value) -> (String, String) {
    let made = person.mutate("createInvitation", "invitation { id } token", input).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (text(&made["invitation"]["id"]), text(&made["token"]))
}

async fn accept(person: &Person, token: &str) -> Value {
    let input = json!({ "token": token, "displayName": "New", "password": PASSWORD });
    person.mutate("acceptInvitation", "user { id }", input).await
}

/// How many refusals are on record.
async fn refusals(world: &World) -> u64 {
    use entity::activities::{Column, Entity};
    let db = connect(&world.server.database_url()).await;
    let refused = Entity::find().filter(Column::Kind.eq("access.refused")).count(&db).await;
    db.close().await.expect("a connection closes");
    refused.expect("the store answers")
}
