//! `muster plan`, `import` and `export`.

use super::query::{terminal, world};
use crate::harness::block_on;

/// A folder is imported whole; what is exported imports to the same; what is refused says where.
#[test]
fn files_are_planned_imported_and_exported() {
    block_on(async {
        let world = world().await;
        let terminal = terminal(&world, world.server.address);
        let file = |name: &str, text: &str| {
            let path = terminal.path().join("in").join(name);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("it is ours");
            std::fs::write(path, text).expect("it is ours");
        };
        file("packs/p.conf", "{ \"queries\": { \"a\": { \"query\": \"select 1\", \"interval\": 60 } } }");
        file("q.sql", "-- interval: 60\nselect 2");
        file("README.md", "not for us");
        let plan = terminal.run(&["plan", "in"]).await;
        assert_eq!((plan.code, plan.json().len()), (Some(0), 3), "{}", plan.stderr);
        let export = terminal.run(&["export"]).await.well();
        assert!(!export.contains("select 1"), "a plan does nothing");
        let import = terminal.run(&["import", "in", "--format", "csv"]).await.well();
        assert!(import.contains("CREATED,PACK,p") && import.contains("in/q.sql:2:1"), "{import}");

        let export = terminal.run(&["export"]).await.well();
        std::fs::write(terminal.path().join("export.yml"), &export).expect("it is ours");
        let again = terminal.run(&["apply", "export.yml"]).await;
        assert!(again.json().iter().all(|thing| thing["outcome"] == "UNCHANGED"), "{}", again.stdout);
        let conf = terminal.run(&["export", "--format", "osquery"]).await.well();
        let conf: serde_json::Value = serde_json::from_str(&conf).expect("it is JSON");
        assert_eq!(conf["schedule"]["q"]["query"], "select 2");

        file("bad.sql", "-- interval: 60\nselect from");
        let refused = terminal.run(&["import", "in"]).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains("in/bad.sql:2:1: error: `bad` is refused"), "{}", refused.stderr);
        let rest = terminal.run(&["import", "in", "--skip-refused"]).await;
        assert_eq!(rest.code, Some(2), "{}", rest.stderr);
        let nothing = terminal.run(&["import", "nowhere"]).await;
        assert!(nothing.code == Some(1) && nothing.stderr.contains("nowhere"), "{}", nothing.stderr);
        world.server.stop().await;
    });
}
