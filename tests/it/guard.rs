//! Settings that guard the fleet: who changes them, and that nothing gets past them.

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

on_both!(
    dispatch_stops_at_once_everywhere,
    only_admins_change_settings,
    many_hosts_need_an_admin,
    restricted_names_are_refused,
    a_mark_for_observers_holds_in_its_own_team,
    a_preview_says_what_is_left_out
);

/// While the switch is on no check-in on any server is handed a query; answers are still taken; a restart does not
/// forget it.
async fn dispatch_stops_at_once_everywhere(world: World) {
    let mut hosts = world.hosts(2).await;
    let beside = world.server.beside().await;
    let id = world.admin.start("select name").await;
    beside.fleet.catch_up().await.expect("the store answers");
    let stopped = update(&world.admin, json!({ "dispatchStopped": true })).await;
    assert_eq!(stopped["settings"]["dispatchStopped"], true);
    beside.fleet.catch_up().await.expect("the store answers");
    hosts[1].server = beside.address;
    for host in &mut hosts {
        host.poll().await.expect("a check-in");
        assert_eq!(host.ledger.asked, []);
    }
    assert_eq!(world.admin.campaign(&id).await["totals"]["outstanding"], 2);
    beside.stop().await;
    let world = world.restart().await;
    hosts[1].server = world.server.address;
    hosts[0].poll().await.expect("a check-in");
    assert_eq!(hosts[0].ledger.asked, []);
    update(&world.admin, json!({ "dispatchStopped": false })).await;
    for host in &mut hosts {
        host.poll().await.expect("an answer");
    }
    assert_eq!(world.admin.campaign(&id).await["status"], "COMPLETED");
}

/// Whoever has a role reads them; only a global admin changes them; a version that is not the newest is refused.
async fn only_admins_change_settings(world: World) {
    let team = world.team("berlin").await;
    let query = "{ settings { dispatchStopped targetCap restrictions { name level } version } }";
    for (name, role, team) in [
        ("reader", Role::Observer, None),
        ("keeper", Role::Maintainer, None),
        ("robot", Role::Gitops, None),
        ("chief", Role::Admin, Some(&team)),
    ] {
        let person = world.person(name, role, team).await;
        let refused = update(&person, json!({ "dispatchStopped": true })).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED", "{name}");
        let seen = person.ask(query, json!({})).await["settings"].clone();
        let untouched =
            json!({ "dispatchStopped": false, "targetCap": null, "restrictions": [], "version": 1 });
        assert_eq!(seen, untouched, "{name}");
    }
    let changed = update(&world.admin, json!({ "expectedVersion": 1, "targetCap": 7 })).await;
    assert_eq!(changed["settings"]["version"], 2);
    let late = update(&world.admin, json!({ "expectedVersion": 1, "targetCap": 9 })).await;
    assert_eq!(late["userErrors"][0]["code"], "VERSION_CONFLICT");
    for bad in
        [json!({ "targetCap": -1 }), json!({ "restrictions": [{ "name": "a b", "level": "FORBIDDEN" }] })]
    {
        let refused = update(&world.admin, bad).await;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID");
    }
    let cleared = update(&world.admin, json!({ "targetCap": null })).await;
    assert_eq!(cleared["settings"]["targetCap"], Value::Null);
}

/// Above the cap an admin of every team that is asked has to start it.
async fn many_hosts_need_an_admin(world: World) {
    let _hosts = world.hosts(3).await;
    update(&world.admin, json!({ "targetCap": 2 })).await;
    let maintainer = world.person("maintainer", Role::Maintainer, None).await;
    let all = json!({ "source": { "sql": "select 1" }, "targets": { "allHosts": true } });
    let refused = maintainer.mutate("startCampaign", "campaign { id }", all.clone()).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
    assert_eq!(refused["userErrors"][0]["path"], json!(["targets"]));
    let few = json!({ "source": { "sql": "select 1" }, "targets": { "filter": { "search": "host-0" } } });
    let started = maintainer.mutate("startCampaign", "campaign { id }", few).await;
    assert_eq!(started["userErrors"], json!([]));
    let started = world.admin.mutate("startCampaign", "campaign { id }", all).await;
    assert_eq!(started["userErrors"], json!([]));
    let preview = "{ previewTargets(targets: { allHosts: true }) { targeted excluded exceedsCap } }";
    let seen = maintainer.ask(preview, json!({})).await["previewTargets"].clone();
    assert_eq!(seen, json!({ "targeted": 3, "excluded": 0, "exceedsCap": true }));
}

/// Restricted tables and functions are seen through whatever hides them, also in a saved query marked for observers.
async fn restricted_names_are_refused(world: World) {
    let _host = world.host("web").await;
    let restrictions =
        json!([{ "name": "CURL", "level": "MAINTAINER" }, { "name": "carve", "level": "FORBIDDEN" }]);
    update(&world.admin, json!({ "restrictions": restrictions })).await;
    let runner = world.person("runner", Role::ObserverPlus, None).await;
    let maintainer = world.person("maintainer", Role::Maintainer, None).await;
    for sql in [
        "select * from curl where url = 'x'",
        "with a as (select * from (select * from 'curl' where url = 'x')) select * from a",
        "select * from users join [cUrL] c on c.url = 'x'",
    ] {
        assert_eq!(run(&runner, sql).await, "NOT_ALLOWED", "{sql}");
        assert_eq!(run(&maintainer, sql).await, Value::Null, "{sql}");
    }
    for person in [&runner, &maintainer, &world.admin] {
        assert_eq!(run(person, "select carve(path) from file where path = '/x'").await, "NOT_ALLOWED");
        assert_eq!(run(person, "select * from processes where name = 'curl'").await, Value::Null);
    }
    let input = json!({ "name": "open", "sql": "select * from curl", "observerCanRun": true });
    let saved = maintainer.mutate("createSavedQuery", "savedQuery { id }", input).await;
    let source = json!({ "savedQueryId": saved["savedQuery"]["id"] });
    let input = json!({ "source": source, "targets": { "allHosts": true } });
    let refused = runner.mutate("startCampaign", "campaign { id }", input).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
}

/// A maintainer of one team can't write a query there, mark it for observers, and run it in a team where they only
/// observe.
async fn a_mark_for_observers_holds_in_its_own_team(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let (to_berlin, to_paris) = (world.team_secret(&berlin).await, world.team_secret(&paris).await);
    let answering = || std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("name", "x"));
    let _ours = world.host_with("berlin-web", &to_berlin, answering()).await;
    let _theirs = world.host_with("paris-web", &to_paris, answering()).await;
    let both = world.person("both", Role::Maintainer, Some(&berlin)).await;
    world.give_role(&both, Role::Observer, &paris).await;
    let input =
        json!({ "name": "mine", "sql": "select name", "observerCanRun": true, "teamId": berlin.public_id.0 });
    let saved = both.mutate("createSavedQuery", "savedQuery { id }", input).await;
    let source = json!({ "savedQueryId": saved["savedQuery"]["id"] });
    let preview = "query($s: LiveQuerySource!) { previewTargets(targets: { allHosts: true }, source: $s) {
        targeted excluded } }";
    let seen = both.ask(preview, json!({ "s": source })).await["previewTargets"].clone();
    assert_eq!(seen, json!({ "targeted": 1, "excluded": 1 }));
    let input = json!({ "source": source, "targets": { "allHosts": true } });
    let started = both.mutate("startCampaign", "campaign { totals { targeted } }", input).await;
    assert_eq!(started["campaign"]["totals"]["targeted"], 1);
    let away = json!({ "filter": { "teamIds": [paris.public_id.0] } });
    let input = json!({ "source": source, "targets": away });
    let refused = both.mutate("startCampaign", "campaign { id }", input).await;
    assert_eq!(refused["userErrors"][0]["code"], "NO_TARGETS");
}

/// A preview counts what the caller may run on, and says how many more they see.
async fn a_preview_says_what_is_left_out(world: World) {
    let _hosts = world.hosts(2).await;
    let observer = world.person("observer", Role::Observer, None).await;
    let input = json!({ "name": "open", "sql": "select 1", "observerCanRun": true });
    let saved = world.admin.mutate("createSavedQuery", "savedQuery { id }", input).await;
    let query = "query($s: LiveQuerySource) { previewTargets(targets: { allHosts: true }, source: $s) {
        targeted online excluded exceedsCap } }";
    let source = json!({ "savedQueryId": saved["savedQuery"]["id"] });
    let seen = observer.ask(query, json!({ "s": source })).await["previewTargets"].clone();
    assert_eq!(seen, json!({ "targeted": 2, "online": 2, "excluded": 0, "exceedsCap": false }));
    let refused = observer.gql(query, json!({ "s": { "sql": "select 1" } })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

async fn update(person: &Person, input: Value) -> Value {
    person.mutate("updateSettings", "settings { dispatchStopped targetCap version }", input).await
}

/// The code of the refusal to run a text on all hosts; null when it runs.
async fn run(person: &Person, sql: &str) -> Value {
    let input = json!({ "source": { "sql": sql }, "targets": { "allHosts": true } });
    let payload = person.mutate("startCampaign", "campaign { id }", input).await;
    payload["userErrors"][0]["code"].clone()
}
