//! `muster schedule`, `packs` and `reports`.

use serde_json::json;

use super::query::{terminal, world};
use crate::harness::block_on;

/// Schedules and packs are listed, shown, switched on and off; reports are listed by state and their rows sorted.
#[test]
fn schedules_packs_and_reports() {
    block_on(async {
        let world = world().await;
        let mut host = world.host("web").await;
        let terminal = terminal(&world, world.server.address);
        let new = json!({ "name": "users", "sql": "select 1" });
        world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
        assert_eq!(terminal.run(&["schedule", "list"]).await.json().len(), 0);
        let enable =
            ["schedule", "enable", "users", "--interval", "60", "--logging", "snapshot", "--no-automations"];
        terminal.run(&enable).await.well();
        let listed = terminal.run(&["schedule", "list"]).await.json();
        let schedule = &listed[0]["schedule"];
        assert_eq!((&schedule["interval"], &schedule["logging"]), (&json!(60), &json!("SNAPSHOT")));
        assert_eq!(schedule["automations"], false);
        let rows = json!([{ "name": "a", "size": "10" }, { "name": "b", "size": "9" }, { "name": "=c", "size": "1" }]);
        let line = json!({ "name": "users", "unixTime": 100, "snapshot": rows, "action": "snapshot" });
        host.log("result", [line.to_string()]);
        host.flush_logs().await.expect("the lines are taken");
        world.server.tick().await;
        let shown =
            terminal.run(&["reports", "show", "users", "--where", "size>5", "--sort", "size"]).await.json();
        let expected = [
            json!({ "host": "web", "row": { "name": "b", "size": "9" } }),
            json!({ "host": "web", "row": { "name": "a", "size": "10" } }),
        ];
        assert_eq!(shown, expected);
        let csv =
            terminal.run(&["reports", "show", "users", "--where", "name~=c", "--format", "csv"]).await.well();
        assert!(csv.contains("'=c"), "{csv}");
        let states = terminal.run(&["reports", "list", "--host", "web"]).await.json();
        assert_eq!((&states[0]["query"], &states[0]["state"]), (&json!("users"), &json!("ROWS")));
        let of_query = terminal.run(&["reports", "list", "users", "--state", "never_answered"]).await.json();
        assert_eq!(of_query.len(), 0);
        let table = terminal.run(&["schedule", "show", "users", "--format", "table"]).await.well();
        assert!(table.lines().any(|line| line.split_whitespace().eq(["interval", "60"])), "{table}");
        terminal.run(&["schedule", "disable", "users"]).await.well();
        assert_eq!(terminal.run(&["schedule", "list"]).await.json().len(), 0);
        let unknown = terminal.run(&["schedule", "disable", "nothing"]).await;
        assert_eq!(
            (unknown.code, unknown.stderr.as_str()),
            (Some(1), "muster: there is no saved query `nothing`\n")
        );

        let pack =
            world.admin.mutate("createPack", "pack { id }", json!({ "name": "p" })).await["pack"]["id"]
                .clone();
        let new =
            json!({ "name": "in p", "sql": "select 1", "packId": pack, "schedule": { "interval": 60 } });
        world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
        terminal.run(&["packs", "disable", "p"]).await.well();
        let packs = terminal.run(&["packs", "list"]).await.json();
        assert_eq!((&packs[0]["enabled"], &packs[0]["queries"]["totalCount"]), (&json!(false), &json!(1)));
        assert!(host.config().await.expect("a configuration").get("packs").is_none());
        terminal.run(&["packs", "enable", "p"]).await.well();
        let table = terminal.run(&["packs", "show", "p", "--format", "table"]).await.well();
        assert!(table.lines().any(|line| line.split_whitespace().eq(["queries", "in", "p"])), "{table}");
        let table = terminal.run(&["packs", "list", "--format", "table"]).await.well();
        assert!(table.starts_with("name"), "{table}");
        world.server.stop().await;
    });
}
