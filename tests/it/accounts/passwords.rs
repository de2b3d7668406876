//! Changing a password, and getting back in without one.

use std::time::Duration;

use serde_json::{Value, json};

use super::{is_known, with_token};
use crate::harness::personas::{PASSWORD, Person};
use crate::harness::world::{World, on_both};
use muster::policy::Role;

on_both!(s30_password_change, s31_password_reset, common_passwords);

const NEW: &str = "seventeen lemons on a tram";

async fn change(person: &Person, current: &str, new: &str, tokens: bool) -> Value {
    let input = json!({ "currentPassword": current, "newPassword": new, "revokeApiTokens": tokens });
    person.mutate("changePassword", "changed", input).await
}

async fn api_token(person: &Person) -> Person {
    let made = person.mutate("createApiToken", "token", json!({ "name": "ci", "scope": "READ" })).await;
    with_token(person, &made["token"])
}

async fn reset_token(world: &World, user: &Value) -> Value {
    let shape = "token expiresAt";
    world.admin.mutate("createPasswordReset", shape, json!({ "userId": user })).await["token"].clone()
}

async fn reset(world: &World, token: &Value, new: &str) -> Value {
    let input = json!({ "token": token, "newPassword": new });
    world.anonymous().mutate("resetPassword", "reset", input).await
}

/// A new password ends every other session and every reset, and, if wanted, API tokens; on other servers too.
async fn s30_password_change(world: World) {
    let beside = world.server.beside().await;
    let mut here = world.person("bob", Role::Observer, None).await;
    let payload = here.sign_in().await;
    let mut other = here.clone();
    other.sign_in().await;
    let elsewhere = Person { server: beside.address, ..other.clone() };
    assert!(is_known(&elsewhere).await);
    let program = api_token(&here).await;
    let pending = reset_token(&world, &payload["user"]["id"]).await;

    let wrong = change(&here, "wrong", NEW, false).await;
    assert_eq!(wrong["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    assert_eq!(
        change(&here, PASSWORD, "short", false).await["userErrors"][0]["path"],
        json!(["newPassword"])
    );
    assert!(is_known(&other).await);
    assert_eq!(change(&here, PASSWORD, NEW, false).await["changed"], true);
    beside.fleet.catch_up().await.expect("the store answers");
    assert!(is_known(&here).await, "the session that changed it goes on");
    assert!(!is_known(&other).await && !is_known(&elsewhere).await);
    assert!(is_known(&program).await, "API tokens by choice");
    assert_eq!(reset(&world, &pending, PASSWORD).await["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    assert_eq!(here.login(PASSWORD).await["userErrors"][0]["code"], "INVALID_CREDENTIALS");

    assert_eq!(change(&here, NEW, PASSWORD, true).await["changed"], true);
    assert!(!is_known(&program).await);
    beside.stop().await;
}

/// A reset works once, within an hour, for the user it was made for; and ends every session.
async fn s31_password_reset(world: World) {
    let mut bob = world.person("bob", Role::Observer, None).await;
    let user = bob.sign_in().await["user"]["id"].clone();
    let refused = bob.mutate("createPasswordReset", "token", json!({ "userId": user })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
    let first = reset_token(&world, &user).await;
    assert_eq!(reset(&world, &first, "password1234").await["userErrors"][0]["path"], json!(["newPassword"]));
    let second = reset_token(&world, &user).await;
    assert_eq!(reset(&world, &first, NEW).await["reset"], true);
    assert!(!is_known(&bob).await);
    assert_eq!(bob.login(NEW).await["userErrors"], json!([]));
    for used in [&first, &second, &json!("x"), &json!("")] {
        let again = reset(&world, used, PASSWORD).await;
        assert_eq!(again["userErrors"][0]["code"], "INVALID_CREDENTIALS", "{used}");
    }
    let late = reset_token(&world, &user).await;
    world.server.advance(Duration::from_hours(1));
    assert_eq!(reset(&world, &late, PASSWORD).await["userErrors"][0]["code"], "INVALID_CREDENTIALS");
}

/// What everybody tries first is no password.
async fn common_passwords(world: World) {
    let admin = &world.admin;
    for common in ["password1234", "P@ssw0rd2026!", "aaaaaaaaaaaaa", "123456789012", "admin@2026!!"] {
        let refused = change(admin, PASSWORD, common, false).await;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{common}");
    }
    assert!(is_known(admin).await);
}
