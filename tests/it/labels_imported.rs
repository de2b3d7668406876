//! Labels in what other tools write, and in what is exported.

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};
use crate::labels::{labels_of, members, sound, with};

on_both!(there_and_back, refused, for_who_may);

const FLEET: &str = "
apiVersion: v1
kind: label
spec: {name: Servers, query: select 1 from etc_services, platform: 'linux,darwin', description: What serves}
---
apiVersion: v1
kind: label
spec: {name: Chosen, label_membership_type: manual, hosts: [host-0, HOST-1-identifier, nobody]}
---
apiVersion: v1
kind: query
spec: {name: uptime, query: select * from uptime, interval: 60, labels_include_any: [Chosen]}
";

/// What is imported is there, twice the same changes nothing, an export imports to the same, and what changed follows.
async fn there_and_back(world: World) {
    let _hosts = world.hosts(3).await;
    let first = import(&world.admin, FLEET, json!({})).await;
    assert_eq!(outcomes(&first), ["CREATED LABEL Servers", "CREATED LABEL Chosen", "CREATED QUERY uptime"]);
    assert!(first["notes"].to_string().contains("no host is called `nobody`"), "{first}");
    let query = "{ labels(first: 100) { nodes { id name kind sql platforms description } } }";
    let labels = async || world.admin.ask(query, json!({})).await["labels"]["nodes"].clone();
    let made = labels().await;
    let named = |name: &str| made.as_array().expect("a list").iter().find(|label| label["name"] == name);
    let servers = named("Servers").expect("it is made");
    assert_eq!((&servers["kind"], &servers["platforms"]), (&json!("DYNAMIC"), &json!(["DARWIN", "LINUX"])));
    let chosen = named("Chosen").expect("it is made")["id"].as_str().expect("an id").to_owned();
    assert_eq!(members(&world.admin, &chosen).await, ["host-0", "host-1"]);
    let again = import(&world.admin, FLEET, json!({})).await;
    let unchanged = ["UNCHANGED LABEL Servers", "UNCHANGED LABEL Chosen", "UNCHANGED QUERY uptime"];
    assert_eq!(outcomes(&again), unchanged);
    let export = world.admin.ask("{ export { text leftOut } }", json!({})).await["export"].clone();
    assert_eq!(export["leftOut"], json!([]));
    let text = export["text"].as_str().expect("a text").to_owned();
    assert_eq!(outcomes(&import(&world.admin, &text, json!({})).await), unchanged, "{text}");
    let plan =
        import(&world.admin, &FLEET.replace("HOST-1-identifier", "host-2"), json!({ "dryRun": true })).await;
    assert_eq!(outcomes(&plan)[1], "CHANGED LABEL Chosen");
    assert_eq!(members(&world.admin, &chosen).await, ["host-0", "host-1"], "a plan does nothing");
    let changed = FLEET.replace("HOST-1-identifier", "host-2").replace("etc_services", "etc_hosts");
    let changed = import(&world.admin, &changed, json!({})).await;
    assert_eq!(outcomes(&changed)[..2], ["CHANGED LABEL Servers", "CHANGED LABEL Chosen"]);
    assert_eq!(members(&world.admin, &chosen).await, ["host-0", "host-2"]);
    assert!(labels().await.to_string().contains("etc_hosts"));
    assert_eq!(labels_of(&world.admin, "host-2").await, ["All hosts", "Chosen", "Linux"]);
    sound(&world).await;
}

/// What can't be a label is refused, with its reason, and nothing is saved.
async fn refused(world: World) {
    for (spec, reason) in [
        ("{name: Linux, query: select 1}", "the server made the label of this name"),
        ("{name: x, query: selec 1}", "SQL"),
        ("{name: x, query: select 1, platform: chrome}", "no host is of the platform `chrome`"),
    ] {
        let text = format!("apiVersion: v1\nkind: label\nspec: {spec}\n");
        let refused = import(&world.admin, &text, json!({})).await;
        assert_eq!(
            (&refused["applied"], &refused["things"][0]["outcome"]),
            (&json!(false), &json!("REFUSED"))
        );
        let reasons = refused["things"][0]["reasons"].to_string();
        assert!(reasons.contains(reason), "{spec}: {reasons}");
    }
    import(&world.admin, "kind: label\nspec: {name: x, query: select 1}\n", json!({})).await;
    let other = import(&world.admin, "kind: label\nspec: {name: x, hosts: []}\n", json!({})).await;
    assert!(other["things"][0]["reasons"].to_string().contains("is by SQL"), "{other}");
}

/// Whoever applies configuration makes labels by SQL, and neither reads nor names hosts.
async fn for_who_may(world: World) {
    let _host = world.hosts(1).await;
    let gitops = world.person("ci", Role::Gitops, None).await;
    let by_hand = import(&gitops, FLEET, json!({})).await;
    assert!(by_hand["things"].to_string().contains("you may not put hosts into labels"), "{by_hand}");
    let by_sql = FLEET.split("---").next().expect("the first");
    assert_eq!(outcomes(&import(&gitops, by_sql, json!({})).await), ["CREATED LABEL Servers"]);
    import(&world.admin, FLEET, json!({})).await;
    let export = gitops.ask("{ export { text leftOut } }", json!({})).await["export"].clone();
    assert!(export["text"].as_str().is_some_and(|text| text.contains("etc_services")), "{export}");
    assert!(!export["text"].to_string().contains("host-0"), "{export}");
    assert!(export["leftOut"].to_string().contains("label `Chosen`"), "{export}");
}

async fn import(person: &Person, text: &str, more: Value) -> Value {
    let input = with(json!({ "documents": [{ "name": "labels.yml", "text": text }] }), more);
    let shape = "applied things { outcome kind name reasons } notes { isError message }";
    person.mutate("importDocuments", shape, input).await
}

fn outcomes(imported: &Value) -> Vec<String> {
    let things = imported["things"].as_array().expect("a list");
    let word = |thing: &Value, name: &str| thing[name].as_str().expect("a word").to_owned();
    let line =
        |thing: &Value| format!("{} {} {}", word(thing, "outcome"), word(thing, "kind"), word(thing, "name"));
    things.iter().map(line).collect()
}
