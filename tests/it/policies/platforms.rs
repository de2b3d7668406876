//! Hosts that come back as another platform.

use serde_json::{Value, json};

use super::{answer, counts, follow, moody, next, policy};
use crate::harness::socket::Told;
use crate::harness::world::{World, on_both};

on_both!(who_comes_back_on_another_platform_is_told);

/// osquery's number for macOS.
const DARWIN: &str = "21";

/// A host enrolls as Linux and again as macOS: what it answered to a policy for Linux goes, its counts are right at once, and
/// whoever looks is told, on every server; what is about it either way stays.
async fn who_comes_back_on_another_platform_is_told(world: World) {
    let other = world.server.beside().await;
    let labels = world.admin.ask("{ labels(search: \"Linux\") { nodes { id } } }", json!({})).await;
    let linux = &labels["labels"]["nodes"][0]["id"];
    let (mut host, _) = moody(&world, "web", &world.secret).await;
    let mut ids = Vec::new();
    for (name, more) in [
        ("linux", json!({ "platforms": ["LINUX"] })),
        ("labelled", json!({ "labelsIncludeAny": [linux] })),
        ("darwin", json!({ "platforms": ["DARWIN"] })),
        ("both", json!({})),
    ] {
        let mut input = more;
        input["name"] = json!(name);
        input["sql"] = json!(format!("select '{name}'"));
        ids.push(policy(&world.admin, input).await);
    }
    answer(&mut host).await;
    let all = async || {
        let mut all = Vec::new();
        for id in &ids {
            all.push(counts(&world.admin, id).await);
        }
        all
    };
    let passes = json!([1, 0, 0, 0]);
    let nobody = json!([0, 0, 0, 0]);
    assert_eq!(all().await, [&passes, &passes, &nobody, &passes].map(Value::clone));
    for fleet in [&world.server.fleet, &other.fleet] {
        fleet.catch_up().await.expect("the store answers");
    }
    let there = crate::harness::personas::Person { server: other.address, ..world.admin.clone() };
    let mut looking = Vec::new();
    for id in &ids[..2] {
        for person in [&world.admin, &there] {
            looking.push((follow(person, json!({ "id": id })).await, id));
        }
    }
    let changed = "subscription { hostChanged { kind host { hostname platform } } }";
    let mut hosts = world.admin.subscribe(changed, json!({})).await;
    let Told::Next(first) = hosts.next().await else { panic!("nothing is told") };
    assert_eq!(first["data"]["hostChanged"]["kind"], "RESYNC");

    host.identity.platform_type = DARWIN;
    assert!(host.enroll().await, "it is let in again");
    assert_eq!(all().await, [nobody.clone(), nobody.clone(), json!([0, 0, 0, 1]), passes]);
    other.fleet.catch_up().await.expect("the store answers");
    for (looking, id) in &mut looking {
        let change = next(looking).await;
        assert_eq!((&change["kind"], &change["policyId"]), (&json!("RESULTS"), &json!(id)));
        let none = json!({ "passing": 0, "failing": 0, "error": 0, "unanswered": 0 });
        assert_eq!((&change["policy"]["counts"], &change["results"]), (&none, &json!([])));
    }
    let Told::Next(change) = hosts.next().await else { panic!("nothing is told") };
    let expected = json!({ "kind": "ENROLLED", "host": { "hostname": "web", "platform": "DARWIN" } });
    assert_eq!(change["data"]["hostChanged"], expected);
    other.stop().await;
}
