//! What holds of every import: a state is exported and imported whole; nobody imports where they may not, or learns of what
//! is another team's.

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::seeds::{Dice, seeds_up_to};
use crate::harness::world::{World, on_both};

const SHAPE: &str = "applied things { outcome kind name pack team reasons } notes { isError message }";

on_both!(a_state_comes_back, nobody_imports_elsewhere, a_plan_reveals_nothing);

/// Random states: what is exported imports to nothing new where it is, and to the same where there is nothing.
async fn a_state_comes_back(world: World) {
    for name in ["Berlin", "Grüße: #1", "no", "- x"] {
        world.team(name).await;
    }
    // So that every layer is there, if an empty one.
    clear(&world.admin).await;
    for seed in seeds_up_to(20) {
        let mut dice = Dice::of(seed);
        fill(&world.admin, &mut dice).await;
        let (text, seen) = (export(&world.admin).await, dump(&world.admin).await);
        let again = import(&world.admin, json!({ "documents": [document(&text)] })).await;
        let outcomes = outcomes(&again);
        assert!(outcomes.iter().all(|outcome| outcome == "UNCHANGED"), "{again}\n{text}");
        clear(&world.admin).await;
        let back = import(&world.admin, json!({ "documents": [document(&text)] })).await;
        assert_eq!((&back["applied"], &back["notes"]), (&json!(true), &json!([])), "{back}\n{text}");
        assert_eq!(dump(&world.admin).await, seen, "{text}");
        assert_eq!(export(&world.admin).await, text);
        clear(&world.admin).await;
    }
}

/// Who manages one team imports into neither another one nor what is global: nothing is saved, whatever the document says.
async fn nobody_imports_elsewhere(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let global = "queries:\n- {name: q, query: select 1, interval: 60}\n";
    let elsewhere = "queries:\n- {name: q, query: select 1, interval: 60, team: paris}\n";
    let pack = "packs:\n- name: p\n  team: paris\n  queries:\n  - {name: q, query: select 1, interval: 60}\n";
    let layer = "configuration:\n- team: paris\n  document: {options: {verbose: true}}\n";
    for role in [Role::Maintainer, Role::Gitops, Role::Admin] {
        let person = world.person(&format!("elsewhere-{role}"), role, Some(&berlin)).await;
        let before = export(&world.admin).await;
        for input in [
            json!({ "documents": [document(global)] }),
            json!({ "documents": [document(elsewhere)] }),
            json!({ "documents": [document(pack)] }),
            json!({ "documents": [document(layer)] }),
            json!({ "documents": [document(global)], "teamId": paris.public_id.0 }),
        ] {
            for skip in [false, true] {
                let mut input = input.clone();
                input["skipRefused"] = json!(skip);
                let payload = import(&person, input.clone()).await;
                let is_refused = |outcome: &String| outcome == "REFUSED";
                let all_refused = outcomes(&payload).iter().all(is_refused);
                assert!(all_refused && (skip || payload["applied"] == false), "{role}: {input}: {payload}");
            }
        }
        assert_eq!(export(&world.admin).await, before, "{role}");
        let own = json!({ "documents": [document(global)], "teamId": berlin.public_id.0 });
        assert_eq!(import(&person, own).await["applied"], true, "{role}");
        clear(&world.admin).await;
    }
}

/// A plan says the same whether another team has something of that name, with that content, or nothing at all.
async fn a_plan_reveals_nothing(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let person = world.person("lead", Role::Maintainer, Some(&berlin)).await;
    let text = "queries:\n- {name: secret, query: select 1, interval: 60}\npacks:\n- name: hidden\n  queries:\n  \
        - {name: x, query: select 1, interval: 60}\nconfiguration:\n- document: {options: {verbose: true}}\n";
    let named = text.replace("queries:\n- {name: secret,", "queries:\n- {team: paris, name: secret,");
    let absent = text.replace("queries:\n- {name: secret,", "queries:\n- {team: nowhere, name: secret,");
    let plan = async |text: &str, team: &Value| {
        let input = json!({ "documents": [document(text)], "teamId": team, "dryRun": true });
        import(&person, input).await
    };
    let own = json!(berlin.public_id.0);
    let before = (plan(text, &own).await, plan(&named, &Value::Null).await);
    let theirs = json!({ "documents": [document(text)], "teamId": paris.public_id.0 });
    assert_eq!(import(&world.admin, theirs).await["applied"], true);
    let after = (plan(text, &own).await, plan(&named, &Value::Null).await);
    assert_eq!(after, before);
    let nowhere = plan(&absent, &Value::Null).await.to_string().replace("nowhere", "paris");
    assert_eq!(nowhere, after.1.to_string(), "a team that is not theirs is one that is not there");
    let seen = person.ask("query { export { text } }", json!({})).await;
    assert!(!seen.to_string().contains("secret"), "{seen}");
}

fn document(text: &str) -> Value {
    json!({ "name": "state.yml", "text": text })
}

async fn import(person: &Person, input: Value) -> Value {
    person.mutate("importDocuments", SHAPE, input).await
}

fn outcomes(payload: &Value) -> Vec<String> {
    let things = payload["things"].as_array().expect("a list").iter();
    things.map(|thing| thing["outcome"].as_str().expect("a word").to_owned()).collect()
}

async fn export(person: &Person) -> String {
    let export = person.ask("{ export { text } }", json!({})).await;
    export["export"]["text"].as_str().expect("a text").to_owned()
}

/// Everything that hosts run, as people see it.
async fn dump(person: &Person) -> Value {
    const QUERY: &str = "name sql description observerCanRun team { name } schedule { interval logging platform
        minOsqueryVersion shard denylist discardData automations labelsIncludeAny { name } labelsExcludeAny { name } }";
    let asked = format!(
        "{{ savedQueries(first: 50) {{ nodes {{ {QUERY} pack {{ name team {{ name }} }} }} }}
            packs(first: 20) {{ nodes {{ name description enabled platform minOsqueryVersion shard discovery
                team {{ name }} labelsIncludeAny {{ name }} labelsExcludeAny {{ name }}
                queries(first: 20) {{ nodes {{ name }} }} }} }} }}"
    );
    let mut seen = person.ask(&asked, json!({})).await;
    // Ids, and with them the order, are new.
    for list in ["savedQueries", "packs"] {
        let nodes = seen[list]["nodes"].as_array_mut().expect("a list");
        nodes.sort_by_key(ToString::to_string);
    }
    let mut layers = Vec::new();
    for team in teams(person).await {
        for platform in ["null", "LINUX", "WINDOWS"] {
            let asked = format!(
                "query($team: ID) {{ osqueryConfigLayer(teamId: $team, platform: {platform}) {{ document }} }}"
            );
            layers.push(person.ask(&asked, json!({ "team": team })).await);
        }
    }
    for team in teams(person).await {
        let asked = "query($team: ID) { osqueryConfigLayers(teamId: $team) { name priority platform document
            labelsIncludeAny { name } labelsExcludeAny { name } } }";
        layers.push(person.ask(asked, json!({ "team": team })).await);
    }
    json!([seen, layers])
}

/// Every team by id, and none.
async fn teams(person: &Person) -> Vec<Value> {
    let seen = person.ask("{ teams(first: 100) { nodes { id } } }", json!({})).await;
    let teams = seen["teams"]["nodes"].as_array().expect("a list").iter();
    teams.map(|team| team["id"].clone()).chain([Value::Null]).collect()
}

/// Takes everything away that hosts run.
async fn clear(person: &Person) {
    let seen = person.ask("{ packs(first: 100) { nodes { id } } }", json!({})).await;
    for pack in seen["packs"]["nodes"].as_array().expect("a list") {
        person.mutate("deletePack", "deletedPackId", json!({ "id": pack["id"] })).await;
    }
    let seen = person.ask("{ savedQueries(first: 100) { nodes { id } } }", json!({})).await;
    for query in seen["savedQueries"]["nodes"].as_array().expect("a list") {
        person.mutate("deleteSavedQuery", "deletedSavedQueryId", json!({ "id": query["id"] })).await;
    }
    for team in teams(person).await {
        let asked = "query($team: ID) { osqueryConfigLayers(teamId: $team) { name } }";
        let seen = person.ask(asked, json!({ "team": team })).await;
        let layers = seen["osqueryConfigLayers"].as_array().expect("a list").iter();
        for name in layers.map(|layer| &layer["name"]).filter(|name| name.is_string()) {
            let gone = json!({ "teamId": team, "name": name });
            person.mutate("deleteOsqueryConfigLayer", "deletedLayerName", gone).await;
        }
        for platform in [Value::Null, json!("LINUX"), json!("WINDOWS")] {
            let nothing = json!({ "teamId": team, "platform": platform, "document": "{}" });
            person.mutate("saveOsqueryConfigLayer", "layer { version }", nothing).await;
        }
    }
}

/// Texts that a writer of YAML may trip over.
const TEXTS: &[&str] = &[
    "plain",
    "yes",
    "null",
    "1e3",
    "0x10",
    "a: b",
    "- a",
    "# not a comment",
    "it's \"quoted\"",
    "two\nlines",
    "trailing \n\n",
    "  space",
    "tab\there",
    "é😀 \u{2028}",
    "{a: [b]}",
    "%&*!|>@`",
];

/// Makes some of everything.
async fn fill(person: &Person, dice: &mut Dice) {
    let teams = teams(person).await;
    let labels = person.ask("{ labels(first: 100) { nodes { id } } }", json!({})).await;
    let labels: Vec<Value> = labels["labels"]["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|label| label["id"].clone())
        .collect();
    for number in 0..4 {
        let team = dice.one_of(&teams).clone();
        let pack = random_pack(dice, number, &team, &labels);
        let made = person.mutate("createPack", "pack { id }", pack).await;
        let id = made["pack"]["id"].clone();
        assert!(id.is_string(), "{made}");
        for inner in 0..dice.below(4) {
            let mut query = random_query(dice, &format!("in {number} {inner}"), &labels);
            query["packId"] = id.clone();
            query["schedule"] = random_schedule(dice, &labels);
            make_query(person, query).await;
        }
    }
    for number in 0..6 {
        let name = format!("{} {number}", dice.one_of(TEXTS).replace(['\n', '\t', '\u{2028}'], " ").trim());
        let mut query = random_query(dice, &name, &labels);
        query["teamId"] = dice.one_of(&teams).clone();
        make_query(person, query).await;
    }
    for number in 0..5 {
        let options = json!({ "verbose": dice.once_in(2), "events_max": dice.below(1_000), "custom_a": dice.one_of(TEXTS),
            "custom_b": [dice.one_of(TEXTS), { "c": null }], "disable_events": null });
        let mut layer = json!({ "teamId": dice.one_of(&teams), "document": json!({ "options": options }).to_string(),
            "platform": dice.one_of(&[Value::Null, json!("LINUX"), json!("WINDOWS")]) });
        if number > 2 {
            layer["name"] = json!(format!(
                "{number} {}",
                dice.one_of(TEXTS).replace(['\n', '\t', '\u{2028}'], " ").trim()
            ));
            layer["labelsIncludeAny"] = json!([dice.one_of(&labels)]);
            layer["labelsExcludeAny"] = json!(some(dice, &labels));
            layer["priority"] = json!(dice.below(200));
        }
        let saved = person.mutate("saveOsqueryConfigLayer", "layer { version }", layer).await;
        assert!(saved["layer"].is_object(), "{saved}");
    }
}

async fn make_query(person: &Person, query: Value) {
    let made = person.mutate("createSavedQuery", "savedQuery { id }", query.clone()).await;
    assert!(made["savedQuery"].is_object(), "{query}: {made}");
}

fn random_pack(dice: &mut Dice, number: usize, team: &Value, labels: &[Value]) -> Value {
    let mut pack = json!({
        "name": format!("pack {number}"), "teamId": team, "enabled": !dice.once_in(4),
        "labelsIncludeAny": some(dice, labels), "labelsExcludeAny": some(dice, labels),
    });
    if dice.once_in(2) {
        pack["description"] = json!(dice.one_of(TEXTS));
        pack["discovery"] = json!(["select 1", "select 'a: #b'"]);
        pack["platform"] = json!("linux,darwin");
    }
    if dice.once_in(2) {
        pack["shard"] = json!(dice.below(100) + 1);
        pack["minOsqueryVersion"] = json!("5.2.1");
    }
    pack
}

fn random_query(dice: &mut Dice, name: &str, labels: &[Value]) -> Value {
    let literal = dice.one_of(TEXTS).replace('\'', "''");
    let mut query = json!({ "name": name, "sql": format!("select '{literal}' as a -- x"),
        "observerCanRun": dice.once_in(2) });
    if dice.once_in(2) {
        query["description"] = json!(dice.one_of(TEXTS));
    }
    if dice.once_in(2) {
        query["schedule"] = random_schedule(dice, labels);
    }
    query
}

fn random_schedule(dice: &mut Dice, labels: &[Value]) -> Value {
    let logging = dice.one_of(&["SNAPSHOT", "DIFFERENTIAL", "DIFFERENTIAL_IGNORE_REMOVALS"]);
    let mut schedule = json!({ "interval": dice.below(604_800) + 1, "logging": logging, "denylist": dice.once_in(2),
        "discardData": dice.once_in(2), "automations": dice.once_in(2),
        "labelsIncludeAny": some(dice, labels), "labelsExcludeAny": some(dice, labels) });
    if dice.once_in(2) {
        schedule["platform"] = json!("windows");
        schedule["minOsqueryVersion"] = json!("4");
        schedule["shard"] = json!(dice.below(100) + 1);
    }
    schedule
}

/// None, one or two of these.
fn some(dice: &mut Dice, of: &[Value]) -> Vec<Value> {
    let mut chosen: Vec<Value> = (0..dice.below(3)).map(|_| dice.one_of(of).clone()).collect();
    chosen.dedup();
    chosen
}
