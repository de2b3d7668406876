//! What is asked: everything that can be read without an id, and everything that takes one.

/// Documents that read everything that can be read without an id.
pub const READS: &[&str] = &[
    "{ hosts(first: 100) { totalCount nodes { id hostname hostIdentifier uuid team { id name }
        labels { nodes { name hostCount } }
        answers { nodes { state rows campaign { name sql } } } } edges { cursor } } }",
    "{ hosts(filter: { search: \"paris\" }) { totalCount nodes { id } } }",
    "{ hosts(last: 100, sort: { field: HOSTNAME, direction: ASC }) { totalCount nodes { hostname } } }",
    "{ hosts(sort: { field: ENROLLED_AT, direction: ASC }, filter: { statuses: [ONLINE, OFFLINE, MISSING] }) {
        totalCount nodes { hostname } } }",
    "{ hosts(first: 100) { nodes { vitals { primaryAddress tables { key rows } } contact { checkedInAt } } } }",
    "{ hostCounts { total byStatus { status hosts } byPlatform { platform hosts } byTeam { team { name } hosts }
        byLabel { label { name } hosts } } }",
    "{ teams(first: 100) { totalCount nodes { id name description version hosts { totalCount nodes { hostname } }
        savedQueries { totalCount nodes { name sql } } restrictions { name level } } } }",
    "{ labels(first: 100) { nodes { name kind hostCount team { name } } } }",
    "{ savedQueries(first: 100) { totalCount nodes { name sql description team { name } } } }",
    "{ savedQueries(search: \"paris\") { totalCount nodes { name } } }",
    "{ savedQueries(first: 100, scheduled: true) { nodes { name pack { name }
        schedule { interval labelsIncludeAny { name } } } } }",
    "{ packs(first: 100) { totalCount nodes { id name description discovery team { name }
        queries { totalCount nodes { name sql } } } } }",
    "{ policies { totalCount nodes { id name sql description resolution team { name } counts { passing failing
        error unanswered } countsByTeam { team { name } counts { unanswered } } labelsIncludeAny { name }
        hosts { nodes { state error host { hostname } history(first: 5) { nodes { state error } } } } } } }",
    "{ policies(search: \"paris\") { totalCount nodes { name } } }",
    "{ hosts { nodes { failingPolicyCount policies { nodes { state error policy { name } } } } } }",
    "{ osqueryConfig { document origins { path layer } layers { document team { name } } } }",
    "{ savedQueries { nodes { name hosts { nodes { name state host { hostname } report { rows } } }
        reportRows { nodes { values host { hostname } report { name } } }
        sorted: reportRows(orderBy: { column: \"a\" }) { nodes { values } } } }
        hosts(filter: { configInSync: false }) { totalCount nodes { hostname configInSync vitals { configHash }
            scheduledQueries { nodes { name state savedQuery { name sql } report { rows } } } } } }",
    "{ savedQueries { nodes { health { name host { hostname } } reports { nodes { name rows host { hostname } } } } }
        hosts { nodes { reports { nodes { name rows savedQuery { name } } } unansweredQueries { name sql }
            queryHealth { name isDenylisted executions } } } }",
    "{ osqueryConfigLayers { name document team { name } labelsIncludeAny { name } labelsExcludeAny { name } }
        osqueryConfigLayer(name: \"paris-layer\") { name document } }",
    "{ osqueryConfigLayer { document } hosts { nodes { osqueryConfig { document hash layers { document } } } } }",
    "{ campaigns(first: 20) { totalCount nodes { name sql status createdBy { displayName }
        totals { targeted outstanding succeeded failed rows } onlineOutstanding
        targets(first: 100) { totalCount nodes { hostname state } }
        events(first: 100) { nodes { __typename ... on CampaignHostRows { hostname rows }
            ... on CampaignHostError { hostname message } ... on CampaignEnded { totals { targeted } } } } } } }",
    "{ campaigns(search: \"paris\") { totalCount nodes { name } } }",
    "{ users(first: 100) { totalCount nodes { displayName email role teamRoles { team { name } role } } } }",
    "{ users(search: \"paris\") { totalCount nodes { displayName } } }",
    "{ invitations { nodes { email team { name } } } }",
    "{ enrollSecrets(first: 100) { nodes { name team { name } } } }",
    "{ previewTargets(targets: { allHosts: true }) { targeted online excluded } }",
    "{ previewTargets(targets: { filter: { search: \"paris\" } }) { targeted online excluded } }",
    "{ settings { dispatchStopped targetCap restrictions { name level } } }",
    "{ viewer { role teamRoles { team { name hosts { totalCount } } role } actor { displayName } } }",
    "{ viewer { sessions { nodes { id source } } apiTokens { nodes { id displayName team { name } } } } }",
    "{ apiTokens { nodes { id displayName user { displayName } } } }",
    "{ activities(first: 100) { nodes { id kind actorId userId actorName source team { name } subjectId details }
        edges { cursor } } }",
    "{ activities(first: 100, filter: { kinds: [\"campaign\", \"user\", \"session\"] }) { nodes { actorName details } } }",
    "{ campaigns(first: 50) { nodes { name targets(first: 100) { nodes { hostname host { hostname team { name } } } }
        rerunOf { name } savedQuery { name } latestCursor } } }",
];

/// Everything that takes an id, as the prefix of what it names and a document with `@` in its place. `team` and `host`
/// are of those who ask.
#[expect(clippy::too_many_lines, reason = "one line for each way to name something by its id")]
pub fn by_id(team: &str, host: &str) -> Vec<(&'static str, String)> {
    vec![
        ("hst", "{ node(id: \"@\") { __typename } nodes(ids: [\"@\"]) { __typename } }".to_owned()),
        ("hst", "{ host(by: { id: \"@\" }) { id } }".to_owned()),
        ("tem", "{ hosts(filter: { teamIds: [\"@\"] }) { totalCount nodes { id } } }".to_owned()),
        ("tem", "{ savedQueries(teamId: \"@\") { totalCount nodes { id } } }".to_owned()),
        ("tem", "{ labels(teamId: \"@\") { nodes { id } } }".to_owned()),
        ("tem", "{ users(teamId: \"@\") { totalCount nodes { id } } }".to_owned()),
        ("tem", "{ enrollSecrets(teamId: \"@\") { nodes { id } } }".to_owned()),
        ("qry", "{ campaigns(savedQueryId: \"@\") { totalCount nodes { id } } }".to_owned()),
        ("hst", "{ previewTargets(targets: { hostIds: [\"@\"] }) { targeted excluded } }".to_owned()),
        (
            "tem",
            "{ previewTargets(targets: { filter: { teamIds: [\"@\"] } }) { targeted excluded } }".to_owned(),
        ),
        ("cmp", "{ previewTargets(targets: { campaign: { campaignId: \"@\" } }) { targeted } }".to_owned()),
        (
            "qry",
            "{ previewTargets(targets: { allHosts: true }, source: { savedQueryId: \"@\" }) { targeted } }"
                .to_owned(),
        ),
        ("tem", "{ activities(filter: { teamIds: [\"@\"] }) { nodes { id } } }".to_owned()),
        ("usr", "{ activities(filter: { actorId: \"@\" }) { nodes { id } } }".to_owned()),
        ("usr", "{ activities(filter: { userId: \"@\" }) { nodes { id } } }".to_owned()),
        ("cmp", "{ activities(filter: { subjectId: \"@\" }) { nodes { id } } }".to_owned()),
        ("usr", mutation("createPasswordReset", "{ userId: \"@\" }", "token")),
        ("tem", mutation("createApiToken", "{ name: \"x\", scope: READ, teamId: \"@\" }", "token")),
        ("tok", mutation("revokeApiToken", "{ id: \"@\" }", "revokedApiTokenId")),
        ("ses", mutation("revokeSession", "{ id: \"@\" }", "revokedSessionId")),
        ("tem", mutation("updateTeam", "{ id: \"@\", description: \"x\" }", "team { id }")),
        ("tem", mutation("deleteTeam", "{ id: \"@\" }", "deletedTeamId")),
        ("usr", mutation("updateUser", "{ id: \"@\", displayName: \"x\" }", "user { id }")),
        ("usr", mutation("deleteUser", "{ id: \"@\" }", "deletedUserId")),
        (
            "usr",
            mutation(
                "setTeamRole",
                &format!("{{ userId: \"@\", teamId: \"{team}\", role: OBSERVER }}"),
                "user { id }",
            ),
        ),
        (
            "usr",
            mutation("removeTeamRole", &format!("{{ userId: \"@\", teamId: \"{team}\" }}"), "user { id }"),
        ),
        ("tem", mutation("createInvitation", "{ email: \"a@b\", role: OBSERVER, teamId: \"@\" }", "token")),
        ("inv", mutation("revokeInvitation", "{ id: \"@\" }", "revokedInvitationId")),
        ("tem", mutation("createEnrollSecret", "{ teamId: \"@\" }", "secret")),
        ("sec", mutation("rotateEnrollSecret", "{ id: \"@\" }", "secret")),
        ("sec", mutation("revokeEnrollSecret", "{ id: \"@\" }", "revokedEnrollSecretId")),
        (
            "tem",
            mutation(
                "createSavedQuery",
                "{ name: \"x\", sql: \"select 1\", teamId: \"@\" }",
                "savedQuery { id }",
            ),
        ),
        ("qry", mutation("updateSavedQuery", "{ id: \"@\", name: \"x\" }", "savedQuery { id }")),
        (
            "pck",
            mutation(
                "createSavedQuery",
                "{ name: \"x\", sql: \"select 1\", packId: \"@\" }",
                "savedQuery { id }",
            ),
        ),
        ("pck", "{ savedQueries(packId: \"@\") { totalCount nodes { id } } }".to_owned()),
        ("tem", "{ packs(teamId: \"@\") { totalCount nodes { id } } }".to_owned()),
        ("tem", mutation("createPack", "{ name: \"x\", teamId: \"@\" }", "pack { id }")),
        ("pck", mutation("updatePack", "{ id: \"@\", name: \"x\" }", "pack { id }")),
        ("pck", mutation("deletePack", "{ id: \"@\" }", "deletedPackId")),
        ("tem", "{ policies(teamId: \"@\") { totalCount nodes { id } } }".to_owned()),
        (
            "pol",
            "{ hosts(filter: { policies: [{ policyId: \"@\", state: UNANSWERED }] }) { totalCount } }"
                .to_owned(),
        ),
        (
            "tem",
            mutation("createPolicy", "{ name: \"x\", sql: \"select 1\", teamId: \"@\" }", "policy { id }"),
        ),
        ("pol", mutation("updatePolicy", "{ id: \"@\", name: \"x\" }", "policy { id }")),
        ("pol", mutation("deletePolicy", "{ id: \"@\" }", "deletedPolicyId")),
        ("tem", "{ osqueryConfigLayer(teamId: \"@\") { document } }".to_owned()),
        ("tem", "{ osqueryConfigLayers(teamId: \"@\") { document } }".to_owned()),
        ("tem", mutation("deleteOsqueryConfigLayer", "{ name: \"x\", teamId: \"@\" }", "deletedLayerName")),
        ("tem", "{ osqueryConfig(teamId: \"@\") { document } }".to_owned()),
        (
            "tem",
            mutation("saveOsqueryConfigLayer", "{ document: \"{}\", teamId: \"@\" }", "layer { version }"),
        ),
        ("qry", mutation("deleteSavedQuery", "{ id: \"@\" }", "deletedSavedQueryId")),
        (
            "hst",
            mutation("transferHosts", &format!("{{ hostIds: [\"@\"], teamId: \"{team}\" }}"), "hosts { id }"),
        ),
        (
            "tem",
            mutation("transferHosts", &format!("{{ hostIds: [\"{host}\"], teamId: \"@\" }}"), "hosts { id }"),
        ),
        ("hst", mutation("refetchHost", "{ hostId: \"@\" }", "host { id }")),
        ("hst", mutation("refetchHosts", "{ hostIds: [\"@\"] }", "hostIds")),
        ("tem", mutation("refetchHosts", "{ filter: { teamIds: [\"@\"] } }", "hostIds remaining")),
        ("tem", mutation("deleteHosts", "{ filter: { teamIds: [\"@\"] } }", "deletedHostIds remaining")),
        ("hst", mutation("deleteHosts", "{ hostIds: [\"@\"] }", "deletedHostIds")),
        ("cmp", mutation("stopCampaign", "{ campaignId: \"@\" }", "campaign { id }")),
        (
            "qry",
            mutation(
                "startCampaign",
                "{ source: { savedQueryId: \"@\" }, targets: { allHosts: true } }",
                "campaign { id }",
            ),
        ),
    ]
}

/// A mutation with `@` for an id.
fn mutation(field: &str, input: &str, shape: &str) -> String {
    format!("mutation {{ {field}(input: {input}) {{ {shape} userErrors {{ message path code }} }} }}")
}
