//! F22: a transaction that commits late, on PostgreSQL itself, is skipped by nobody: not by viewers of a campaign, not
//! by servers that read `changes`, not by who follows the audit trail.

use std::sync::Arc;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};

use crate::harness::campaign::rows_by_host;
use crate::harness::server::{Backend, TestServer};
use crate::harness::services::not_run;
use crate::harness::services::postgres::connect;
use crate::harness::socket::Told;
use crate::harness::stored::Stored;
use crate::harness::world::World;
use crate::harness::{block_on, within_deadline};

/// The advisory lock at which commits wait.
const GATE: i64 = 22;

/// The first of two answers has its position and does not commit; the second, on another server, waits for it, and
/// every viewer sees both, in order.
#[test]
fn f22_late_answer() {
    on_postgres("faults_late_commits::f22_late_answer", async |world| {
        let other = world.server.beside().await;
        let (mut slow, mut quick) = (world.host("slow").await, world.host("quick").await);
        quick.server = other.address;
        let id = world.admin.start("select name").await;
        other.fleet.catch_up().await.expect("the store answers");
        slow.read().await.expect("it is asked");
        quick.read().await.expect("it is asked");
        let mut elsewhere = world.admin.clone();
        elsewhere.server = other.address;
        let (here, there) = (world.admin.follow(&id, None).await, elsewhere.follow(&id, None).await);

        let gate = Gate::shut(&world.server, "campaign_events", "NEW.position = 1").await;
        let slow = tokio::spawn(async move { slow.write().await });
        gate.until_waiting(1).await;
        let quick = tokio::spawn(async move { quick.write().await });
        gate.until_waiting(2).await;
        let stored = Stored::read(&world.server, &id).await;
        assert_eq!((stored.events.len(), stored.campaign.last_position), (0, 0), "nothing is committed");
        gate.open().await;
        for write in [slow, quick] {
            write.await.expect("the agent lives").expect("the answer is taken");
        }
        for server in [&world.server, &other] {
            server.fleet.check_progress().await.expect("the store answers");
        }
        let events = here.to_the_end().await;
        assert_eq!(events[0]["hostname"], "slow", "commit order is position order");
        assert_eq!(rows_by_host(&events).len(), 2);
        assert_eq!(there.to_the_end().await, events);
        Stored::read(&world.server, &id).await.assert_laws();
    });
}

/// The change with the smaller number commits late: no server reads past it.
#[test]
fn f22_late_change() {
    on_postgres("faults_late_commits::f22_late_change", async |world| {
        let other = world.server.beside().await;
        let mut hosts = [world.host("here").await, world.host("there").await];
        hosts[1].server = other.address;
        let gate = Gate::shut(&world.server, "changes", "NEW.kind = 'campaign_started'").await;
        let admin = Arc::new(world.admin.clone());
        let start = |sql: &'static str| {
            let admin = Arc::clone(&admin);
            tokio::spawn(async move { admin.start(sql).await })
        };
        let late = start("select 1");
        gate.until_waiting(1).await;
        let next = start("select 2");
        gate.until_waiting(2).await;
        for server in [&world.server, &other] {
            server.fleet.catch_up().await.expect("the store answers");
        }
        gate.open().await;
        for start in [late, next] {
            within_deadline("it to start", start).await.expect("it starts");
        }
        for server in [&world.server, &other] {
            server.fleet.catch_up().await.expect("the store answers");
        }
        for host in &mut hosts {
            host.read().await.expect("a check-in");
            assert_eq!(host.unsent(), 2, "both campaigns are on the board of {}", host.server);
        }
    });
}

/// The entry with the smaller id commits late: who has seen the later one is told of it too.
#[test]
fn f22_late_activity() {
    on_postgres("faults_late_commits::f22_late_activity", async |world| {
        let follow = "subscription { activityAdded { kind } }";
        let mut following = world.admin.subscribe(follow, json!({})).await;
        let gate = Gate::shut(&world.server, "activities", "NEW.kind = 'team.created'").await;
        let admin = world.admin.clone();
        let late = tokio::spawn(async move {
            admin.mutate("createTeam", "team { id }", json!({ "name": "late" })).await
        });
        gate.until_waiting(1).await;
        world.admin.login("wrong").await;
        assert_eq!(next_kind(&world, &mut following).await, "session.failed");
        gate.open().await;
        late.await.expect("the team is made");
        assert_eq!(next_kind(&world, &mut following).await, "team.created");
    });
}

/// The kind of the next entry; everybody is made to look until there is one.
async fn next_kind(world: &World, following: &mut crate::harness::socket::Subscription) -> Value {
    let beats = async {
        loop {
            world.server.fleet.beat_activities().await.expect("the store answers");
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::select! {
        told = following.next() => told,
        () = beats => unreachable!("it goes on"),
    };
    match told {
        Told::Next(result) => result["data"]["activityAdded"]["kind"].clone(),
        other => panic!("the stream broke: {other:?}"),
    }
}

/// Makes transactions wait just before their commit.
struct Gate {
    db: DatabaseConnection,
}

impl Gate {
    /// From now on transactions that insert such a row into the table wait.
    async fn shut(server: &TestServer, table: &str, which: &str) -> Self {
        let gate = Self { db: connect(&server.database_url()).await };
        gate.run(
            "CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_advisory_xact_lock_shared(22); RETURN NULL; END $$",
        )
        .await;
        gate.run(&format!(
            "CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW WHEN ({which}) EXECUTE FUNCTION wait_at_the_gate()"
        ))
        .await;
        gate.run(&format!("SELECT pg_advisory_lock({GATE})")).await;
        gate
    }

    /// Waits until so many sessions wait, at the gate or for who waits there.
    async fn until_waiting(&self, sessions: i64) {
        let sql = "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = async {
            loop {
                let asked = Statement::from_string(DbBackend::Postgres, sql);
                let row = self.db.query_one_raw(asked).await.expect("an answer").expect("a row");
                if row.try_get_by_index::<i64>(0).expect("a number") >= sessions {
                    return;
                }
            }
        };
        within_deadline("transactions to wait", waiting).await;
    }

    /// Lets them commit.
    async fn open(self) {
        self.run(&format!("SELECT pg_advisory_unlock({GATE})")).await;
        self.db.close().await.expect("it closes");
    }

    async fn run(&self, sql: &str) {
        self.db.execute_unprepared(sql).await.expect("the tests may do everything");
    }
}

fn on_postgres(test: &str, law: impl AsyncFnOnce(World)) {
    block_on(async {
        match TestServer::start(Backend::Postgres, &[]).await {
            Ok(server) => {
                let leftovers = server.leftovers();
                law(World::on(server).await).await;
                leftovers.remove().await;
            }
            Err(missing) => not_run(test, &missing),
        }
    });
}
