//! `muster labels`.

use super::query::{terminal, world};
use crate::harness::block_on;

/// A label is made, listed, edited and deleted; hosts are put in by what they are called, and it is said who is nobody.
#[test]
fn labels_are_made_filled_and_deleted() {
    block_on(async {
        let world = world().await;
        let hosts = world.hosts(3).await;
        let _berlin = world.team("berlin").await;
        let terminal = terminal(&world, world.server.address);
        let create = ["labels", "create", "servers", "--sql", "select 1", "--platform", "linux,darwin"];
        let id = terminal.printed(&create, "").await;
        let shown = &terminal.run(&["labels", "show", "servers"]).await.json()[0];
        assert_eq!((&shown["id"], &shown["kind"]), (&id.as_str().into(), &"DYNAMIC".into()), "{shown}");
        assert_eq!(shown["platforms"], serde_json::json!(["DARWIN", "LINUX"]));
        terminal
            .run(&["labels", "edit", "servers", "--sql", "select 2", "--name", "all servers"])
            .await
            .well();
        let cells = terminal.run(&["labels", "show", &id, "--format", "table"]).await.well();
        assert!(cells.lines().any(|line| line.split_whitespace().eq(["sql", "select", "2"])), "{cells}");

        terminal.printed(&["label", "create", "chosen", "--team", "berlin"], "").await;
        terminal.printed(&["labels", "create", "chosen"], "").await;
        let doubtful = terminal.run(&["labels", "show", "chosen"]).await;
        assert!(
            doubtful.code == Some(1) && doubtful.stderr.contains("several labels"),
            "{}",
            doubtful.stderr
        );
        let chosen =
            terminal.printed(&["labels", "create", "hand-picked", "--description", "Ours"], "").await;
        std::fs::write(terminal.path().join("hosts.txt"), "host-1\n\n HOST-2 \n").expect("it is ours");
        let add = ["labels", "add", "hand-picked", "--hosts", "host-0,nobody", "--file", "hosts.txt"];
        let added = terminal.run(&add).await;
        assert_eq!(added.code, Some(2), "{}", added.stderr);
        assert!(
            added.stderr.contains("there is no host `nobody`")
                && added.stderr.contains("3 hosts were put in")
        );
        terminal.run(&["labels", "remove", &chosen, "--hosts", "host-1"]).await.well();
        let members = terminal.run(&["labels", "members", "hand-picked", "--format", "csv"]).await.well();
        assert_eq!(members.lines().count(), 3, "{members}");
        let table = terminal.run(&["labels", "list", "--search", "hand", "--format", "table"]).await.well();
        assert!(table.contains("hand-picked") && table.contains("MANUAL"), "{table}");
        let deleted = terminal.printed(&["labels", "delete", "hand-picked", "--yes"], "").await;
        assert_eq!(deleted, chosen);
        let gone = terminal.run(&["labels", "show", "hand-picked"]).await;
        assert_eq!((gone.code, gone.stderr.as_str()), (Some(1), "muster: there is no label `hand-picked`\n"));
        drop(hosts);
        world.server.stop().await;
    });
}
