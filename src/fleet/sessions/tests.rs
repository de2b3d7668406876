//! Sessions on a real database.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::*;
use crate::fleet::testing::{PASSWORD, TestFleet, rejections};
use crate::fleet::users::NewApiToken;
use crate::fleet::{RejectionCode, Settings};
use crate::policy::{Denied, Role};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const WRONG_PASSWORD: [(RejectionCode, &str); 1] = [(RejectionCode::InvalidCredentials, "password")];
const WRONG_TOKEN: [(RejectionCode, &str); 1] = [(RejectionCode::InvalidCredentials, "refreshToken")];

async fn with_ada() -> TestFleet {
    let fleet = TestFleet::new().await;
    fleet.user("ada@example.com", Role::Admin, None).await;
    fleet
}

async fn sign_in(fleet: &Fleet) -> SignIn {
    fleet.login("Ada@Example.com", PASSWORD, HERE).await.expect("the password is right")
}

async fn who(fleet: &Fleet, bearer: &str) -> Option<Actor> {
    match fleet.authenticate(bearer).await.expect("the database answers") {
        Authentication::Known(actor, _) => Some(actor),
        Authentication::Refused => None,
    }
}

async fn api_token(fleet: &Fleet) -> String {
    let day = Duration::from_hours(24);
    let made = fleet.create_api_token(&Actor::System, NewApiToken::whole("ada@example.com", "ci", day)).await;
    made.expect("ada is there").1
}

async fn activities(fleet: &Fleet, kind: &str) -> u64 {
    let found = entity::activities::Entity::find().filter(entity::activities::Column::Kind.eq(kind));
    found.count(fleet.store.reader()).await.expect("the database answers")
}

async fn disable(fleet: &Fleet, user: UserId) {
    let tx = fleet.store.begin().await.expect("the database answers");
    let update = entity::users::Entity::update_many()
        .col_expr(entity::users::Column::DisabledAt, Expr::value(1))
        .filter(entity::users::Column::Id.eq(user));
    update.exec(&tx).await.expect("the user is there");
    tx.commit().await.expect("the database answers");
    fleet.sessions.forget_user(user);
}

#[tokio::test]
async fn s27_what_is_opened_with_a_token_ends_soon_whatever_the_token_says() {
    let fleet = with_ada().await;
    let signed_in = sign_in(&fleet).await;
    let session =
        entity::sessions::Entity::find().one(fleet.store.reader()).await.expect("the database answers");
    let session = session.expect("ada is signed in").public_id;
    let (now, month) = (fleet.fleet.clock.now(), Duration::from_hours(30 * 24));
    let tokens = fleet.access_tokens().await.expect("the database answers");
    let (forged, _) = tokens.issue(&signed_in.user.public_id, &session, now, month);
    let known = fleet.authenticate(&forged).await.expect("the database answers");
    let soon = now.plus(fleet.settings.access_token_ttl);
    assert!(matches!(known, Authentication::Known(_, Some(until)) if until == soon), "{known:?}");
}

#[tokio::test]
async fn who_signs_in_is_known_until_the_access_token_ends() {
    let fleet = with_ada().await;
    let signed_in = sign_in(&fleet).await;
    let Some(Actor::User(actor)) = who(&fleet, &signed_in.access_token).await else {
        panic!("the token is fresh");
    };
    assert_eq!(actor.public_id, signed_in.user.public_id);
    assert_eq!(actor.roles.global, Some(Role::Admin));
    assert_eq!(signed_in.user.email.as_deref(), Some("ada@example.com"));
    assert_eq!(activities(&fleet, "session.started").await, 1);
    fleet.clock.advance(Duration::from_mins(15));
    assert_eq!(who(&fleet, &signed_in.access_token).await, None);
}

#[tokio::test]
async fn a_known_credential_costs_no_statement() {
    let fleet = with_ada().await;
    let (session, token) = (sign_in(&fleet).await.access_token, api_token(&fleet).await);
    let actor = who(&fleet, &session).await.expect("the session is live");
    who(&fleet, &token).await.expect("the token is live");
    let before = fleet.store.statements();
    for _ in 0..3 {
        assert!(who(&fleet, &session).await.is_some());
        assert!(who(&fleet, &token).await.is_some());
        assert_eq!(fleet.refresh_actor(&actor).await.ok().flatten().as_ref(), Some(&actor));
    }
    assert_eq!(fleet.store.statements(), before);
}

#[tokio::test]
async fn wrong_unknown_and_disabled_get_the_same_answer() {
    let fleet = with_ada().await;
    let bob = fleet.user("bob@example.com", Role::Observer, None).await;
    disable(&fleet, bob.id).await;
    for (email, password) in [
        ("ada@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("bob@example.com", PASSWORD),
        ("no e-mail", PASSWORD),
        ("", ""),
    ] {
        assert_eq!(rejections(fleet.login(email, password, HERE).await), WRONG_PASSWORD, "{email}");
    }
    assert_eq!(activities(&fleet, "session.failed").await, 5);
}

#[tokio::test]
async fn ten_failures_close_the_door_for_the_account_from_that_source() {
    let fleet = with_ada().await;
    for _ in 0..10 {
        assert_eq!(rejections(fleet.login("ada@example.com", "wrong", HERE).await), WRONG_PASSWORD);
    }
    let refused = fleet.login("ada@example.com", PASSWORD, HERE).await;
    assert!(matches!(refused, Err(FleetError::RateLimited(900))), "{refused:?}");
    fleet.login("ada@example.com", PASSWORD, ELSEWHERE).await.expect("the real user is elsewhere");
    fleet.clock.advance(Duration::from_mins(15));
    sign_in(&fleet).await;
}

#[tokio::test]
async fn a_stronger_setting_rehashes_at_the_next_sign_in() {
    let fleet = with_ada().await;
    let stronger = fleet.another(|settings: &mut Settings| settings.argon2_memory_kib = 16).await;
    sign_in(&stronger).await;
    let found = users::by_email(fleet.store.reader(), &Scope::system(), "ada@example.com").await;
    let hash = found.expect("the database answers").expect("ada is there").user.password_hash;
    assert!(hash.contains("m=16,"), "{hash}");
    sign_in(&stronger).await;
}

#[tokio::test]
async fn a_refresh_rotates_and_extends() {
    let fleet = with_ada().await;
    let first = sign_in(&fleet).await;
    fleet.clock.advance(Duration::from_hours(20 * 24));
    let second = fleet.refresh_session(&first.refresh_token).await.expect("the token is in force");
    assert_ne!(first.refresh_token, second.refresh_token);
    assert!(who(&fleet, &second.access_token).await.is_some());
    fleet.clock.advance(Duration::from_hours(20 * 24));
    let third = fleet.refresh_session(&second.refresh_token).await.expect("the refresh moved its end");
    assert!(who(&fleet, &third.access_token).await.is_some());
    fleet.clock.advance(Duration::from_hours(30 * 24));
    assert_eq!(rejections(fleet.refresh_session(&third.refresh_token).await), WRONG_TOKEN);
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session_at_once() {
    let fleet = with_ada().await;
    let first = sign_in(&fleet).await;
    let second = fleet.refresh_session(&first.refresh_token).await.expect("the token is in force");
    let other = sign_in(&fleet).await;
    assert!(who(&fleet, &second.access_token).await.is_some());
    assert_eq!(rejections(fleet.refresh_session(&first.refresh_token).await), WRONG_TOKEN);
    assert_eq!(who(&fleet, &second.access_token).await, None);
    assert_eq!(rejections(fleet.refresh_session(&second.refresh_token).await), WRONG_TOKEN);
    assert_eq!(activities(&fleet, "session.ended").await, 1);
    assert!(who(&fleet, &other.access_token).await.is_some(), "another session goes on");
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins_and_the_session_ends() {
    let fleet = with_ada().await;
    let first = sign_in(&fleet).await;
    let (one, two) = tokio::join!(
        fleet.refresh_session(&first.refresh_token),
        fleet.refresh_session(&first.refresh_token),
    );
    assert_eq!([&one, &two].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(who(&fleet, &first.access_token).await, None);
}

#[tokio::test]
async fn texts_that_are_no_credential_are_refused() {
    let fleet = with_ada().await;
    for text in
        ["", "a.b.c", "..", "mst_", "mst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"x".repeat(10_000)]
    {
        assert_eq!(who(&fleet, text).await, None);
        assert_eq!(rejections(fleet.refresh_session(text).await), WRONG_TOKEN);
    }
}

#[tokio::test]
async fn a_logout_is_in_force_here_at_once_and_elsewhere_with_the_changes() {
    let fleet = with_ada().await;
    let elsewhere = fleet.another(|_| ()).await;
    let signed_in = sign_in(&fleet).await;
    let actor = who(&fleet, &signed_in.access_token).await.expect("the session is live");
    assert!(who(&elsewhere, &signed_in.access_token).await.is_some());
    fleet.logout(&actor).await.expect("the session is live");
    assert_eq!(who(&fleet, &signed_in.access_token).await, None);
    assert_eq!(fleet.refresh_actor(&actor).await.ok(), Some(None));
    elsewhere.catch_up().await.expect("the database answers");
    assert_eq!(who(&elsewhere, &signed_in.access_token).await, None);
    fleet.logout(&actor).await.expect("a second logout is harmless");
    assert_eq!(activities(&fleet, "session.ended").await, 1);
}

#[tokio::test]
async fn only_who_is_signed_in_can_sign_out() {
    let fleet = with_ada().await;
    let outcome = fleet.logout(&Actor::Anonymous).await;
    assert!(matches!(outcome, Err(FleetError::Denied(Denied::Unauthenticated))), "{outcome:?}");
    let token = api_token(&fleet).await;
    let program = who(&fleet, &token).await.expect("the token is live");
    fleet.logout(&program).await.expect("no effect");
    assert!(who(&fleet, &token).await.is_some());
}

#[tokio::test]
async fn a_disabled_user_is_out_with_every_credential() {
    let fleet = with_ada().await;
    let signed_in = sign_in(&fleet).await;
    let token = api_token(&fleet).await;
    assert!(who(&fleet, &signed_in.access_token).await.is_some() && who(&fleet, &token).await.is_some());
    disable(&fleet, signed_in.user.id).await;
    assert_eq!(who(&fleet, &signed_in.access_token).await, None);
    assert_eq!(who(&fleet, &token).await, None);
    assert_eq!(rejections(fleet.refresh_session(&signed_in.refresh_token).await), WRONG_TOKEN);
}

#[tokio::test]
async fn an_api_token_ends_by_the_clock_and_its_use_is_written_later() {
    let fleet = with_ada().await;
    let token = api_token(&fleet).await;
    let actor = who(&fleet, &token).await.expect("the token is live");
    let used = |row: Option<crate::fleet::users::ApiToken>| row.and_then(|row| row.last_used_at);
    let minute = Timestamp(fleet.fleet.clock.now().0 / 60_000 * 60_000);
    assert_eq!(fleet.api_token_of(&actor).await.ok().and_then(used), Some(minute));
    fleet.flush_token_uses().await.expect("the database answers");
    assert_eq!(fleet.api_token_of(&actor).await.ok().and_then(used), Some(minute));
    let before = fleet.store.statements();
    who(&fleet, &token).await.expect("the token is live");
    fleet.flush_token_uses().await.expect("the database answers");
    assert_eq!(fleet.store.statements(), before, "the same minute is written once");
    fleet.clock.advance(Duration::from_hours(24));
    assert_eq!(who(&fleet, &token).await, None);
}
