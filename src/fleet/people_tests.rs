//! Users, teams, enroll secrets and idempotency on a real database.

use std::time::Duration;

use entity::id::{PublicId, SessionId, TeamId};
use futures_util::future::join_all;

use super::enroll_secrets::{EnrollSecret, NewEnrollSecret};
use super::teams::Team;
use super::testing::{PASSWORD, TestFleet, rejections};
use super::users::{NewApiToken, NewUser, User};
use super::{Fleet, FleetError, RejectionCode};
use crate::policy::{Actor, Credential, Denied, Role, UserActor};
use crate::store::page::PageRequest;

fn acting(user: &User) -> Actor {
    Actor::User(UserActor {
        id: user.id,
        public_id: user.public_id.clone(),
        name: user.name.clone(),
        credential: Credential::Session(SessionId(1)),
        roles: user.roles.clone(),
        source: None,
        signed_by: None,
    })
}

fn new_user(email: &str) -> NewUser {
    let (email, name, password) = (email.to_owned(), "Ada".to_owned(), PASSWORD.to_owned());
    NewUser { email, name, password, role: Role::Observer, team: None }
}

async fn team(fleet: &Fleet, name: &str) -> Team {
    fleet.create_team(&Actor::System, name, None, None).await.expect("the name is free")
}

async fn secret(fleet: &Fleet, team: Option<&Team>) -> (EnrollSecret, String) {
    let team = team.map(|team| team.public_id.clone());
    let new = NewEnrollSecret { name: Some("fleet".into()), team, expires_in: None };
    let made = fleet.create_enroll_secret(&Actor::System, new, None).await;
    let (secret, text) = made.expect("the team is there");
    (secret, text.expect("the text is told once"))
}

fn assert_denied<T: std::fmt::Debug>(outcome: Result<T, FleetError>) {
    let denied = outcome.expect_err("it is forbidden");
    assert!(matches!(denied, FleetError::Denied(Denied::Forbidden)), "{denied:?}");
}

#[tokio::test]
async fn the_input_of_a_user_is_checked() {
    let fleet = TestFleet::new().await;
    fleet.user("ada@example.com", Role::Admin, None).await;
    let unknown = Some(PublicId::new("tem", 1));
    let cases = [
        (NewUser { email: "ada".into(), ..new_user("") }, RejectionCode::Invalid, "email"),
        (new_user("ADA@example.com"), RejectionCode::NotUnique, "email"),
        (NewUser { name: " ".into(), ..new_user("b@example.com") }, RejectionCode::Invalid, "name"),
        (
            NewUser { password: "é".repeat(11), ..new_user("b@example.com") },
            RejectionCode::Invalid,
            "password",
        ),
        (
            NewUser { password: "x".repeat(129), ..new_user("b@example.com") },
            RejectionCode::Invalid,
            "password",
        ),
        (NewUser { team: unknown, ..new_user("b@example.com") }, RejectionCode::NotFound, "teamId"),
    ];
    for (new, code, path) in cases {
        assert_eq!(rejections(fleet.create_user(&Actor::System, new).await), [(code, path)]);
    }
    assert_eq!(fleet.users(&Actor::System).await.map(|users| users.len()).ok(), Some(1));
}

#[tokio::test]
async fn the_admin_of_a_team_manages_that_team_only() {
    let fleet = TestFleet::new().await;
    let (own, other) = (team(&fleet, "own").await, team(&fleet, "other").await);
    let admin = acting(&fleet.user("admin@example.com", Role::Admin, Some(&own)).await);
    fleet.user("global@example.com", Role::Admin, None).await;
    fleet.user("other@example.com", Role::Observer, Some(&other)).await;
    fleet.user("a@example.com", Role::Observer, Some(&own)).await;
    for team in [Some(&own), Some(&other), None] {
        let team = team.map(|team| team.public_id.clone());
        assert_denied(fleet.create_user(&admin, NewUser { team, ..new_user("b@example.com") }).await);
    }
    let day = Duration::from_hours(24);
    let token = |email: &str| NewApiToken::whole(email, "ci", day);
    assert_denied(fleet.create_api_token(&admin, token("global@example.com")).await);
    fleet.create_api_token(&admin, token("admin@example.com")).await.expect("it is the own account");
    let seen = fleet.users(&admin).await.expect("admins see the users of their teams");
    let emails: Vec<_> = seen.iter().filter_map(|user| user.email.as_deref()).collect();
    assert_eq!(emails, ["a@example.com", "admin@example.com"]);
    assert_denied(fleet.create_team(&admin, "new", None, None).await);
}

#[tokio::test]
async fn names_are_for_everyone_and_emails_for_few() {
    let fleet = TestFleet::new().await;
    let boss = fleet.user("boss@example.com", Role::Admin, None).await;
    let ada = fleet.user("ada@example.com", Role::Observer, None).await;
    let emails = async |actor: &Actor| {
        let found = fleet.users_by_ids(actor, &[boss.id, ada.id]).await.expect("it is signed in");
        [&boss, &ada].map(|user| found[&user.id].email.clone().is_some())
    };
    assert_eq!(emails(&acting(&ada)).await, [false, true]);
    assert_eq!(emails(&acting(&boss)).await, [true, true]);
    let ids = [boss.public_id.clone(), ada.public_id.clone()];
    let found = fleet.users_by_public_ids(&acting(&ada), &ids).await.expect("it is signed in");
    assert_eq!(found.keys().collect::<Vec<_>>(), [&ada.public_id]);
    let outcome = fleet.users_by_ids(&Actor::Anonymous, &[ada.id]).await;
    assert!(matches!(outcome, Err(FleetError::Denied(Denied::Unauthenticated))), "{outcome:?}");
    assert_denied(fleet.users(&acting(&ada)).await);
}

#[tokio::test]
async fn a_token_lives_for_a_sensible_time() {
    let fleet = TestFleet::new().await;
    fleet.user("ada@example.com", Role::Observer, None).await;
    let make = |email, life| fleet.create_api_token(&Actor::System, NewApiToken::whole(email, "ci", life));
    let day = Duration::from_hours(24);
    for life in [Duration::ZERO, 3650 * day + Duration::from_millis(1)] {
        assert_eq!(rejections(make("ada@example.com", life).await), [(RejectionCode::Invalid, "expires")]);
    }
    assert_eq!(rejections(make("bob@example.com", day).await), [(RejectionCode::NotFound, "email")]);
    let (token, text) = make("ada@example.com", 3650 * day).await.expect("the life is allowed");
    assert!(token.public_id.prefix() == "tok" && text.starts_with("mst_"));
}

#[tokio::test]
async fn teams_out_of_scope_are_not_there() {
    let fleet = TestFleet::new().await;
    let (own, other) = (team(&fleet, "own").await, team(&fleet, "other").await);
    let ada = acting(&fleet.user("ada@example.com", Role::Observer, Some(&own)).await);
    let ids = [own.public_id.clone(), other.public_id.clone()];
    let found = fleet.teams_by_public_ids(&ada, &ids).await.expect("observers read teams");
    assert_eq!(found.into_keys().collect::<Vec<_>>(), std::slice::from_ref(&own.public_id));
    assert_eq!(fleet.teams_by_ids(&ada, &[own.id, other.id]).await.map(|found| found.len()).ok(), Some(1));
    assert_eq!(fleet.team_by_name(&ada, "other").await.ok(), Some(None));
    assert_eq!(fleet.count_teams(&ada).await.ok(), Some(1));
    assert_eq!(fleet.count_teams(&Actor::System).await.ok(), Some(2));
    let page = fleet.teams(&Actor::System, PageRequest::first(1)).await.expect("the system reads teams");
    assert_eq!((page.more, &page.items[0].1), (true, &own));
    let rest = PageRequest { after: Some(page.items[0].0.clone()), ..PageRequest::first(1) };
    let page = fleet.teams(&Actor::System, rest).await.expect("the system reads teams");
    assert_eq!((page.more, &page.items[0].1), (false, &other));
    let last = PageRequest { backward: true, ..PageRequest::first(1) };
    let page = fleet.teams(&Actor::System, last).await.expect("the system reads teams");
    assert_eq!((page.more, &page.items[0].1), (true, &other));
}

#[tokio::test]
async fn the_input_of_a_team_is_checked() {
    let fleet = TestFleet::new().await;
    team(&fleet, "own").await;
    let long = "x".repeat(4_097);
    for (name, description, key, code, path) in [
        (" own ", None, None, RejectionCode::NotUnique, "name"),
        ("", None, None, RejectionCode::Invalid, "name"),
        ("new", Some(long.as_str()), None, RejectionCode::Invalid, "description"),
        ("new", None, Some(""), RejectionCode::Invalid, "idempotencyKey"),
        ("new", None, Some("a\0"), RejectionCode::Invalid, "idempotencyKey"),
        ("new", None, Some(&long[..256]), RejectionCode::Invalid, "idempotencyKey"),
    ] {
        let outcome = fleet.create_team(&Actor::System, name, description, key).await;
        assert_eq!(rejections(outcome), [(code, path)]);
    }
    assert_eq!(fleet.count_teams(&Actor::System).await.ok(), Some(1));
}

#[tokio::test]
async fn a_key_makes_one_team_however_often_it_is_sent() {
    let fleet = TestFleet::new().await;
    let create = |name, key| fleet.create_team(&Actor::System, name, None, Some(key));
    let made = join_all((0..8).map(|_| create("one", "key"))).await;
    let ids: Vec<_> = made.into_iter().map(|team| team.expect("the same again").id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(
        rejections(create("two", "key").await),
        [(RejectionCode::IdempotencyKeyReused, "idempotencyKey")]
    );
    let other = fleet.create_enroll_secret(&Actor::System, NewEnrollSecret::default(), Some("key")).await;
    assert_eq!(rejections(other), [(RejectionCode::IdempotencyKeyReused, "idempotencyKey")]);
    let ada = acting(&fleet.user("ada@example.com", Role::Admin, None).await);
    fleet.create_team(&ada, "two", None, Some("key")).await.expect("another caller's key is another key");
    fleet.clock.advance(Duration::from_hours(24) + Duration::from_millis(1));
    create("three", "key").await.expect("the key is forgotten after a day");
    assert_eq!(fleet.count_teams(&Actor::System).await.ok(), Some(3));
    fleet.prune_idempotency_keys().await.expect("the database answers");
}

#[tokio::test]
async fn of_several_teams_of_one_name_at_once_one_is_made() {
    let fleet = TestFleet::new().await;
    let made = join_all((0..4).map(|_| fleet.create_team(&Actor::System, "one", None, None))).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for outcome in refused {
        assert_eq!(rejections(outcome), [(RejectionCode::NotUnique, "name")]);
    }
}

#[tokio::test]
async fn a_secret_lets_hosts_into_its_team_until_it_is_revoked() {
    let fleet = TestFleet::new().await;
    let own = team(&fleet, "own").await;
    let (of_team, text) = secret(&fleet, Some(&own)).await;
    let (_, of_none) = secret(&fleet, None).await;
    assert_eq!(fleet.team_of_enroll_secret(&text).await.ok(), Some(Some(own.id)));
    assert_eq!(fleet.team_of_enroll_secret(&of_none).await.ok(), Some(Some(TeamId::NONE)));
    let before = fleet.store.statements();
    assert_eq!(fleet.team_of_enroll_secret(&text).await.ok(), Some(Some(own.id)));
    assert_eq!(fleet.store.statements(), before, "a known secret costs no statement");
    fleet.revoke_enroll_secret(&Actor::System, &of_team.public_id).await.expect("it is there");
    assert_eq!(fleet.team_of_enroll_secret(&text).await.ok(), Some(None));
    let again = fleet.revoke_enroll_secret(&Actor::System, &of_team.public_id).await;
    assert_eq!(rejections(again), [(RejectionCode::NotFound, "id")]);
}

#[tokio::test]
async fn a_wrong_secret_is_remembered_for_a_while() {
    let fleet = TestFleet::new().await;
    let wrong = crate::auth::keys::new_secret();
    for text in ["", "short", &wrong] {
        assert_eq!(fleet.team_of_enroll_secret(text).await.ok(), Some(None));
    }
    let before = fleet.store.statements();
    for text in ["", "short", &wrong] {
        assert_eq!(fleet.team_of_enroll_secret(text).await.ok(), Some(None));
    }
    assert_eq!(fleet.store.statements(), before);
    fleet.clock.advance(fleet.settings.unknown_credential_memory);
    assert_eq!(fleet.team_of_enroll_secret(&wrong).await.ok(), Some(None));
    assert_ne!(fleet.store.statements(), before);
}

#[tokio::test]
async fn secrets_are_seen_by_the_admins_of_their_team() {
    let fleet = TestFleet::new().await;
    let (own, other) = (team(&fleet, "own").await, team(&fleet, "other").await);
    let admin = acting(&fleet.user("admin@example.com", Role::Admin, Some(&own)).await);
    let (mine, _) = secret(&fleet, Some(&own)).await;
    let (theirs, _) = secret(&fleet, Some(&other)).await;
    let page = fleet.enroll_secrets(&admin, None, PageRequest::first(10)).await.expect("admins see secrets");
    assert_eq!(
        page.items.into_iter().map(|(_, secret)| secret).collect::<Vec<_>>(),
        std::slice::from_ref(&mine)
    );
    let foreign = fleet.enroll_secrets(&admin, Some(&other.public_id), PageRequest::first(10)).await;
    assert_eq!(foreign.map(|page| page.items.len()).ok(), Some(0));
    let ids = [mine.public_id.clone(), theirs.public_id.clone()];
    let found = fleet.enroll_secrets_by_public_ids(&admin, &ids).await.expect("admins see secrets");
    assert_eq!(found.into_values().collect::<Vec<_>>(), [mine]);
    let revoked = fleet.revoke_enroll_secret(&admin, &theirs.public_id).await;
    assert_eq!(rejections(revoked), [(RejectionCode::NotFound, "id")]);
    assert_denied(fleet.create_enroll_secret(&admin, NewEnrollSecret::default(), None).await);
    let observer = acting(&fleet.user("ada@example.com", Role::Observer, Some(&own)).await);
    assert_denied(fleet.enroll_secrets(&observer, None, PageRequest::first(10)).await);
}

#[tokio::test]
async fn the_text_of_a_secret_is_told_once() {
    let fleet = TestFleet::new().await;
    let create = || fleet.create_enroll_secret(&Actor::System, NewEnrollSecret::default(), Some("key"));
    let (first, text) = create().await.expect("the key is new");
    let (second, none) = create().await.expect("the same again");
    assert_eq!((second, none), (first, None));
    assert!(text.is_some());
}
