//! Who may use which field: every root field and every type stands in a table here, and what the table says is tried
//! as everybody. **A new field of a root has a line in `FIELDS` here and one in `src/graphql/directives/roles.rs`, which
//! writes it into the SDL; what it costs follows from its form (`src/graphql/directives/costs.rs`).**

use std::collections::BTreeSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeDefinition, TypeKind, TypeSystemDefinition};
use muster::policy::{Action, Role, TokenScope};
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
    (
        "Query",
        "hostCounts",
        May(Action::ReadHosts),
        "{ hostCounts { total byStatus { hosts } byTeam { hosts } byLabel { hosts } } }",
    ),
    ("Query", "labels", May(Action::ReadHosts), "{ labels { nodes { id hostCount } } }"),
    ("Query", "teams", May(Action::ReadTeams), "{ teams { totalCount nodes { id } } }"),
    ("Query", "users", May(Action::ReadUsers), "{ users { totalCount nodes { id } } }"),
    ("Query", "invitations", May(Action::ManageUsers), "{ invitations { nodes { id } } }"),
    ("Query", "enrollSecrets", May(Action::ManageEnrollSecrets), "{ enrollSecrets { nodes { id } } }"),
    ("Query", "savedQueries", May(Action::ReadSavedQueries), "{ savedQueries { totalCount nodes { id } } }"),
    ("Query", "packs", May(Action::ReadSavedQueries), "{ packs { totalCount nodes { id } } }"),
    ("Query", "policies", May(Action::ReadPolicies), "{ policies { totalCount nodes { id } } }"),
    ("Query", "osqueryConfigLayer", May(Action::ReadConfiguration), "{ osqueryConfigLayer { version } }"),
    ("Query", "osqueryConfigLayers", May(Action::ReadConfiguration), "{ osqueryConfigLayers { version } }"),
    ("Query", "osqueryConfig", May(Action::ReadConfiguration), "{ osqueryConfig { hash } }"),
    ("Query", "export", May(Action::ReadSavedQueries), "{ export { text } }"),
    ("Query", "campaigns", May(Action::ReadCampaigns), "{ campaigns { totalCount nodes { id } } }"),
    (
        "Query",
        "previewTargets",
        May(Action::RunObserverQueries),
        "{ previewTargets(targets: { allHosts: true }) { targeted } }",
    ),
    ("Query", "activities", May(Action::ReadActivities), "{ activities { nodes { id } } }"),
    ("Query", "apiTokens", May(Action::ManageUsers), "{ apiTokens { nodes { id } } }"),
    ("Query", "destinations", May(Action::ReadDestinations), "{ destinations { name } }"),
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
        "refetchHost",
        May(Action::RefetchHosts),
        "{ refetchHost(input: { hostId: \"hst_@\" }) { host { id } ERRORS } }",
    ),
    (
        "Mutation",
        "refetchHosts",
        May(Action::RefetchHosts),
        "{ refetchHosts(input: { hostIds: [\"hst_@\"] }) { hostIds ERRORS } }",
    ),
    (
        "Mutation",
        "createLabel",
        May(Action::ManageLabels),
        "{ createLabel(input: { name: \"$\", sql: \"select 1\" }) { label { id } ERRORS } }",
    ),
    (
        "Mutation",
        "updateLabel",
        May(Action::ManageLabels),
        "{ updateLabel(input: { id: \"lbl_@\" }) { label { id } ERRORS } }",
    ),
    (
        "Mutation",
        "deleteLabel",
        May(Action::ManageLabels),
        "{ deleteLabel(input: { id: \"lbl_@\" }) { deletedLabelId ERRORS } }",
    ),
    (
        "Mutation",
        "addHostsToLabel",
        May(Action::ManageHosts),
        "{ addHostsToLabel(input: { labelId: \"lbl_@\", names: [\"$\"] }) { hostsAdded ERRORS } }",
    ),
    (
        "Mutation",
        "removeHostsFromLabel",
        May(Action::ManageHosts),
        "{ removeHostsFromLabel(input: { labelId: \"lbl_@\", names: [\"$\"] }) { hostsRemoved ERRORS } }",
    ),
    (
        "Mutation",
        "createPack",
        May(Action::ManageSavedQueries),
        "{ createPack(input: { name: \"$\" }) { pack { id } ERRORS } }",
    ),
    (
        "Mutation",
        "updatePack",
        May(Action::ManageSavedQueries),
        "{ updatePack(input: { id: \"pck_@\" }) { pack { id } ERRORS } }",
    ),
    (
        "Mutation",
        "deletePack",
        May(Action::ManageSavedQueries),
        "{ deletePack(input: { id: \"pck_@\" }) { deletedPackId ERRORS } }",
    ),
    (
        "Mutation",
        "createPolicy",
        May(Action::ManagePolicies),
        "{ createPolicy(input: { name: \"$\", sql: \"select 1\" }) { policy { id } ERRORS } }",
    ),
    (
        "Mutation",
        "updatePolicy",
        May(Action::ManagePolicies),
        "{ updatePolicy(input: { id: \"pol_@\" }) { policy { id } ERRORS } }",
    ),
    (
        "Mutation",
        "deletePolicy",
        May(Action::ManagePolicies),
        "{ deletePolicy(input: { id: \"pol_@\" }) { deletedPolicyId ERRORS } }",
    ),
    (
        "Mutation",
        "saveOsqueryConfigLayer",
        May(Action::ManageConfiguration),
        "{ saveOsqueryConfigLayer(input: { document: \"{}\" }) { layer { version } ERRORS } }",
    ),
    (
        "Mutation",
        "deleteOsqueryConfigLayer",
        May(Action::ManageConfiguration),
        "{ deleteOsqueryConfigLayer(input: { name: \"$\" }) { deletedLayerName ERRORS } }",
    ),
    (
        "Mutation",
        "importDocuments",
        May(Action::ManageSavedQueries),
        "{ importDocuments(input: { documents: [{ name: \"$.sql\", text: \"select 1\" }] }) { applied ERRORS } }",
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
    ("Subscription", "hostChanged", May(Action::ReadHosts), "{ hostChanged { kind } }"),
    ("Subscription", "policyChanged", May(Action::ReadHosts), "{ policyChanged { kind } }"),
    ("Subscription", "campaignChanged", May(Action::ReadCampaigns), ""),
    (
        "Mutation",
        "createDestination",
        May(Action::ManageDestinations),
        "{ createDestination(input: { name: \"x\", options: {} }) { destination { name } ERRORS } }",
    ),
    (
        "Mutation",
        "updateDestination",
        May(Action::ManageDestinations),
        "{ updateDestination(input: { name: \"x\", options: {} }) { destination { name } ERRORS } }",
    ),
    (
        "Mutation",
        "deleteDestination",
        May(Action::ManageDestinations),
        "{ deleteDestination(input: { name: \"x\" }) { deletedDestinationName ERRORS } }",
    ),
    (
        "Mutation",
        "pauseDestination",
        May(Action::ManageDestinations),
        "{ pauseDestination(input: { name: \"x\" }) { destination { name } ERRORS } }",
    ),
    (
        "Mutation",
        "resumeDestination",
        May(Action::ManageDestinations),
        "{ resumeDestination(input: { name: \"x\" }) { destination { name } ERRORS } }",
    ),
    (
        "Mutation",
        "replayDestination",
        May(Action::ManageDestinations),
        "{ replayDestination(input: { name: \"x\", from: \"2026-01-01T00:00:00Z\" }) { destination { name } ERRORS } }",
    ),
    (
        "Mutation",
        "testDestination",
        May(Action::ManageDestinations),
        "{ testDestination(input: { name: \"x\" }) { delivered ERRORS } }",
    ),
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
    ("ConfigWarning", May(Action::ManageConfiguration)),
    ("Destination", May(Action::ReadDestinations)),
    ("EnrollSecret", May(Action::ManageEnrollSecrets)),
    ("Export", May(Action::ReadSavedQueries)),
    ("FleetSettings", May(Action::ReadSettings)),
    ("AdditionalQuery", May(Action::ReadSettings)),
    ("Host", May(Action::ReadHosts)),
    ("HostAnswer", May(Action::ReadCampaigns)),
    ("ImportNote", May(Action::ManageSavedQueries)),
    ("ImportPlace", May(Action::ManageSavedQueries)),
    ("ImportedThing", May(Action::ManageSavedQueries)),
    ("HostChange", May(Action::ReadHosts)),
    ("HostContact", May(Action::ReadHosts)),
    ("HostCounts", May(Action::ReadHosts)),
    ("HostLabelCount", May(Action::ReadHosts)),
    ("HostPlatformCount", May(Action::ReadHosts)),
    ("ScheduledQuery", May(Action::ReadHosts)),
    ("HostSilence", May(Action::ReadHosts)),
    ("HostStatusCount", May(Action::ReadHosts)),
    ("HostTeamCount", May(Action::ReadHosts)),
    ("HostVitalTable", May(Action::ReadHosts)),
    ("HostVitals", May(Action::ReadHosts)),
    ("InputError", Anybody),
    ("Invitation", May(Action::ManageUsers)),
    ("Label", May(Action::ReadHosts)),
    ("LabelFailure", May(Action::ReadHosts)),
    ("OsqueryConfig", May(Action::ReadConfiguration)),
    ("OsqueryConfigLayer", May(Action::ReadConfiguration)),
    ("OsqueryConfigOrigin", May(Action::ReadConfiguration)),
    ("Pack", May(Action::ReadSavedQueries)),
    ("PageInfo", SignedIn),
    ("Policy", May(Action::ReadPolicies)),
    ("PolicyChange", May(Action::ReadHosts)),
    ("PolicyCounts", May(Action::ReadHosts)),
    ("PolicyResult", May(Action::ReadHosts)),
    ("PolicyTeamCounts", May(Action::ReadHosts)),
    ("PolicyTurn", May(Action::ReadHosts)),
    ("QueryHealth", May(Action::ReadHosts)),
    ("Report", May(Action::ReadHosts)),
    ("ReportRow", May(Action::ReadHosts)),
    ("RateLimit", SignedIn),
    ("Restriction", May(Action::ReadTeams)),
    ("SavedQuery", May(Action::ReadSavedQueries)),
    ("Schedule", May(Action::ReadSavedQueries)),
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

on_both!(s36_every_field_keeps_to_the_table, s36_every_scope_keeps_to_the_table);

/// A field or type that is not in the tables has no policy; one that is there and gone is a lie.
#[test]
fn s36_every_field_and_type_has_a_policy() {
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

/// `@requiresRole` in the SDL says of every field of the roots what the table says, and nothing of those that are open to
/// everybody. `startCampaign` is tried with SQL of one's own here, and open to who runs saved queries.
#[test]
fn check_36_the_schema_tells_the_roles() {
    let types = types();
    let of = |name: &str| types.iter().find(|ty| ty.name.node == name).expect("the root is there");
    for (root, name, who, _) in FIELDS {
        let TypeKind::Object(object) = &of(root).kind else { panic!("{root} is an object") };
        let field = object.fields.iter().find(|field| field.node.name.node == *name).expect("it is listed");
        let told = field.node.directives.iter().find(|directive| directive.node.name.node == "requiresRole");
        let told = told.and_then(|directive| directive.node.get_argument("anyOf"));
        let expected = match who {
            Anybody => None,
            _ if *name == "startCampaign" => Some(roles(May(Action::RunObserverQueries))),
            who => Some(roles(*who)),
        };
        let words = |roles: Vec<Role>| roles.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = expected.map(|roles| format!("[{}]", words(roles).join(", ").to_uppercase()));
        assert_eq!(told.map(|roles| roles.node.to_string()), expected, "{root}.{name}");
    }
}

/// Every field as every role, global and of a team, and as nobody: refused exactly where the table says so.
async fn s36_every_field_keeps_to_the_table(world: World) {
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

/// Every field by API tokens of every scope, of somebody who may everything, for one team and for all: the scope is all
/// that takes away, and the team takes away what is global.
async fn s36_every_scope_keeps_to_the_table(world: World) {
    let team = world.team("berlin").await;
    let _host = world.host("web").await;
    for scope in [TokenScope::Read, TokenScope::Run, TokenScope::Manage, TokenScope::Admin] {
        for place in [Value::Null, json!(team.public_id.0)] {
            let name = format!("{scope:?}-{}", if place.is_null() { "global" } else { "berlin" });
            let shown = scope.as_str().to_uppercase();
            let input = json!({ "name": name, "scope": shown, "teamId": place });
            let made = world.admin.mutate("createApiToken", "token", input).await;
            let token = made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
            let program = Person { token: Some(token), ..world.admin.clone() };
            for (root, field, who, how) in FIELDS.iter().filter(|(.., how)| !how.is_empty()) {
                let May(action) = who else { continue };
                let code = try_field(&program, root, how, &name).await;
                let refused = ["FORBIDDEN", "NOT_ALLOWED", "UNAUTHENTICATED"].contains(&code.as_str());
                let may = scope >= action.token_scope();
                assert!(refused || may, "{root}.{field} by {name}: {code}");
                assert!(!refused || !may || !place.is_null(), "{root}.{field} by {name}: {code}");
            }
        }
    }
}

/// Members of types that read as if they told a secret, and tell none.
const HARMLESS: &[&str] = &[
    "apiToken",
    "apiTokens",
    "enrollSecret",
    "enrollSecrets",
    "foreignSecretAt",
    "HostVitals.configHash",
    "OsqueryConfig.hash",
];

/// What is read of things has no secret, in no list, edge or history; only the answer to the mutation that makes one
/// tells it.
#[test]
fn s42_no_field_tells_a_secret() {
    let types = types();
    let is_secret = |field: &str| {
        let field = field.to_lowercase();
        ["secret", "password", "token", "hash", "nodekey", "credential"]
            .iter()
            .any(|word| field.contains(word))
    };
    let mut telling = Vec::new();
    for ty in types.iter().filter(|ty| !ty.name.node.ends_with("Payload") && ty.name.node != "Mutation") {
        let fields = fields_of(ty).into_iter().filter(|(field, _)| is_secret(field));
        let telling_ones = fields.filter(|(field, _)| {
            !HARMLESS.contains(&field.as_str())
                && !HARMLESS.contains(&format!("{}.{field}", ty.name.node).as_str())
        });
        telling.extend(telling_ones.map(|(field, _)| format!("{}.{field}", ty.name.node)));
    }
    assert_eq!(telling, Vec::<String>::new());
}

/// A document for every field of the roots that can be tried by a request.
pub fn documents() -> Vec<String> {
    let tried = FIELDS.iter().filter(|(root, _, _, how)| *root != "Subscription" && !how.is_empty());
    tried.map(|(root, _, _, how)| document(root, how, "x")).collect()
}

fn document(root: &str, how: &str, unique: &str) -> String {
    let unique = format!("{unique}{}", how.len());
    let how = how.replace("_@", &format!("_{NOTHING}")).replace('$', &unique);
    format!("{} {}", root.to_lowercase(), how.replace("ERRORS", "userErrors { code }"))
}

/// The code of the first error; empty when there is none.
async fn try_field(person: &Person, root: &str, how: &str, unique: &str) -> String {
    let query = document(root, how, unique);
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
