//! Every field below a list, found in the schema: for many rows it costs as many statements as for two.

use std::sync::Arc;

use async_graphql::parser::types::{FieldDefinition, TypeKind};
use entity::{host_schedule, hosts};
use muster::clock::Timestamp;
use sea_orm::{EntityTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::sdl::{Schema, named};
use crate::harness::services::postgres::connect;
use crate::harness::world::{World, on_both};

on_both!(no_field_below_a_list_costs_by_its_rows);

/// Rows of each list.
const ROWS: usize = 12;

/// How a list of each type is asked for; `%` is what is asked of its rows. Others are found below these.
const LISTS: &[(&str, &str)] = &[
    ("Activity", "activities(first: $n) { nodes { % } }"),
    ("ApiToken", "apiTokens(first: $n) { nodes { % } }"),
    ("Campaign", "campaigns(first: $n) { nodes { % } }"),
    ("EnrollSecret", "enrollSecrets(first: $n) { nodes { % } }"),
    ("Host", "hosts(first: $n, sort: { field: ENROLLED_AT, direction: ASC }) { nodes { % } }"),
    ("Invitation", "invitations(first: $n) { nodes { % } }"),
    ("Label", "labels(first: $n, search: \"made\") { nodes { % } }"),
    ("Pack", "packs(first: $n) { nodes { % } }"),
    ("Policy", "policies(first: $n) { nodes { % } }"),
    ("SavedQuery", "savedQueries(first: $n) { nodes { % } }"),
    ("Session", "viewer { sessions(first: $n) { nodes { % } } }"),
    ("Team", "teams(first: $n) { nodes { % } }"),
    ("User", "users(first: $n) { nodes { % } }"),
];

/// Arguments that must be given; `@` is a host.
const ARGUMENTS: &[(&str, &str, &str)] = &[("Campaign", "answer", "(hostId: \"@\")")];

/// What holds nothing here, with the reason.
const EMPTY: &[(&str, &str)] = &[
    ("HostContact.silence", "every host answers"),
    ("HostVitals.tables", "no host is asked what it is"),
    ("Label.failures", "no SQL of a label fails"),
    ("LabelFailure.host", "no SQL of a label fails"),
    ("Policy.hosts", "nobody has answered a policy"),
    ("PolicyResult.history", "nobody is asked for policies"),
    ("Team.restrictions", "they stand in the row of the team"),
];

/// Types that no list leads to: an answer has one of each, or a mutation or subscription tells them.
const SINGLE: &[&str] = &[
    "AdditionalQuery",
    "CampaignEventBatch",
    "ConfigWarning",
    "Destination",
    "Export",
    "FleetSettings",
    "HostChange",
    "HostCounts",
    "HostLabelCount",
    "HostPlatformCount",
    "HostStatusCount",
    "HostTeamCount",
    "ImportNote",
    "ImportPlace",
    "ImportedThing",
    "InputError",
    "Mutation",
    "PolicyChange",
    "Query",
    "RateLimit",
    "SqlError",
    "Subscription",
    "TargetPreview",
    "Viewer",
];

/// What is read of one object at a time, with the reason: what it costs says so.
const SINGLY: &[(&str, &str)] =
    &[("SavedQuery.reportRows", REPORTS), ("Report.reportRows", REPORTS), ("ReportRow", REPORTS)];

const REPORTS: &str = "each looks at up to 64 MiB of rows, which many at once must not";

async fn no_field_below_a_list_costs_by_its_rows(world: World) {
    let settings: &[(&'static str, &str)] =
        &[("graphql.rate_limit", "1000000000000"), ("graphql.max_cost", "1000000000")];
    let world = World { server: world.server.restart_with(settings).await, ..world };
    let host = populate(&world).await;
    let schema = Schema::read();
    let mut wrong = Vec::new();
    let mut reached: Vec<(String, String)> =
        LISTS.iter().map(|(ty, list)| ((*ty).to_owned(), (*list).to_owned())).collect();
    let mut next = 0;
    while let Some((ty, list)) = reached.get(next).cloned() {
        next += 1;
        let (leaves, deeper): (Vec<_>, Vec<_>) =
            schema.fields(&ty).into_iter().partition(|field| !schema.is_composite(named(&field.ty.node)));
        let leaves: Vec<_> = leaves.iter().map(|field| field.name.node.as_str()).collect();
        if !leaves.is_empty() {
            hold(&world, &ty, &list.replace('%', &leaves.join(" ")), &mut wrong).await;
        }
        for field in deeper {
            let name = format!("{ty}.{}", field.name.node);
            let selected = selected(&schema, &ty, field, &host);
            let answer = hold(&world, &name, &list.replace('%', &selected.whole), &mut wrong).await;
            let is_empty = EMPTY.iter().any(|(empty, _)| *empty == name);
            if !is_empty && !answer.to_string().contains("\"__typename\"") {
                wrong.push(format!("{name} holds nothing, so that nothing was tried"));
            }
            for (below, path) in selected.below {
                // Of one host, which has not everything.
                if name != "Campaign.answer" && !reached.iter().any(|(known, _)| *known == below) {
                    reached.push((below, list.replace('%', &path)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let is_of_page = |ty: &str| ty == "PageInfo" || ty.ends_with("Connection") || ty.ends_with("Edge");
    let untried: Vec<_> = schema
        .names()
        .filter(|ty| matches!(schema.kind(ty), Some(TypeKind::Object(_))))
        .filter(|ty| !is_of_page(ty) && !ty.ends_with("Payload"))
        .filter(|ty| !reached.iter().any(|(known, _)| known == ty))
        .collect();
    assert_eq!(untried, SINGLE, "types that no list was found to lead to");
}

/// What is asked of a composite field, and the types that this leads to, each with its way.
struct Selected {
    whole: String,
    below: Vec<(String, String)>,
}

fn selected(schema: &Schema, ty: &str, field: &FieldDefinition, host: &str) -> Selected {
    let name = field.name.node.as_str();
    let given = ARGUMENTS.iter().find(|(of, field, _)| (*of, *field) == (ty, name));
    let call = format!("{name}{}", given.map_or(String::new(), |(.., given)| given.replace('@', host)));
    let of = named(&field.ty.node);
    let fields = schema.fields(of);
    let Some(nodes) = fields.iter().find(|field| field.name.node == "nodes") else {
        let objects = objects(schema, of);
        let below = objects.iter().map(|object| {
            let way = if objects.len() == 1 { "%".to_owned() } else { format!("... on {object} {{ % }}") };
            (object.clone(), format!("{call} {{ {way} }}"))
        });
        return Selected { whole: format!("{call} {{ __typename }}"), below: below.collect() };
    };
    let has_total = fields.iter().any(|field| field.name.node == "totalCount");
    let total = if has_total { "totalCount" } else { "" };
    let node = named(&nodes.ty.node);
    let objects = objects(schema, node);
    let below = objects.iter().map(|object| {
        let way = if objects.len() == 1 { "%".to_owned() } else { format!("... on {object} {{ % }}") };
        (object.clone(), format!("{call} {{ nodes {{ {way} }} }}"))
    });
    Selected {
        whole: format!(
            "{call} {{ {total} edges {{ cursor }} pageInfo {{ hasNextPage endCursor }} nodes {{ __typename }} }}"
        ),
        below: below.collect(),
    }
}

/// The objects that a type can be.
fn objects(schema: &Schema, ty: &str) -> Vec<String> {
    match schema.kind(ty) {
        Some(TypeKind::Interface(_)) => schema.objects(ty).into_iter().map(str::to_owned).collect(),
        Some(TypeKind::Union(union)) => union.members.iter().map(|member| member.node.to_string()).collect(),
        _ => vec![ty.to_owned()],
    }
}

/// Asks for two rows and for many, and notes when that costs a different number of statements.
async fn hold(world: &World, name: &str, selection: &str, wrong: &mut Vec<String>) -> Value {
    let document = format!("query($n: Int!) {{ {selection} }}");
    let answer = world.admin.ask(&document, json!({ "n": ROWS })).await;
    let cost = async |rows: usize| {
        let ask = async || drop(world.admin.ask(&document, json!({ "n": rows })).await);
        world.server.statements_of(ask).await
    };
    let (few, many) = (cost(2).await, cost(ROWS).await);
    let is_single = |(of, _): &(&str, &str)| name == *of || name.starts_with(&format!("{of}."));
    if few != many && !SINGLY.iter().any(is_single) {
        wrong.push(format!("{name}: {few} statements for 2 rows, {many} for {ROWS}: {document}"));
    }
    answer
}

/// Some of everything; answers a host.
async fn populate(world: &World) -> String {
    let labels = world.admin.ask("{ labels { nodes { id name } } }", json!({})).await;
    let label = |part: &str| {
        let mut labels = labels["labels"]["nodes"].as_array().into_iter().flatten();
        let found = labels.find(|label| label["name"].as_str().is_some_and(|name| name.contains(part)));
        found.unwrap_or_else(|| panic!("no label {part}: {labels:?}"))["id"].clone()
    };
    let (all, other) = (label("All"), label("Windows"));
    let mut agents = Vec::new();
    for n in 0..ROWS {
        let team = world.team(&format!("team {n}")).await;
        let secret = world.team_secret(&team).await;
        let answering = Arc::new(move |_: &str| {
            if n % 3 == 2 { AgentAnswer::failure("no such table: x") } else { AgentAnswer::one("n", "1") }
        });
        agents.push(world.host_with(&format!("host-{n}"), &secret, answering).await);
        of_team(world, n, &team.public_id.0, (&all, &other)).await;
    }
    let mut before = Value::Null;
    let queries = world.admin.ask("{ savedQueries(first: 100) { nodes { id } } }", json!({})).await;
    let teams = world.admin.ask("{ teams(first: 100) { nodes { id } } }", json!({})).await;
    for n in 0..ROWS {
        // The newest two have what asks for more.
        let targets = match n % 4 {
            3 => json!({ "filter": { "labelIds": [all], "teamIds": [teams["teams"]["nodes"][n]["id"]] } }),
            2 => json!({ "campaign": { "campaignId": before, "states": ["PENDING"] } }),
            _ => json!({ "allHosts": true }),
        };
        let source = json!({ "savedQueryId": queries["savedQueries"]["nodes"][2 * n]["id"] });
        let run = json!({ "source": source, "targets": targets });
        before = made(world, "startCampaign", "campaign", run).await;
    }
    for (n, agent) in agents.iter_mut().enumerate() {
        agent.poll().await.expect("an answer");
        let line = json!({ "name": format!("pack_p{n}_q"), "hostIdentifier": "x", "unixTime": 100, "epoch": 0,
            "counter": 0, "numerics": false, "columns": { "name": "root" }, "action": "added" });
        agent.log("result", [line.to_string()]);
        agent.flush_logs().await.expect("the lines are taken");
    }
    world.server.tick().await;
    fares(world).await;
    let found = "{ host(by: { hostIdentifier: \"host-0\" }) { id } hosts(filter: { search: \"host-0\" }) { nodes { id } } }";
    let found = world.admin.ask(found, json!({})).await;
    found["hosts"]["nodes"][0]["id"].as_str().expect("a host").to_owned()
}

/// What one team has.
async fn of_team(world: &World, n: usize, team: &str, (all, other): (&Value, &Value)) {
    let mail = format!("user-{n}@muster.test");
    let user = json!({ "email": mail, "displayName": "U", "password": "correct horse battery",
        "role": "OBSERVER", "teamId": team });
    made(world, "createUser", "user", user).await;
    let invitation = json!({ "email": format!("new-{n}@muster.test"), "role": "OBSERVER", "teamId": team });
    made(world, "createInvitation", "invitation", invitation).await;
    made(world, "createApiToken", "apiToken", json!({ "name": "t", "scope": "READ", "teamId": team })).await;
    world.admin.clone().sign_in().await;
    let pack = json!({ "name": format!("p{n}"), "teamId": team, "labelsIncludeAny": [all],
        "labelsExcludeAny": [other] });
    let pack = made(world, "createPack", "pack", pack).await;
    let schedule = json!({ "interval": 60, "labelsIncludeAny": [all], "labelsExcludeAny": [other] });
    let query = json!({ "name": "q", "sql": "select 1", "packId": pack, "schedule": schedule });
    made(world, "createSavedQuery", "savedQuery", query).await;
    let own = json!({ "name": format!("q{n}"), "sql": "select 1", "teamId": team, "schedule": schedule });
    made(world, "createSavedQuery", "savedQuery", own).await;
    let label = json!({ "name": format!("made {n}"), "sql": "select 1", "teamId": team });
    made(world, "createLabel", "label", label).await;
    let policy = json!({ "name": format!("policy {n}"), "sql": "select 1", "teamId": team,
        "labelsIncludeAny": [all], "labelsExcludeAny": [other] });
    made(world, "createPolicy", "policy", policy).await;
    let layer = json!({ "teamId": team, "document": "{\"options\":{\"verbose\":true}}" });
    let for_labels = json!({ "teamId": team, "document": "{}", "name": "l", "labelsIncludeAny": [all],
        "labelsExcludeAny": [other] });
    for layer in [layer, for_labels] {
        let saved = world.admin.mutate("saveOsqueryConfigLayer", "warnings { path }", layer).await;
        assert_eq!(saved["userErrors"], json!([]));
    }
}

/// Makes something; answers its id.
async fn made(world: &World, field: &str, what: &str, input: Value) -> Value {
    let made = world.admin.mutate(field, &format!("{what} {{ id }}"), input).await;
    assert!(made[what]["id"].is_string(), "{field}: {made}");
    made[what]["id"].clone()
}

/// How a query of its schedule fares, on every host.
async fn fares(world: &World) {
    let db = connect(&world.server.database_url()).await;
    for host in hosts::Entity::find().all(&db).await.expect("the store answers") {
        let row = host_schedule::Model {
            host_id: host.id,
            name: host.hostname.replace("host-", "pack_p") + "_q",
            last_executed_at: None,
            is_denylisted: false,
            denylisted_since: None,
            interval_s: 60,
            executions: 1,
            wall_time_ms: 1,
            user_time_ms: 1,
            system_time_ms: 1,
            average_memory_bytes: 1,
            output_bytes: 1,
            updated_at: Timestamp(1),
        };
        let row = row.into_active_model();
        host_schedule::Entity::insert(row).exec_without_returning(&db).await.expect("it is stored");
    }
    db.close().await.expect("a connection closes");
}
