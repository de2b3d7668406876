//! F30: the embedded database under kill -9, beside another writer, with a grown log, and on a full disk.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use serde_json::json;

use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::binary::Process;
use crate::harness::campaign::rows_by_host;
use crate::harness::personas::Person;
use crate::harness::seeds::{Dice, is_long, seeds};
use crate::harness::services::postgres::connect;
use crate::harness::{block_on, within_deadline};

/// Hosts of a test.
const HOSTS: usize = 6;

/// The most that the log of SQLite keeps after it was folded in (`store/connect.rs`).
const LOG_KEPT: u64 = 64 << 20;

/// Killed again and again while hosts answer: the file is whole, what was acknowledged is there, nobody enrolls again.
#[test]
fn f30_killed_in_a_loop() {
    block_on(async {
        for seed in seeds().take(if is_long() { 5 } else { 1 }) {
            let mut dice = Dice::of(seed);
            let mut scene = Scene::begin().await;
            let mut asked = Vec::new();
            for _ in 0..if is_long() { 10 } else { 4 } {
                asked.push(scene.admin.start("select name").await);
                let turns = join_all(scene.hosts.iter_mut().map(Agent::poll));
                let mut looks = dice.below(40);
                tokio::select! {
                    biased;
                    _ = turns => {}
                    () = async { while looks > 0 { looks -= 1; tokio::task::yield_now().await; } } => {}
                }
                scene.process.kill();
                assert_eq!(scene.word("PRAGMA integrity_check").await, "ok");
                scene.process.restart();
            }
            scene.answer_all(asked.len()).await;
            for id in &asked {
                assert_eq!(scene.admin.campaign(id).await["status"], "COMPLETED");
                let events = scene.admin.events(id, None, 100).await;
                assert_eq!((rows_by_host(&events).len(), events.len()), (HOSTS, HOSTS + 1), "each once");
            }
            scene.check_hosts(asked.len());
        }
    });
}

/// Beside another writer, whose transactions are short, nobody meets an error; one that holds the file for long makes
/// hosts keep their answers, and nothing worse.
#[test]
fn f30_busy() {
    block_on(async {
        let mut scene = Scene::begin().await;
        let other = connect(&scene.url()).await;
        scene.admin.start("select name").await;
        let writing = async {
            for _ in 0..200 {
                other.execute_unprepared(TOUCH).await.expect("the other writer gets its turn too");
                tokio::task::yield_now().await;
            }
        };
        let Scene { hosts, admin, .. } = &mut scene;
        let teams =
            (0..10).map(|n| admin.mutate("createTeam", "team { id }", json!({ "name": format!("t{n}") })));
        let answers = join_all(hosts.iter_mut().map(Agent::poll));
        let ((), made, answers) = tokio::join!(writing, join_all(teams), answers);
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert!(made.iter().all(|payload| payload["team"]["id"].is_string()), "{made:?}");

        let id = scene.admin.start("select name").await;
        join_all(scene.hosts.iter_mut().map(Agent::read)).await;
        other.execute_unprepared("BEGIN IMMEDIATE").await.expect("it gets its turn");
        scene.hosts[0].write().await.expect_err("nothing is acknowledged that is not durable");
        for host in &mut scene.hosts {
            host.read().await.expect("it is answered from memory");
        }
        other.execute_unprepared("COMMIT").await.expect("it has its turn");
        scene.answer_all(2).await;
        assert_eq!(scene.admin.campaign(&id).await["status"], "COMPLETED");
        scene.check_hosts(2);
        other.close().await.expect("it closes");
    });
}

/// A reader that stays makes the log grow; once it has gone the log is folded in and cut, while all goes on.
#[test]
fn f30_grown_log() {
    block_on(async {
        let mut scene = Scene::begin().await;
        let reader = connect(&scene.url()).await;
        reader.execute_unprepared("BEGIN; SELECT count(*) FROM hosts").await.expect("it reads");
        let other = connect(&scene.url()).await;
        let filler =
            "INSERT INTO login_failures (account, source, failed_at) VALUES (zeroblob(8000000), 'x', 0)";
        while scene.log_bytes() <= LOG_KEPT + (16 << 20) {
            other.execute_unprepared(filler).await.expect("there is room");
        }
        let id = scene.admin.start("select name").await;
        other.close().await.expect("it closes");
        scene.answer_all(1).await;
        assert_eq!(scene.admin.campaign(&id).await["status"], "COMPLETED", "a grown log stops nobody");
        reader.execute_unprepared("COMMIT").await.expect("it goes");
        let cutting = async {
            let mut made = 0;
            while scene.log_bytes() > LOG_KEPT {
                let name = json!({ "name": format!("team {made}") });
                let team = scene.admin.mutate("createTeam", "team { id }", name).await;
                assert!(team["team"]["id"].is_string(), "{team}");
                made += 1;
            }
        };
        within_deadline("the log to be cut", cutting).await;
        reader.close().await.expect("it closes");
    });
}

/// On a full disk nothing is acknowledged, check-ins are answered, and all goes on by itself when there is room.
#[test]
fn f30_full_disk() {
    block_on(async {
        let mut scene = Scene::begin().await;
        let id = scene.admin.start("select name").await;
        join_all(scene.hosts.iter_mut().map(Agent::read)).await;
        assert!(scene.hosts.iter().all(|host| host.unsent() == 1), "everybody is asked");
        scene.process.limit_file_size(Some(4096));
        for host in &mut scene.hosts {
            host.write().await.expect_err("nothing is acknowledged that is not durable");
            host.read().await.expect("it is answered from memory");
        }
        scene.process.limit_file_size(None);
        scene.answer_all(1).await;
        let events = scene.admin.events(&id, None, 100).await;
        assert_eq!((rows_by_host(&events).len(), events.len()), (HOSTS, HOSTS + 1), "each once");
        scene.check_hosts(1);
        scene.process.kill();
        assert_eq!(scene.word("PRAGMA integrity_check").await, "ok");
    });
}

/// A short transaction that changes nothing.
const TOUCH: &str =
    "BEGIN IMMEDIATE; UPDATE settings SET value = value; DELETE FROM changes WHERE seq < 0; COMMIT";

/// A server on SQLite, an admin, and hosts that have checked in.
struct Scene {
    process: Process,
    admin: Person,
    hosts: Vec<Agent>,
}

impl Scene {
    async fn begin() -> Self {
        let short = vec![("MUSTER_CAMPAIGN_ANSWER_DEADLINE", "1s".to_owned())];
        let process = Process::start_on(None, None, short);
        let admin = process.admin().await;
        let secret = process.command(&["enroll", "secret"], "");
        let mut hosts = Vec::new();
        for number in 0..HOSTS {
            let name = format!("host-{number}");
            let identity = Identity::linux(&name);
            let answering = Arc::new(move |_: &str| AgentAnswer::one("name", &name));
            let mut host = Agent::new(process.address, &secret, identity, answering);
            assert!(host.enroll().await, "the secret lets it in");
            host.poll().await.expect("a check-in");
            hosts.push(host);
        }
        Self { process, admin, hosts }
    }

    /// Every host checks in until it was thanked for so many answers.
    async fn answer_all(&mut self, asked: usize) {
        let turns = self.hosts.iter_mut().map(|host| async move {
            while host.poll().await.is_err() || host.ledger.accepted.len() < asked {}
            assert_eq!(host.unsent(), 0);
        });
        within_deadline("the answers to be taken", join_all(turns)).await;
    }

    fn check_hosts(&self, campaigns: usize) {
        for host in &self.hosts {
            assert_eq!(host.ledger.enrollments, 1, "{} enrolled again", host.identity.hostname);
            assert_eq!(host.ledger.accepted.len(), campaigns);
        }
    }

    fn file(&self) -> PathBuf {
        self.process.data().join("muster.db")
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.file().display())
    }

    fn log_bytes(&self) -> u64 {
        std::fs::metadata(self.file().with_extension("db-wal")).map_or(0, |log| log.len())
    }

    /// What the file itself answers, asked beside the server.
    async fn word(&self, sql: &str) -> String {
        let db: DatabaseConnection = connect(&self.url()).await;
        let asked = Statement::from_string(DbBackend::Sqlite, sql);
        let row = db.query_one_raw(asked).await.expect("an answer").expect("a row");
        db.close().await.expect("it closes");
        row.try_get_by_index(0).expect("a word")
    }
}
