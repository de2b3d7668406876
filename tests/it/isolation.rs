//! Isolation, tried as everybody: two teams that know nothing of each other, people of every role in one, and every
//! way to ask. Whatever is of the other team has its name in it, so that one look at an answer tells.

use std::sync::Arc;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(
    check_39_nobody_asks_beyond_their_team,
    check_40_a_foreign_id_is_an_absent_id,
    check_37_a_batch_with_a_foreign_id_does_nothing,
    check_38_a_host_is_not_taken_from_another_team,
    check_41_no_answer_names_the_other_team,
    check_43_nothing_secret_sorts_or_filters,
    check_44_cursors_lead_nowhere_else
);

/// The other team's name, in everything that is its.
const THEIRS: &str = "paris";

/// Documents that read everything that can be read without an id.
const READS: &[&str] = &[
    "{ hosts(first: 100) { totalCount nodes { id hostname hostIdentifier uuid team { id name }
        labels { nodes { name hostCount } }
        answers { nodes { state rows campaign { name sql } } } } edges { cursor } } }",
    "{ hosts(filter: { search: \"paris\" }) { totalCount nodes { id } } }",
    "{ hosts(last: 100, sort: { field: HOSTNAME, direction: ASC }) { totalCount nodes { hostname } } }",
    "{ hosts(sort: { field: ENROLLED_AT, direction: ASC }, filter: { statuses: [ONLINE, OFFLINE, MISSING] }) {
        totalCount nodes { hostname } } }",
    "{ teams(first: 100) { totalCount nodes { id name description version hosts { totalCount nodes { hostname } }
        savedQueries { totalCount nodes { name sql } } restrictions { name level } } } }",
    "{ labels(first: 100) { nodes { name kind hostCount team { name } } } }",
    "{ savedQueries(first: 100) { totalCount nodes { name sql description team { name } } } }",
    "{ savedQueries(search: \"paris\") { totalCount nodes { name } } }",
    "{ campaigns(first: 100) { totalCount nodes { name sql status createdBy { displayName }
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
];

/// Lists that are counted: what one sees of them is what one would see without the other team.
async fn check_41_no_answer_names_the_other_team(world: World) {
    let two = Two::of(&world).await;
    let mut people = vec![world.person("nothing", Role::Observer, Some(&world.team("empty").await)).await];
    for role in Role::ALL {
        people.push(world.person(&format!("{role}-of-berlin"), *role, Some(&two.berlin)).await);
    }
    for person in &people {
        for read in READS {
            let answer = person.gql(read, json!({})).await.to_string();
            assert!(!answer.contains("GRAPHQL_VALIDATION_FAILED"), "{read}: {answer}");
            let shown = answer.to_lowercase();
            assert!(!shown.contains(THEIRS), "{} asked {read}: {answer}", person.email);
            for id in &two.theirs {
                assert!(!shown.contains(id), "{} asked {read}: {answer}", person.email);
            }
        }
    }
    let counts =
        "{ hosts { totalCount } campaigns { totalCount } savedQueries { totalCount } teams { totalCount }
        previewTargets(targets: { allHosts: true }) { targeted excluded } }";
    let seen = people[1].ask(counts, json!({})).await;
    let one = json!({ "totalCount": 1 });
    let expected = json!({ "hosts": one, "campaigns": one, "savedQueries": one, "teams": one,
        "previewTargets": { "targeted": 1, "excluded": 0 } });
    assert_eq!(seen, expected);
}

/// "All hosts" are the caller's own; by filter, by id and by an earlier campaign nobody reaches further; rows, errors
/// and counters of a mixed campaign are those of the viewer's hosts.
async fn check_39_nobody_asks_beyond_their_team(world: World) {
    let mut two = Two::of(&world).await;
    let runner = world.person("runner", Role::ObserverPlus, Some(&two.berlin)).await;
    let started = runner.start("select name").await;
    two.hosts[1].poll().await.expect("a check-in");
    assert!(two.hosts[1].ledger.asked.iter().all(|(_, sql)| !sql.contains("berlin")));
    assert_eq!(world.admin.campaign(&started).await["totals"]["targeted"], 1);
    for targets in [
        json!({ "filter": { "teamIds": [two.team] } }),
        json!({ "filter": { "search": THEIRS } }),
        json!({ "hostIds": [two.host] }),
        json!({ "campaign": { "campaignId": two.campaign, "states": ["PENDING", "SUCCEEDED", "FAILED"] } }),
    ] {
        let input = json!({ "source": { "sql": "select 1" }, "targets": targets });
        let refused = runner.mutate("startCampaign", "campaign { id }", input).await;
        let code = refused["userErrors"][0]["code"].as_str().unwrap_or_default().to_owned();
        assert!(["NOT_FOUND", "NO_TARGETS"].contains(&code.as_str()), "{targets}: {refused}");
    }
    let mixed = world.admin.start("select 'mixed'").await;
    two.hosts[1].poll().await.expect("an answer");
    let mut viewing = runner.follow(&mixed, None).await;
    assert!(viewing.batch().await);
    assert_eq!((&viewing.last["totals"]["targeted"], viewing.events.len()), (&json!(1), 0));
    two.hosts[0].poll().await.expect("an answer");
    let events = viewing.to_the_end().await;
    assert_eq!(events.len(), 2, "one answer, and the end: {events:?}");
    assert!(events.iter().all(|event| !event.to_string().contains(THEIRS)));
}

/// Whatever takes an id answers alike for one of the other team and for one of nothing.
#[expect(clippy::too_many_lines, reason = "one line for each way to name something by its id")]
async fn check_40_a_foreign_id_is_an_absent_id(world: World) {
    let two = Two::of(&world).await;
    let ids: Vec<(&str, &String)> =
        ["tem", "hst", "qry", "cmp", "usr", "sec", "inv"].into_iter().zip(&two.theirs).collect();
    let own = &two.berlin.public_id.0;
    let by_id = [
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
        ("tem", mutation("updateTeam", "{ id: \"@\", description: \"x\" }", "team { id }")),
        ("tem", mutation("deleteTeam", "{ id: \"@\" }", "deletedTeamId")),
        ("usr", mutation("updateUser", "{ id: \"@\", displayName: \"x\" }", "user { id }")),
        ("usr", mutation("deleteUser", "{ id: \"@\" }", "deletedUserId")),
        (
            "usr",
            mutation(
                "setTeamRole",
                &format!("{{ userId: \"@\", teamId: \"{own}\", role: OBSERVER }}"),
                "user { id }",
            ),
        ),
        (
            "usr",
            mutation("removeTeamRole", &format!("{{ userId: \"@\", teamId: \"{own}\" }}"), "user { id }"),
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
        ("qry", mutation("deleteSavedQuery", "{ id: \"@\" }", "deletedSavedQueryId")),
        (
            "hst",
            mutation("transferHosts", &format!("{{ hostIds: [\"@\"], teamId: \"{own}\" }}"), "hosts { id }"),
        ),
        (
            "tem",
            mutation(
                "transferHosts",
                &format!("{{ hostIds: [\"{}\"], teamId: \"@\" }}", two.own),
                "hosts { id }",
            ),
        ),
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
    ];
    for role in Role::ALL {
        let person = world.person(&format!("{role}-of-berlin"), *role, Some(&two.berlin)).await;
        for (kind, theirs) in &ids {
            let node = "{ node(id: \"@\") { __typename } nodes(ids: [\"@\"]) { __typename } }";
            let documents = by_id.iter().filter(|(of, _)| of == kind).map(|(_, document)| document.as_str());
            for document in documents.chain([node]) {
                let absent = format!("{kind}_{:032x}", 7);
                let of_theirs = ask(&person, document, theirs).await;
                let of_nothing = ask(&person, document, &absent).await;
                assert_eq!(of_theirs, of_nothing, "{role} asked {document}");
            }
        }
        let follow = "subscription($id: ID!) { campaignEvents(campaignId: $id) { isFinal } }";
        let mut codes = Vec::new();
        for id in [two.campaign.clone(), format!("cmp_{:032x}", 7)] {
            let told = person.subscribe(follow, json!({ "id": id })).await.next().await;
            codes.push(match told {
                Told::Error(errors) => errors[0]["extensions"]["code"].clone(),
                Told::Next(result) => result["errors"][0]["extensions"]["code"].clone(),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(codes[0], codes[1], "{role} follows");
    }
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let seen = world.admin.ask(query, json!({ "ids": two.theirs })).await["nodes"].clone();
    assert!(seen.as_array().expect("a list").iter().all(Value::is_object), "it is all still there: {seen}");
}

/// One foreign id among own ones, and nothing is done to the own ones either.
async fn check_37_a_batch_with_a_foreign_id_does_nothing(world: World) {
    let two = Two::of(&world).await;
    let keeper = world.person("keeper", Role::Admin, Some(&two.berlin)).await;
    let both = json!([two.own, two.host]);
    for (field, shape, input) in [
        ("deleteHosts", "deletedHostIds", json!({ "hostIds": both })),
        ("transferHosts", "hosts { id }", json!({ "hostIds": both, "teamId": two.berlin.public_id.0 })),
        (
            "startCampaign",
            "campaign { id }",
            json!({ "source": { "sql": "select 1" }, "targets": { "hostIds": both } }),
        ),
    ] {
        let refused = keeper.mutate(field, shape, input).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{field}");
    }
    let query =
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Host { hostname } } campaigns { totalCount } }";
    let seen = world.admin.ask(query, json!({ "ids": both })).await;
    assert_eq!(seen["nodes"], json!([{ "hostname": "berlin-web" }, { "hostname": "paris-web" }]));
    assert_eq!(seen["campaigns"]["totalCount"], 2, "none was started");
}

/// Whoever manages one team takes no host from another, and puts none there.
async fn check_38_a_host_is_not_taken_from_another_team(world: World) {
    let two = Two::of(&world).await;
    let keeper = world.person("keeper", Role::Admin, Some(&two.berlin)).await;
    world.give_role(&keeper, Role::Observer, &two.paris).await;
    let take = json!({ "hostIds": [two.host], "teamId": two.berlin.public_id.0 });
    let put = json!({ "hostIds": [two.own], "teamId": two.paris.public_id.0 });
    let free = json!({ "hostIds": [two.own] });
    for input in [take, put, free] {
        let refused = keeper.mutate("transferHosts", "hosts { id }", input).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "they see it, and may not move it");
    }
}

/// What is sorted or filtered by is a closed set: nothing secret, and no column by its name.
async fn check_43_nothing_secret_sorts_or_filters(world: World) {
    let two = Two::of(&world).await;
    let observer = world.person("observer", Role::Observer, Some(&two.berlin)).await;
    for column in ["NODE_KEY", "SECRET", "PASSWORD", "ID", "hostname; drop table hosts"] {
        let query = format!("{{ hosts(sort: {{ field: {column} }}) {{ nodes {{ id }} }} }}");
        let code = observer.gql(&query, json!({})).await["errors"][0]["extensions"]["code"].clone();
        assert!(code == "GRAPHQL_VALIDATION_FAILED" || code == "GRAPHQL_PARSE_FAILED", "{column}: {code}");
    }
    for field in ["nodeKey", "secretHash", "passwordHash"] {
        let query = format!("{{ hosts(filter: {{ {field}: \"x\" }}) {{ nodes {{ id }} }} }}");
        let code = observer.gql(&query, json!({})).await["errors"][0]["extensions"]["code"].clone();
        assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "{field}");
    }
    let hostile =
        observer.ask("{ hosts(filter: { search: \"' or 1=1 --%_\" }) { totalCount } }", json!({})).await;
    assert_eq!(hostile["hosts"]["totalCount"], 0);
}

/// A cursor of somebody who sees more leads whoever gets hold of it to their own rows only; one that was changed, or is
/// of another list or campaign, nowhere.
async fn check_44_cursors_lead_nowhere_else(world: World) {
    let two = Two::of(&world).await;
    let observer = world.person("observer", Role::Observer, Some(&two.berlin)).await;
    let list =
        "query($after: String) { teams(first: 1, after: $after) { nodes { name } pageInfo { endCursor } } }";
    let first = world.admin.ask(list, json!({})).await["teams"].clone();
    let cursor = first["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned();
    let seen = observer.ask(list, json!({ "after": cursor })).await["teams"]["nodes"].clone();
    assert!(!seen.to_string().contains(THEIRS), "{seen}");
    let mut changed = cursor.clone();
    let end = changed.pop().expect("it has characters");
    changed.push(if end == 'A' { 'B' } else { 'A' });
    for bad in [changed.as_str(), "", "AAAA"] {
        let refused = observer.gql(list, json!({ "after": bad })).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{bad}");
    }
    let other = "query($after: String) { savedQueries(after: $after) { nodes { id } } }";
    let refused = observer.gql(other, json!({ "after": cursor })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let events = "query($id: ID!, $after: String) { node(id: $id) { ... on Campaign { events(after: $after) { nodes { cursor } } } } }";
    let theirs = world.admin.campaign(&two.campaign).await["latestCursor"].clone();
    let variables = json!({ "id": two.own_campaign, "after": theirs });
    let refused = observer.gql(events, variables).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

/// Two teams, one of everything in each.
struct Two {
    berlin: muster::fleet::teams::Team,
    paris: muster::fleet::teams::Team,
    /// The host of Berlin, then that of Paris.
    hosts: Vec<Agent>,
    /// Ids of Berlin: its host and its campaign.
    own: String,
    own_campaign: String,
    /// Ids of Paris.
    team: String,
    host: String,
    campaign: String,
    /// All ids of Paris: team, host, saved query, campaign, user, secret, invitation.
    theirs: Vec<String>,
}

impl Two {
    async fn of(world: &World) -> Self {
        let berlin = world.team("berlin").await;
        let (first, own) = fill(world, &berlin).await;
        let paris = world.team(THEIRS).await;
        let (second, theirs) = fill(world, &paris).await;
        let (team, host, campaign) = (theirs[0].clone(), theirs[1].clone(), theirs[3].clone());
        Self {
            berlin,
            paris,
            hosts: vec![first, second],
            own: own[1].clone(),
            own_campaign: own[3].clone(),
            team,
            host,
            campaign,
            theirs,
        }
    }
}

/// One of everything in a team, each with the team's name in it; answers the ids.
async fn fill(world: &World, team: &muster::fleet::teams::Team) -> (Agent, Vec<String>) {
    let (name, id) = (&team.name, &team.public_id.0);
    let hostname = format!("{name}-web");
    let answer = hostname.clone();
    let answering = Arc::new(move |_: &str| AgentAnswer::one("name", &answer));
    let secret = world.team_secret(team).await;
    let mut host = world.host_with(&hostname, &secret, answering).await;
    let admin = &world.admin;
    let made = async |field: &str, shape: &str, input: Value| {
        let payload = admin.mutate(field, &format!("{shape} {{ id }}"), input).await;
        payload[shape]["id"].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned()
    };
    let found = admin
        .ask(&format!("{{ hosts(filter: {{ search: \"{name}\" }}) {{ nodes {{ id }} }} }}"), json!({}))
        .await;
    let host_id = found["hosts"]["nodes"][0]["id"].as_str().expect("it is in").to_owned();
    let sql = format!("select '{name}' as name");
    let query = made(
        "createSavedQuery",
        "savedQuery",
        json!({ "name": format!("{name}-query"), "sql": sql, "teamId": id }),
    )
    .await;
    let campaign = json!({ "source": { "sql": sql }, "name": format!("{name}-campaign"),
        "targets": { "filter": { "teamIds": [id] } } });
    let campaign = made("startCampaign", "campaign", campaign).await;
    host.poll().await.expect("an answer");
    let user = json!({ "email": format!("boss@{name}.test"), "displayName": format!("{name} boss"),
        "password": crate::harness::personas::PASSWORD, "role": "ADMIN", "teamId": id });
    let user = made("createUser", "user", user).await;
    let secret =
        made("createEnrollSecret", "enrollSecret", json!({ "name": format!("{name}-secret"), "teamId": id }))
            .await;
    let invitation = json!({ "email": format!("guest@{name}.test"), "role": "OBSERVER", "teamId": id });
    let invitation = made("createInvitation", "invitation", invitation).await;
    (host, vec![id.clone(), host_id, query, campaign, user, secret, invitation])
}

/// A mutation with `@` for an id.
fn mutation(field: &str, input: &str, shape: &str) -> String {
    format!("mutation {{ {field}(input: {input}) {{ {shape} userErrors {{ message path code }} }} }}")
}

/// An answer with the id that was asked for taken out, and what differs with every request.
async fn ask(person: &Person, document: &str, id: &str) -> Value {
    let answer = person.gql(&document.replace("\"@\"", &format!("{id:?}")), json!({})).await;
    assert_ne!(
        answer["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED",
        "{document}: {answer}"
    );
    let mut answer: Value =
        serde_json::from_str(&answer.to_string().replace(id, "@")).expect("it is JSON still");
    for error in answer["errors"].as_array_mut().into_iter().flatten() {
        if let Some(extensions) = error["extensions"].as_object_mut() {
            extensions.remove("requestId");
        }
    }
    answer
}
