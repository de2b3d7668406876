//! Who may use which field: every root field and every type stands in a table here, and what the table says is tried
//! as everybody.

use std::collections::BTreeSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeDefinition, TypeKind, TypeSystemDefinition};
use muster::policy::{Action, Role};
use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

/// Who may use something.
#[derive(Clone, Copy, Debug)]
enum Who {
    /// Everybody, signed in or not.
    Anybody,
    /// Whoever has signed in; what they see is their own, or what else they may see.
    SignedIn,
    /// Those whose role allows this, somewhere.
    May(Action),
}

use Who::{Anybody, May, SignedIn};

/// An id of nothing.
const NOTHING: &str = "00000000000000000000000000000000";

/// Every field of the roots: who may use it, and how it is tried. `$` is a text that is different each time, `@` the
/// random part of an id of nothing.
const FIELDS: &[(&str, &str, Who, &str)] = &[
    ("Query", "viewer", Anybody, "{ viewer { role } }"),
    ("Query", "node", SignedIn, "{ node(id: \"hst_@\") { id } }"),
    ("Query", "nodes", SignedIn, "{ nodes(ids: [\"tem_@\"]) { id } }"),
    ("Query", "host", May(Action::ReadHosts), "{ host(by: { id: \"hst_@\" }) { id } }"),
    ("Query", "hosts", May(Action::ReadHosts), "{ hosts { totalCount nodes { id } } }"),
    ("Query", "labels", May(Action::ReadHosts), "{ labels { nodes { id hostCount } } }"),
    ("Query", "teams", May(Action::ReadTeams), "{ teams { totalCount nodes { id } } }"),
    ("Query", "users", May(Action::ReadUsers), "{ users { totalCount nodes { id } } }"),
    ("Query", "invitations", May(Action::ManageUsers), "{ invitations { nodes { id } } }"),
    ("Query", "enrollSecrets", May(Action::ManageEnrollSecrets), "{ enrollSecrets { nodes { id } } }"),
    ("Query", "savedQueries", May(Action::ReadSavedQueries), "{ savedQueries { totalCount nodes { id } } }"),
    ("Query", "campaigns", May(Action::ReadCampaigns), "{ campaigns { totalCount nodes { id } } }"),
    (
        "Query",
        "previewTargets",
        May(Action::RunObserverQueries),
        "{ previewTargets(targets: { allHosts: true }) { targeted } }",
    ),
    ("Query", "activities", May(Action::ReadActivities), "{ activities { nodes { id } } }"),
    ("Query", "apiTokens", May(Action::ManageUsers), "{ apiTokens { nodes { id } } }"),
    ("Query", "settings", May(Action::ReadSettings), "{ settings { version } }"),
    (
        "Mutation",
        "login",
        Anybody,
        "{ login(input: { email: \"$@x\", password: \"x\" }) { expiresAt ERRORS } }",
    ),
    (
        "Mutation",
        "refreshSession",
        Anybody,
        "{ refreshSession(input: { refreshToken: \"$\" }) { expiresAt ERRORS } }",
    ),
    (
        "Mutation",
        "acceptInvitation",
        Anybody,
        "{ acceptInvitation(input: { token: \"$\" }) { user { id } ERRORS } }",
    ),
    ("Mutation", "logout", SignedIn, ""),
    (
        "Mutation",
        "setup",
        Anybody,
        "{ setup(input: { token: \"$\", email: \"x\", name: \"x\", password: \"x\" }) { expiresAt ERRORS } }",
    ),
    (
        "Mutation",
        "resetPassword",
        Anybody,
        "{ resetPassword(input: { token: \"$\", newPassword: \"x\" }) { reset ERRORS } }",
    ),
    (
        "Mutation",
        "changePassword",
        SignedIn,
        "{ changePassword(input: { currentPassword: \"x\", newPassword: \"x\" }) { changed ERRORS } }",
    ),
    (
        "Mutation",
        "revokeSession",
        SignedIn,
        "{ revokeSession(input: { id: \"ses_@\" }) { revokedSessionId ERRORS } }",
    ),
    (
        "Mutation",
        "createApiToken",
        SignedIn,
        "{ createApiToken(input: { name: \"$\", scope: READ }) { apiToken { id } ERRORS } }",
    ),
    (
        "Mutation",
        "revokeApiToken",
        SignedIn,
        "{ revokeApiToken(input: { id: \"tok_@\" }) { revokedApiTokenId ERRORS } }",
    ),
    (
        "Mutation",
        "createPasswordReset",
        May(Action::ManageUsers),
        "{ createPasswordReset(input: { userId: \"usr_@\" }) { expiresAt ERRORS } }",
    ),
    (
        "Mutation",
        "rotateSigningKey",
        May(Action::ManageSettings),
        "{ rotateSigningKey(input: {}) { kid ERRORS } }",
    ),
    (
        "Mutation",
        "createTeam",
        May(Action::ManageTeams),
        "{ createTeam(input: { name: \"$\" }) { team { id } ERRORS } }",
    ),
    (
        "Mutation",
        "updateTeam",
        May(Action::ManageTeams),
        "{ updateTeam(input: { id: \"tem_@\" }) { team { id } ERRORS } }",
    ),
    (
        "Mutation",
        "deleteTeam",
        May(Action::ManageTeams),
        "{ deleteTeam(input: { id: \"tem_@\" }) { deletedTeamId ERRORS } }",
    ),
    (
        "Mutation",
        "createUser",
        May(Action::ManageUsers),
        "{ createUser(input: { email: \"x\", displayName: \"x\", password: \"\", role: OBSERVER }) { user { id } ERRORS } }",
    ),
    (
        "Mutation",
        "updateUser",
        May(Action::ManageUsers),
        "{ updateUser(input: { id: \"usr_@\" }) { user { id } ERRORS } }",
    ),
    (
        "Mutation",
        "deleteUser",
        May(Action::ManageUsers),
        "{ deleteUser(input: { id: \"usr_@\" }) { deletedUserId ERRORS } }",
    ),
    (
        "Mutation",
        "setTeamRole",
        May(Action::ManageUsers),
        "{ setTeamRole(input: { userId: \"usr_@\", teamId: \"tem_@\", role: ADMIN }) { user { id } ERRORS } }",
    ),
    (
        "Mutation",
        "removeTeamRole",
        May(Action::ManageUsers),
        "{ removeTeamRole(input: { userId: \"usr_@\", teamId: \"tem_@\" }) { user { id } ERRORS } }",
    ),
    (
        "Mutation",
        "createInvitation",
        May(Action::ManageUsers),
        "{ createInvitation(input: { email: \"$@muster.test\", role: OBSERVER }) { invitation { id } ERRORS } }",
    ),
    (
        "Mutation",
        "revokeInvitation",
        May(Action::ManageUsers),
        "{ revokeInvitation(input: { id: \"inv_@\" }) { revokedInvitationId ERRORS } }",
    ),
    (
        "Mutation",
        "createEnrollSecret",
        May(Action::ManageEnrollSecrets),
        "{ createEnrollSecret(input: { name: \"$\" }) { enrollSecret { id } ERRORS } }",
    ),
    (
        "Mutation",
        "rotateEnrollSecret",
        May(Action::ManageEnrollSecrets),
        "{ rotateEnrollSecret(input: { id: \"sec_@\" }) { enrollSecret { id } ERRORS } }",
    ),
    (
        "Mutation",
        "revokeEnrollSecret",
        May(Action::ManageEnrollSecrets),
        "{ revokeEnrollSecret(input: { id: \"sec_@\" }) { revokedEnrollSecretId ERRORS } }",
    ),
    (
        "Mutation",
        "createSavedQuery",
        May(Action::ManageSavedQueries),
        "{ createSavedQuery(input: { name: \"$\", sql: \"select 1\" }) { savedQuery { id } ERRORS } }",
    ),
    (
        "Mutation",
        "updateSavedQuery",
        May(Action::ManageSavedQueries),
        "{ updateSavedQuery(input: { id: \"qry_@\" }) { savedQuery { id } ERRORS } }",
    ),
    (
        "Mutation",
        "deleteSavedQuery",
        May(Action::ManageSavedQueries),
        "{ deleteSavedQuery(input: { id: \"qry_@\" }) { deletedSavedQueryId ERRORS } }",
    ),
    (
        "Mutation",
        "transferHosts",
        May(Action::ManageHosts),
        "{ transferHosts(input: { hostIds: [\"hst_@\"] }) { hosts { id } ERRORS } }",
    ),
    (
        "Mutation",
        "deleteHosts",
        May(Action::ManageHosts),
        "{ deleteHosts(input: { hostIds: [\"hst_@\"] }) { deletedHostIds ERRORS } }",
    ),
    (
        "Mutation",
        "startCampaign",
        May(Action::RunAnySql),
        "{ startCampaign(input: { source: { sql: \"select 1\" }, targets: { allHosts: true } }) { campaign { id } ERRORS } }",
    ),
    (
        "Mutation",
        "stopCampaign",
        May(Action::ReadCampaigns),
        "{ stopCampaign(input: { campaignId: \"cmp_@\" }) { campaign { id } ERRORS } }",
    ),
    (
        "Mutation",
        "updateSettings",
        May(Action::ManageSettings),
        "{ updateSettings(input: {}) { settings { version } ERRORS } }",
    ),
    (
        "Subscription",
        "campaignEvents",
        May(Action::ReadCampaigns),
        "{ campaignEvents(campaignId: \"cmp_@\") { isFinal } }",
    ),
    ("Subscription", "campaignChanged", May(Action::ReadCampaigns), ""),
    ("Subscription", "activityAdded", May(Action::ReadActivities), ""),
];

/// Every type with fields that is reached from the roots, by the least that reads one: what is reached by who may less
/// is hidden there (`tests/it/isolation.rs`). Payloads of mutations are read by who may use the mutation.
const TYPES: &[(&str, Who)] = &[
    ("Activity", May(Action::ReadActivities)),
    ("ApiToken", SignedIn),
    ("Campaign", May(Action::ReadCampaigns)),
    ("CampaignEnded", May(Action::ReadCampaigns)),
    ("CampaignEventBatch", May(Action::ReadCampaigns)),
    ("CampaignHostError", May(Action::ReadCampaigns)),
    ("CampaignHostFailure", May(Action::ReadCampaigns)),
    ("CampaignHostRows", May(Action::ReadCampaigns)),
    ("CampaignTarget", May(Action::ReadCampaigns)),
    ("CampaignTotals", May(Action::ReadCampaigns)),
    ("EnrollSecret", May(Action::ManageEnrollSecrets)),
    ("FleetSettings", May(Action::ReadSettings)),
    ("Host", May(Action::ReadHosts)),
    ("HostAnswer", May(Action::ReadCampaigns)),
    ("InputError", Anybody),
    ("Invitation", May(Action::ManageUsers)),
    ("Label", May(Action::ReadHosts)),
    ("PageInfo", SignedIn),
    ("Restriction", May(Action::ReadTeams)),
    ("SavedQuery", May(Action::ReadSavedQueries)),
    ("Session", SignedIn),
    ("SqlError", Anybody),
    ("TargetFilter", May(Action::ReadCampaigns)),
    ("TargetPreview", May(Action::RunObserverQueries)),
    ("TargetSelection", May(Action::ReadCampaigns)),
    ("Team", May(Action::ReadTeams)),
    ("TeamRole", SignedIn),
    ("User", SignedIn),
    ("Viewer", SignedIn),
];

on_both!(check_36_every_field_keeps_to_the_table);

/// A field or type that is not in the tables has no policy; one that is there and gone is a lie.
#[test]
fn check_36_every_field_and_type_has_a_policy() {
    let types = types();
    let of = |name: &str| types.iter().find(|ty| ty.name.node == name);
    let mut found = BTreeSet::new();
    for root in ["Query", "Mutation", "Subscription"] {
        let fields = of(root).map(fields_of).expect("the root is there");
        found.extend(fields.into_iter().map(|(field, _)| format!("{root}.{field}")));
    }
    let listed = FIELDS.iter().map(|(root, field, ..)| format!("{root}.{field}")).collect();
    assert_eq!(found, listed, "a field without a policy, or a policy without a field");
    let part = |name: &str| ["Connection", "Edge", "Payload"].iter().any(|end| name.ends_with(end));
    let reached: BTreeSet<_> = reached(&types).into_iter().filter(|name| !part(name)).collect();
    let listed = TYPES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(reached, listed, "a type without a policy, or a policy without a type");
    assert!(TYPES.iter().all(|(_, who)| !roles(*who).is_empty()), "nobody reads it");
}

/// Every field as every role, global and of a team, and as nobody: refused exactly where the table says so.
async fn check_36_every_field_keeps_to_the_table(world: World) {
    let team = world.team("berlin").await;
    let _host = world.host("web").await;
    let nobody = world.anonymous();
    for (root, field, who, how) in FIELDS.iter().filter(|(.., how)| !how.is_empty()) {
        let code = try_field(&nobody, root, how, "nobody").await;
        assert_eq!(code == "UNAUTHENTICATED", !matches!(who, Anybody), "{root}.{field} as nobody: {code}");
    }
    for role in Role::ALL {
        for place in [None, Some(&team)] {
            let name = format!("{role}-{}", if place.is_some() { "berlin" } else { "global" });
            let person = world.person(&name, *role, place).await;
            for (root, field, who, how) in FIELDS.iter().filter(|(.., how)| !how.is_empty()) {
                let code = try_field(&person, root, how, &name).await;
                let refused = ["FORBIDDEN", "NOT_ALLOWED", "UNAUTHENTICATED"].contains(&code.as_str());
                let may = roles(*who).contains(role);
                // In one team nothing global is made: that is refused to those who may it in their team, too.
                assert!(refused || may, "{root}.{field} as {name}: {code}");
                assert!(!refused || !may || place.is_some(), "{root}.{field} as {name}: {code}");
            }
        }
    }
}

/// The code of the first error; empty when there is none.
async fn try_field(person: &Person, root: &str, how: &str, unique: &str) -> String {
    let unique = format!("{unique}{}", how.len());
    let how = how.replace("_@", &format!("_{NOTHING}")).replace('$', &unique);
    let query = format!("{} {}", root.to_lowercase(), how.replace("ERRORS", "userErrors { code }"));
    let answer = if root == "Subscription" {
        match person.subscribe(&query, json!({})).await.next().await {
            Told::Next(result) => result,
            Told::Error(errors) => json!({ "errors": errors }),
            told => panic!("{told:?}"),
        }
    } else {
        person.gql(&query, json!({})).await
    };
    let first = &answer["errors"][0]["extensions"]["code"];
    let payload = answer["data"].as_object().and_then(|data| data.values().next());
    let data = payload.map_or(&Value::Null, |payload| &payload["userErrors"][0]["code"]);
    assert_ne!(first, "GRAPHQL_VALIDATION_FAILED", "{query}: {answer}");
    first.as_str().or(data.as_str()).unwrap_or_default().to_owned()
}

fn roles(who: Who) -> Vec<Role> {
    match who {
        Anybody | SignedIn => Role::ALL.to_vec(),
        May(action) => action.roles().to_vec(),
    }
}

fn types() -> Vec<TypeDefinition> {
    let document = parse_schema(include_str!("../../schema.graphql")).expect("the schema reads");
    let definitions = document.definitions.into_iter();
    definitions
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some(ty.node),
            _ => None,
        })
        .collect()
}

/// The fields of an object or interface, each with the name of its type.
fn fields_of(ty: &TypeDefinition) -> Vec<(String, String)> {
    let fields = match &ty.kind {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        _ => return Vec::new(),
    };
    let bare = |ty: String| ty.replace(['[', ']', '!'], "");
    fields.iter().map(|field| (field.node.name.to_string(), bare(field.node.ty.to_string()))).collect()
}

/// The names of the objects that are reached from the roots, by fields, interfaces and unions.
fn reached(types: &[TypeDefinition]) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec!["Query".to_owned(), "Mutation".to_owned(), "Subscription".to_owned()];
    while let Some(name) = next.pop() {
        let Some(ty) = types.iter().find(|ty| ty.name.node == name.as_str()) else { continue };
        next.extend(fields_of(ty).into_iter().map(|(_, ty)| ty).filter(|ty| !reached.contains(ty)));
        let is_root = ["Query", "Mutation", "Subscription"].contains(&name.as_str());
        match &ty.kind {
            TypeKind::Object(_) if !is_root => drop(reached.insert(name)),
            TypeKind::Union(union) => next.extend(union.members.iter().map(|member| member.node.to_string())),
            TypeKind::Interface(_) => {
                let of = |ty: &&TypeDefinition| match &ty.kind {
                    TypeKind::Object(object) => object.implements.iter().any(|one| one.node == name.as_str()),
                    _ => false,
                };
                let objects = types.iter().filter(of).map(|ty| ty.name.node.to_string());
                next.extend(objects.filter(|ty| !reached.contains(ty)));
            }
            _ => {}
        }
    }
    reached
}
