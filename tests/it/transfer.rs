//! An embedded installation moves to PostgreSQL: everything, once, or nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use entity::id::HostId;
use muster::clock::Clock;
use muster::store::transfer::{Moved, transfer};
use muster::store::{Store, StoreError, StoreSettings};
use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait as _, PaginatorTrait as _, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::agent::AgentAnswer;
use crate::harness::binary::{Process, muster, run};
use crate::harness::campaign::rows_by_host;
use crate::harness::server::{Backend, TestServer};
use crate::harness::services::not_run;
use crate::harness::services::postgres::{TestDatabase, connect, postgres};
use crate::harness::stored::Stored;
use crate::harness::world::World;
use crate::harness::{block_on, within_deadline};
use crate::migrations::rows;

/// Every table of the schema is moved, each with a row here, and reads back as it was; numbers go on after the last
/// that was ever given. Moved again, nothing changes.
#[test]
fn every_table() {
    on_a_target("transfer::every_table", async |place, target| {
        let source = installation(&place).await;
        rows::insert_everywhere(&source).await;
        let gone = HostId(rows::ID + 5);
        let tx = source.begin().await.expect("a transaction");
        let given = format!("UPDATE sqlite_sequence SET seq = {} WHERE name = 'hosts'", gone.0);
        tx.execute_unprepared(&given).await.expect("the last id that was given");
        tx.commit().await.expect("commit");
        source.close().await.expect("it closes");

        let moved = move_to(&place, &target).await.expect("the target is empty");
        assert!(!moved.was_there);
        let names: BTreeSet<_> = moved.tables.iter().map(|table| table.name.clone()).collect();
        assert_eq!(names, tables_of(&place).await, "no table of the schema is forgotten");
        for table in &moved.tables {
            assert!(table.rows > 0, "the test has no row of {}", table.name);
        }

        let again = move_to(&place, &target).await.expect("it is there");
        assert!(again.was_there);
        assert_eq!(again.tables, moved.tables);

        let store = store(&target.url).await;
        rows::read_everywhere(&store).await;
        assert!(rows::new_host(&store).await > gone, "the id of a host that is gone is not given again");
        store.close().await.expect("it closes");
        let refusal = move_to(&place, &target).await.expect_err("they differ now");
        assert!(refusal.to_string().contains("table hosts"), "{refusal}");
    });
}

/// A database that has anything of another installation is left alone, whatever its version.
#[test]
fn another_installation() {
    on_a_target("transfer::another_installation", async |place, target| {
        installation(&place).await.close().await.expect("it closes");
        let other = store(&target.url).await;
        rows::new_host(&other).await;
        other.close().await.expect("it closes");
        let refusal = move_to(&place, &target).await.expect_err("there is a host");
        assert!(refusal.to_string().contains("another installation"), "{refusal}");
        let other = store(&target.url).await;
        let hosts = entity::hosts::Entity::find().count(other.reader()).await.expect("hosts");
        assert_eq!(hosts, 1);
        other.close().await.expect("it closes");
    });
}

/// What a server that was merely started left in the target is no obstacle.
#[test]
fn a_target_that_was_only_looked_at() {
    on_a_target("transfer::a_target_that_was_only_looked_at", async |place, target| {
        installation(&place).await.close().await.expect("it closes");
        drop(Process::start_on(Some(target.again().into()), None, Vec::new()));
        let moving = async {
            loop {
                match move_to(&place, &target).await {
                    Ok(moved) => return moved,
                    // The killed server's sessions may take a moment to end.
                    Err(refusal) => assert!(refusal.to_string().contains("a server runs"), "{refusal}"),
                }
            }
        };
        assert!(!within_deadline("the sessions to end", moving).await.was_there);
    });
}

/// While a server has the file open, or uses the target, nothing is moved.
#[test]
fn not_under_a_server() {
    on_a_target("transfer::not_under_a_server", async |place, target| {
        let source = Process::start_on(None, None, Vec::new());
        let refusal = move_to(source.data(), &target).await.expect_err("it is in use");
        assert!(refusal.to_string().contains("is in use"), "{refusal}");
        drop(source);
        installation(&place).await.close().await.expect("it closes");
        let serving = Process::start_on(Some(target.again().into()), None, Vec::new());
        let refusal = move_to(&place, &target).await.expect_err("it is in use");
        assert!(refusal.to_string().contains("a server runs on the target"), "{refusal}");
        drop(serving);
    });
}

/// The command, killed while it copies, leaves nothing; run again it moves everything, and says so.
#[test]
fn killed_and_run_again() {
    on_a_target("transfer::killed_and_run_again", async |place, target| {
        let source = installation(&place).await;
        rows::insert_everywhere(&source).await;
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) \
             INSERT INTO login_failures (account, source, failed_at) SELECT randomblob(32), 'x', i FROM n";
        let tx = source.begin().await.expect("a transaction");
        tx.execute_unprepared(many).await.expect("rows");
        tx.commit().await.expect("commit");
        source.close().await.expect("it closes");

        let mut moving = command(&place, &target).spawn().expect("the program was built");
        let db = connect(&target.url).await;
        let copies = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND query LIKE 'COPY%' AND application_name = 'muster migrate'";
        let copying = async {
            while number(&db, copies).await == 0 && moving.try_wait().expect("a child").is_none() {}
        };
        within_deadline("it to copy", copying).await;
        moving.kill().expect("it was started");
        moving.wait().expect("it ends");
        db.close().await.expect("it closes");

        let (tables, said) = moved(&run(command(&place, &target), ""));
        let failures = tables.iter().find(|table| table["table"] == "login_failures").expect("it is listed");
        assert_eq!(failures["rows"], 40_001);
        assert!(said.contains("secret key"), "it says what else must move: {said}");
        let (again, said) = moved(&run(command(&place, &target), ""));
        assert_eq!(again, tables);
        assert!(said.contains("was there already"), "{said}");
    });
}

/// Hosts, people and live queries go on after the move as if nothing had happened.
#[test]
fn life_goes_on() {
    on_a_target("transfer::life_goes_on", async |_, target| {
        let server = TestServer::start(Backend::Sqlite, &[]).await.expect("SQLite is inside");
        let world = World::on(server).await;
        let answering = Arc::new(|_: &str| AgentAnswer::one("name", "é\t\\N\n\u{1f980}"));
        let mut early = world.host_with("early", &world.secret, answering).await;
        let mut late = world.host("late").await;
        let id = world.admin.start("select name").await;
        early.poll().await.expect("an answer");
        late.read().await.expect("it is asked");
        let mut viewing = world.admin.follow(&id, None).await;
        viewing.until_events(1).await;
        let cursor = viewing.cursor();
        let file = file_of(&world.server.database_url());

        let secret = world.secret.clone();
        let (admin, data) = (world.admin.clone(), world.server.leftovers());
        let server = world.server.restart_moved(&target, &file).await;
        let world = World { server, admin, secret };
        late.write().await.expect("the answer is taken");
        early.config().await.expect("it is known");
        let rest = world.admin.follow(&id, Some(&cursor)).await.to_the_end().await;
        assert_eq!(rest.len(), 2, "the second answer and the end");
        let events = world.admin.events(&id, None, 100).await;
        assert_eq!(rows_by_host(&events)["early"], [json!({ "name": "é\t\\N\n\u{1f980}" })]);
        assert_eq!((early.ledger.enrollments, late.ledger.enrollments), (1, 1));
        world.host("new").await;
        Stored::read(&world.server, &id).await.assert_laws();
        world.server.stop().await;
        data.remove().await;
    });
}

/// Runs a test with a directory for the source and an empty database as the target.
fn on_a_target(test: &str, law: impl AsyncFnOnce(TempDir, TestDatabase)) {
    block_on(async {
        match postgres() {
            Ok(server) => {
                let place = tempfile::tempdir().expect("the system's temporary directory can be written");
                let target = server.database().await;
                law(place, target.again()).await;
                target.remove().await;
            }
            Err(missing) => not_run(test, &missing),
        }
    });
}

/// A fresh installation in a directory.
async fn installation(place: &TempDir) -> Store {
    store(&format!("{}?mode=rwc", url(place.path()))).await
}

async fn store(url: &str) -> Store {
    let settings = StoreSettings { url: url.to_owned(), max_connections: 2 };
    let store = Store::connect(&settings, Clock::System).await.expect("it can be reached");
    store.migrate().await.expect("up");
    store
}

async fn move_to(place: impl AsRef<Path>, target: &TestDatabase) -> Result<Moved, StoreError> {
    transfer(&url(place.as_ref()), &target.url, |_| ()).await
}

fn url(place: &Path) -> String {
    format!("sqlite://{}", place.join("muster.db").display())
}

/// The tables of a source, as it says itself.
async fn tables_of(place: &TempDir) -> BTreeSet<String> {
    let db = connect(&url(place.path())).await;
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite_%' AND name <> 'seaql_migrations'";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.expect("tables");
    db.close().await.expect("it closes");
    rows.iter().map(|row| row.try_get("", "name").expect("a name")).collect()
}

async fn number(db: &sea_orm::DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("an answer");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

fn command(place: &TempDir, target: &TestDatabase) -> std::process::Command {
    let mut command = muster(&["migrate", "--from", &url(place.path())]);
    // A password in the URL is nobody else's business: it may stay in the environment.
    command.env("MUSTER_DATABASE_URL", &target.url);
    command
}

/// What the command printed, table by table, and what it said.
fn moved(output: &Output) -> (Vec<Value>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    (lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), said)
}

fn file_of(url: &str) -> String {
    url.split('?').next().expect("a part before it").to_owned()
}
