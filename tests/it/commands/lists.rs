//! `muster campaign` and `muster hosts`: the API as data.

use serde_json::{Value, json};

use super::query::{terminal, world};
use crate::harness::world::World;
use crate::harness::{block_on, within_deadline};
use crate::policies::{Mood, answer, moody};

/// Pages are followed as far as was asked for, and whoever wants more is told how.
#[test]
fn lists_follow_their_pages() {
    block_on(async {
        let world = world().await;
        let hosts = world.hosts(103).await;
        let terminal = terminal(&world, world.server.address);
        let all = terminal.run(&["hosts", "list", "--all"]).await;
        assert_eq!((all.json().len(), all.stderr.as_str()), (103, ""));
        let some = terminal.run(&["hosts", "list", "--first", "101", "--format", "csv"]).await;
        assert_eq!(some.stdout.lines().count(), 102, "a heading, and as many as were wanted");
        assert!(some.stderr.contains("--all"), "{}", some.stderr);
        let found = terminal.run(&["hosts", "list", "--search", "host-10", "--format", "table"]).await.well();
        let names: Vec<_> = found.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(names, ["hostname", "host-10", "host-100", "host-101", "host-102"]);
        drop(hosts);
        world.server.stop().await;
    });
}

/// A host is found by name, shown, and deleted by the same flags that choose whom to ask.
#[test]
fn hosts_are_shown_and_deleted() {
    block_on(async {
        let world = world().await;
        let hosts = world.hosts(3).await;
        let terminal = terminal(&world, world.server.address);
        let shown = &terminal.run(&["hosts", "show", "host-1"]).await.json()[0];
        assert_eq!(shown["hostname"], "host-1");
        assert!(shown["labels"].is_array(), "{shown}");
        let online = terminal.run(&["hosts", "list", "--status", "online", "--platform", "linux"]).await;
        assert_eq!(online.json().len(), 3, "{}", online.stderr);

        let asked = terminal.printed(&["hosts", "refetch", "--hosts", "host-1"], "").await;
        assert_eq!(shown["id"], asked.as_str());
        let berlin = world.team("berlin").await;
        let moved = terminal.printed(&["hosts", "transfer", "--hosts", "host-1", "--to", "berlin"], "").await;
        assert_eq!(shown["id"], moved.as_str());
        let there = &terminal.run(&["hosts", "show", "host-1"]).await.json()[0];
        assert_eq!(there["team"]["id"], berlin.public_id.0.as_str());
        let nowhere = terminal.run(&["hosts", "transfer", "--hosts", "host-1", "--to", "rome"]).await;
        assert_eq!((nowhere.code, nowhere.stderr.as_str()), (Some(1), "muster: there is no team `rome`\n"));
        terminal.run(&["hosts", "transfer", "--hosts", "host-1", "--to-no-team"]).await.well();

        let unasked = terminal.run(&["hosts", "delete", "--all"]).await;
        assert_eq!((unasked.code, unasked.stdout.as_str()), (Some(1), ""));
        assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
        let deleted = terminal.printed(&["hosts", "delete", "--hosts", "host-1", "--yes"], "").await;
        assert_eq!(shown["id"], deleted.as_str());
        let gone = terminal.run(&["hosts", "show", "host-1"]).await;
        assert_eq!((gone.code, gone.stderr.as_str()), (Some(1), "muster: there is no host `host-1`\n"));
        let rest = terminal.run(&["hosts", "delete", "--all", "--yes"]).await.well();
        assert_eq!(rest.lines().count(), 2);
        drop(hosts);
        world.server.stop().await;
    });
}

/// A policy is made, listed with its counts, changed and deleted by name; the hosts that fail it are printed.
#[test]
fn policies_are_made_listed_changed_and_deleted() {
    block_on(async {
        let world = world().await;
        let (mut host, moods) = moody(&world, "web", &world.secret).await;
        moods.set("shields", Mood::Fails);
        let terminal = terminal(&world, world.server.address);
        let create = [
            "policies",
            "create",
            "--name",
            "shields up",
            "--sql",
            "-",
            "--critical",
            "--resolution",
            "raise them",
            "--platforms",
            "linux,darwin",
            "--labels",
            "All hosts",
        ];
        let id = terminal.printed(&create, "select 1 from shields\n").await;
        answer(&mut host).await;
        let listed = &terminal.run(&["policies", "list", "--failing", "--critical"]).await.json()[0];
        assert_eq!((&listed["id"], &listed["counts"]["failing"]), (&json!(id), &json!(1)), "{listed}");
        let table = terminal.run(&["policies", "list", "--format", "table"]).await.well();
        assert!(table.starts_with("name") && table.contains("shields up"), "{table}");
        let shown = &terminal.run(&["policies", "show", "shields up"]).await.json()[0];
        assert_eq!(shown["labelsIncludeAny"], json!(["All hosts"]), "{shown}");
        let failing = &terminal.run(&["policies", "hosts", "shields up"]).await.json()[0];
        assert_eq!((&failing["host"]["name"], &failing["state"]), (&json!("web"), &json!("FAIL")));
        assert!(failing["since"].is_string(), "{failing}");
        let passing = terminal.run(&["policies", "hosts", &id, "--state", "pass"]).await;
        assert_eq!((passing.code, passing.json().len()), (Some(0), 0));
        let of_host = &terminal.run(&["policies", "host", "web"]).await.json()[0];
        assert_eq!((&of_host["policy"]["name"], &of_host["state"]), (&json!("shields up"), &json!("FAIL")));
        let nothing = terminal.run(&["policies", "edit", "shields up"]).await;
        assert_eq!(nothing.code, Some(1), "{}", nothing.stderr);
        terminal.run(&["policies", "edit", "shields up", "--name", "shields", "--not-critical"]).await.well();
        let unasked = terminal.run(&["policies", "delete", "shields"]).await;
        assert!(unasked.code == Some(1) && unasked.stderr.contains("--yes"), "{}", unasked.stderr);
        terminal.run(&["policies", "delete", "shields", "--yes"]).await.well();
        let gone = terminal.run(&["policies", "show", "shields"]).await;
        assert_eq!((gone.code, gone.stderr.as_str()), (Some(1), "muster: there is no policy `shields`\n"));
        world.server.stop().await;
    });
}

/// A campaign is listed, shown, stopped, and asked again of those who had not answered.
#[test]
fn campaigns_are_listed_shown_stopped_and_rerun() {
    block_on(async {
        let world = world().await;
        let mut hosts = world.hosts(2).await;
        let id = world.admin.start("select name").await;
        hosts[0].poll().await.expect("the answer is taken");
        let terminal = terminal(&world, world.server.address);
        let shown = terminal.run(&["campaign", "show", &id]).await.json();
        assert_eq!(shown[0]["totals"]["responded"], 1, "{shown:?}");
        let cells = terminal.run(&["campaign", "show", &id, "--format", "table"]).await.well();
        assert!(cells.lines().any(|line| line.split_whitespace().eq(["responded", "1"])), "{cells}");
        let table = terminal.run(&["campaign", "list", "--format", "table"]).await.well();
        assert!(table.contains(&id) && table.starts_with("id"), "{table}");
        terminal.run(&["campaign", "stop", &id]).await.well();
        let list = async |status: &str| terminal.run(&["campaign", "list", "--status", status]).await.json();
        assert_eq!((list("stopped").await.len(), list("running").await.len()), (1, 0));

        let mut rerun = terminal.start(&["campaign", "rerun", &id, "--timeout", "5m"]);
        rerun_started(&world).await;
        super::query::answer(&mut hosts[1..2]).await;
        let answer: Value = serde_json::from_str(&rerun.line().await).expect("it is JSON");
        assert_eq!(answer, json!({ "host": "host-1", "rows": [{ "name": "host-1" }] }));
        assert_eq!(rerun.end().await.code, Some(0));
        let unknown = terminal.run(&["campaign", "show", "cmp_nothing"]).await;
        assert_eq!(unknown.code, Some(1));
        world.server.stop().await;
    });
}

/// Waits until a campaign runs that asks again.
async fn rerun_started(world: &World) {
    let query = "{ campaigns(statuses: [RUNNING]) { nodes { id } } }";
    within_deadline("the campaign that asks again", async {
        while world.admin.ask(query, json!({})).await["campaigns"]["nodes"][0].is_null() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
