//! F29: migrations that are killed, and several at once, by the real program. (A database newer than the program:
//! `migrations::future`, `start_up::database_newer_than_the_binary`, `faults_postgres`.)

use std::process::{Child, Command, Stdio};

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;

use crate::harness::binary::muster;
use crate::harness::seeds::{Dice, seeds};
use crate::harness::services::not_run;
use crate::harness::services::postgres::{TestDatabase, connect, postgres};
use crate::harness::{block_on, within_deadline};

/// Killed in the middle of its statements on PostgreSQL, a migration leaves nothing behind, and the next one goes
/// through.
#[test]
fn f29_killed_postgres() {
    on_an_empty_database("faults_migrations::f29_killed_postgres", async |place, database| {
        // Somebody else makes one of the tables, and does not commit: the migration waits there, half done.
        let rival = connect(&database.url).await;
        rival.execute_unprepared("BEGIN; CREATE TABLE campaign_events (x int)").await.expect("a table");
        let mut migrating = start(&place, &database);
        let watch = connect(&database.url).await;
        let waiting = "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        within_deadline("it to be half done", async { while number(&watch, waiting).await == 0 {} }).await;
        migrating.kill().expect("it runs");
        migrating.wait().expect("it ends");
        rival.execute_unprepared("ROLLBACK").await.expect("it goes");

        let sessions = "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'muster'";
        within_deadline("its session to end", async { while number(&watch, sessions).await > 0 {} }).await;
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
        assert_eq!(number(&watch, tables).await, 0, "nothing is left behind");
        assert!(ends_well(start(&place, &database)), "the next one goes through");
        assert_eq!(number(&watch, STEPS).await, steps());
        for db in [rival, watch] {
            db.close().await.expect("it closes");
        }
    });
}

/// Killed at any moment on SQLite, it leaves a whole file, and the next one goes through.
#[test]
fn f29_killed_sqlite() {
    block_on(async {
        for seed in seeds() {
            let mut dice = Dice::of(seed);
            let place = directory();
            for _ in 0..4 {
                let mut migrating = command(&place).spawn().expect("the program was built");
                let log = place.path().join("muster.db-wal");
                // Until there is a log, and then for a number of looks that the dice say.
                let mut looks = 1 + dice.below(2_000);
                while looks > 0 && migrating.try_wait().expect("a child").is_none() {
                    looks -= usize::from(log.exists());
                }
                // It may have come to its end.
                drop(migrating.kill());
                migrating.wait().expect("it ends");
            }
            assert!(ends_well(command(&place).spawn().expect("the program was built")));
            let db = connect(&format!("sqlite://{}", place.path().join("muster.db").display())).await;
            let check = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
            let row = db.query_one_raw(check).await.expect("an answer").expect("a row");
            assert_eq!(row.try_get_by_index::<String>(0).expect("a word"), "ok");
            let count = Statement::from_string(DbBackend::Sqlite, STEPS);
            let row = db.query_one_raw(count).await.expect("an answer").expect("a row");
            assert_eq!(row.try_get_by_index::<i64>(0).expect("a number"), steps());
            db.close().await.expect("it closes");
        }
    });
}

/// Many at once on an empty database: one does it, the others find nothing to do.
#[test]
fn f29_at_once() {
    on_an_empty_database("faults_migrations::f29_at_once", async |place, database| {
        let migrating: Vec<Child> = (0..4).map(|_| start(&place, &database)).collect();
        assert!(migrating.into_iter().all(ends_well), "each ends well");
        let db = connect(&database.url).await;
        assert_eq!(number(&db, STEPS).await, steps());
        db.close().await.expect("it closes");
    });
    let place = directory();
    let migrating: Vec<Child> =
        (0..4).map(|_| command(&place).spawn().expect("the program was built")).collect();
    assert!(migrating.into_iter().all(ends_well), "each ends well, on SQLite too");
}

const STEPS: &str = "SELECT count(*) FROM seaql_migrations";

fn steps() -> i64 {
    i64::try_from(Migrator::migrations().len()).expect("they are few")
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("the system's temporary directory can be written")
}

fn on_an_empty_database(test: &str, law: impl AsyncFnOnce(TempDir, TestDatabase)) {
    block_on(async {
        match postgres() {
            Ok(server) => {
                let database = server.database().await;
                law(directory(), database.again()).await;
                database.remove().await;
            }
            Err(missing) => not_run(test, &missing),
        }
    });
}

/// `muster migrate` of what is in a directory.
fn command(place: &TempDir) -> Command {
    let mut command = muster(&["migrate"]);
    command.env("MUSTER_DATA_DIR", place.path()).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn start(place: &TempDir, database: &TestDatabase) -> Child {
    let mut command = command(place);
    command.env("MUSTER_DATABASE_URL", &database.url).spawn().expect("the program was built")
}

fn ends_well(mut migrating: Child) -> bool {
    migrating.wait().expect("it ends").success()
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("an answer");
    row.expect("a row").try_get_by_index(0).expect("a number")
}
