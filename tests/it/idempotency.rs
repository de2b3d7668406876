//! Requests that are sent again, and changes of what others changed meanwhile.

use std::time::Duration;

use async_graphql::parser::types::{FieldDefinition, TypeKind};
use entity::id::PublicId;
use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::sdl::{Schema, named};
use crate::harness::world::{World, on_both};

on_both!(
    a_repeated_key_makes_nothing_more,
    a_repeated_reset_makes_no_token,
    a_version_that_is_over_changes_nothing
);

/// Mutations that take neither a key nor a version, with the reason why a repeated one does no harm.
const NEITHER: &[(&str, &str)] = &[
    ("acceptInvitation", "an invitation is accepted once"),
    ("addHostsToLabel", STATE),
    ("changePassword", "the password before is the version"),
    ("deleteDestination", GONE),
    ("deleteHosts", GONE),
    ("deleteLabel", GONE),
    ("deleteOsqueryConfigLayer", GONE),
    ("deletePack", GONE),
    ("deletePolicy", GONE),
    ("deleteSavedQuery", GONE),
    ("deleteTeam", GONE),
    ("deleteUser", GONE),
    ("importDocuments", "what is there already is told, not made again"),
    ("login", "each sign-in is a session, which ends by itself"),
    ("logout", GONE),
    ("pauseDestination", STATE),
    ("refetchHost", STATE),
    ("refetchHosts", STATE),
    ("refreshSession", "a refresh token works once; a second use ends the session"),
    ("removeHostsFromLabel", STATE),
    ("removeTeamRole", STATE),
    ("replayDestination", "it says from where, so that the second one begins at the same place"),
    ("resetPassword", "a reset is used once"),
    ("resumeDestination", STATE),
    ("revokeApiToken", GONE),
    ("revokeEnrollSecret", GONE),
    ("revokeInvitation", GONE),
    ("revokeSession", GONE),
    ("rotateSigningKey", "one key more; clients renew their tokens either way"),
    ("setTeamRole", STATE),
    ("setup", "there is one first user"),
    ("stopCampaign", STATE),
    ("testDestination", "it stores nothing"),
    ("transferHosts", STATE),
];

/// What is gone can't go again.
const GONE: &str = "what is gone is not there, or gone, the second time";
/// It says what shall be, not what shall change.
const STATE: &str = "it says how things shall be, and they are";

/// Creates with their input (`$` is the key), and where the id of what was made stands.
const CREATES: &[(&str, &str, &str)] = &[
    ("createTeam", r#"{"name":"$"}"#, "team"),
    (
        "createUser",
        r#"{"email":"$@muster.test","displayName":"$","password":"correct horse battery","role":"OBSERVER"}"#,
        "user",
    ),
    ("createInvitation", r#"{"email":"$@muster.test","role":"OBSERVER"}"#, "invitation"),
    ("createApiToken", r#"{"name":"$","scope":"READ"}"#, "apiToken"),
    ("createEnrollSecret", r#"{"name":"$"}"#, "enrollSecret"),
    ("createLabel", r#"{"name":"$","sql":"select 1"}"#, "label"),
    ("createPolicy", r#"{"name":"$","sql":"select 1"}"#, "policy"),
    ("createSavedQuery", r#"{"name":"$","sql":"select 1"}"#, "savedQuery"),
    ("startCampaign", r#"{"name":"$","source":{"sql":"select 1"},"targets":{"allHosts":true}}"#, "campaign"),
];

/// What has versions: how it is changed, and how the version is read of what `CREATES` made, or of what there is one of.
const UPDATES: &[(&str, &str, &str)] = &[
    ("updateTeam", "team", "createTeam"),
    ("updateUser", "user", "createUser"),
    ("updateLabel", "label", "createLabel"),
    ("updatePolicy", "policy", "createPolicy"),
    ("updateSavedQuery", "savedQuery", "createSavedQuery"),
    ("updateSettings", "settings", ""),
];

/// Every mutation that makes something takes a key, every one that changes something a version, and of every other one
/// it is said why not.
#[test]
fn mutations_take_keys_and_versions() {
    let schema = Schema::read();
    let takes = |mutation: &FieldDefinition, wanted: &str| {
        let inputs = mutation.arguments.iter().map(|argument| named(&argument.node.ty.node));
        let mut kinds = inputs.filter_map(|input| schema.kind(input));
        kinds.any(|kind| match kind {
            TypeKind::InputObject(input) => input.fields.iter().any(|field| field.node.name.node == wanted),
            _ => false,
        })
    };
    let mut neither = Vec::new();
    for mutation in schema.fields("Mutation") {
        let name = mutation.name.node.as_str();
        let (key, version) = (takes(mutation, "idempotencyKey"), takes(mutation, "expectedVersion"));
        assert!(key || !(name.starts_with("create") || name.starts_with("start")), "{name} takes no key");
        assert!(
            version || !(name.starts_with("update") || name.starts_with("save")),
            "{name} takes no version"
        );
        if !key && !version {
            neither.push(name);
        }
    }
    let told: Vec<_> = NEITHER.iter().map(|(name, _)| *name).collect();
    assert_eq!(neither, told, "mutations without key and version, of which it is said why");
}

async fn a_repeated_key_makes_nothing_more(world: World) {
    let _host = world.host("web").await;
    for (field, input, made) in CREATES {
        let send = async |name: &str, key: &str| {
            let mut input: Value = serde_json::from_str(&input.replace('$', name)).expect("it is JSON");
            input["idempotencyKey"] = json!(key);
            world.admin.mutate(field, &format!("{made} {{ id }}"), input).await
        };
        let first = send("one", field).await;
        assert!(first[made]["id"].is_string(), "{field}: {first}");
        assert_eq!(send("one", field).await, first, "{field}");
        let reused = send("other", field).await;
        assert_eq!(reused["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED", "{field}: {reused}");
        let second = send("two", &format!("{field} again")).await;
        assert_ne!(second[made]["id"], first[made]["id"], "{field}");
    }
}

/// A reset has no id: the second answer tells when the first one ends, and no token.
async fn a_repeated_reset_makes_no_token(world: World) {
    let ada = world.person("ada", Role::Observer, None).await.id().await;
    let eve = world.person("eve", Role::Observer, None).await.id().await;
    let reset = async |user: &PublicId, key: &str| {
        let input = json!({ "userId": user, "idempotencyKey": key });
        world.admin.mutate("createPasswordReset", "token expiresAt", input).await
    };
    let first = reset(&ada, "k").await;
    assert!(first["token"].is_string(), "{first}");
    world.server.advance(Duration::from_mins(1));
    let again = reset(&ada, "k").await;
    assert_eq!((&again["token"], &again["expiresAt"]), (&Value::Null, &first["expiresAt"]), "{again}");
    assert_eq!(reset(&eve, "k").await["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    let other = reset(&ada, "other").await;
    assert!(other["token"].is_string() && other["token"] != first["token"], "{other}");
}

async fn a_version_that_is_over_changes_nothing(world: World) {
    let _host = world.host("web").await;
    for (field, shape, made_by) in UPDATES {
        let mut input = json!({});
        if let Some((create, as_text, _)) = CREATES.iter().find(|(create, ..)| create == made_by) {
            let new = serde_json::from_str(&as_text.replace('$', "versioned")).expect("it is JSON");
            let made = world.admin.mutate(create, &format!("{shape} {{ id }}"), new).await;
            input["id"] = made[shape]["id"].clone();
        }
        let mut change = async |version: i64| {
            input["expectedVersion"] = json!(version);
            world.admin.mutate(field, &format!("{shape} {{ version }}"), input.clone()).await
        };
        let version = change(1).await[shape]["version"].as_i64().unwrap_or_else(|| panic!("{field} is made"));
        let stale = change(version - 1).await;
        assert_eq!(stale["userErrors"][0]["code"], "VERSION_CONFLICT", "{field}: {stale}");
        let next = change(version).await;
        assert_eq!(next[shape]["version"], version + 1, "{field}: {next}");
    }
}
