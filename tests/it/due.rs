//! What is due for a host rides along with its check-ins: bounded, after the campaigns, durable before it is thanked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entity::{host_schedule, host_terms, host_vitals, hosts};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::json;

use crate::harness::agent::{Agent, AgentAnswer, Answering, raw};
use crate::harness::services::postgres::connect;
use crate::harness::world::{World, on_both};

on_both!(
    asked_after_enrollment,
    campaigns_first,
    due_again,
    nothing_due_costs_nothing,
    malformed_loses_no_other,
    together_with_campaigns,
    never_hidden_for_ever,
    pauses_when_unanswered,
    deleted_meanwhile,
    stopped_with_dispatch
);

/// An hour, and a little: the jitter only makes it earlier.
const HOUR: Duration = Duration::from_secs(3_601);

/// Just after its enrollment a host is asked what it is, and to hurry; what it tells is stored in columns, rows and JSON.
async fn asked_after_enrollment(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    host.poll().await.expect("a check-in");
    assert_eq!(host.ledger.accelerate, Some(json!(60)), "somebody waits for it");
    let asked = vitals_asked(&host);
    for key in ["disks", "flags", "interfaces", "memory", "os_version", "osquery_info", "schedule", "users"] {
        assert_eq!(asked.get(key), Some(&1), "{key}: {asked:?}");
    }
    let row = stored(&world, "web").await;
    assert_eq!(row.os_version.as_deref(), Some("Debian GNU/Linux 13 (trixie)"));
    assert_eq!(row.osquery_version.as_deref(), Some("5.23.1"));
    assert_eq!((row.memory_bytes, row.cpu_cores), (Some(8 << 30), Some(4)));
    assert_eq!((row.disk_total_bytes, row.disk_free_bytes), (Some(1_000), Some(250)));
    assert_eq!(row.primary_address.as_deref(), Some("10.1.2.3"));
    assert_eq!(row.primary_mac.as_deref(), Some("52:54:00:00:00:01"));
    assert_eq!(
        (row.check_in_interval_s, row.config_interval_s, row.log_interval_s),
        (30, Some(60), Some(10))
    );
    let db = connect(&world.server.database_url()).await;
    let kept = host_vitals::Entity::find().all(&db).await.expect("vitals");
    let users = kept.iter().find(|vital| vital.key == "users").expect("users are kept");
    assert!(users.rows.contains("\"username\":\"Ada\""), "{}", users.rows);
    let failed = kept.iter().find(|vital| vital.key == "memory").expect("what failed is kept, too");
    assert_eq!(failed.error.as_deref(), Some("no such table: memory_info"));
    let terms = host_terms::Entity::find().all(&db).await.expect("terms");
    let mut terms: Vec<&str> = terms.iter().map(|row| row.term.as_str()).collect();
    terms.sort_unstable();
    assert_eq!(terms, ["10.1.2.3", "2001:db8::1", "ada"], "neither loopback nor the system's accounts");
    let schedule = host_schedule::Entity::find().all(&db).await.expect("schedule");
    assert_eq!(schedule.len(), 1);
    assert_eq!(
        (schedule[0].name.as_str(), schedule[0].executions, schedule[0].is_denylisted),
        ("pack_a", 12, true)
    );
    assert_eq!(schedule[0].wall_time_ms, 3_000, "old versions tell seconds");
}

/// A campaign's queries are handed out first; what is due waits for a later read.
async fn campaigns_first(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    let started = world.admin.start("select 'first'").await;
    host.poll().await.expect("a check-in");
    let asked: Vec<&str> = host.ledger.asked.iter().map(|(_, sql)| sql.as_str()).collect();
    assert_eq!(asked, ["select 'first'"]);
    assert_eq!(world.admin.campaign(&started).await["status"], "COMPLETED");
    host.poll().await.expect("a check-in");
    assert!(!vitals_asked(&host).is_empty(), "at the next one");
}

/// After an interval it is asked again, and not before; a restart forgets nothing.
async fn due_again(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    host.poll().await.expect("a check-in");
    let world = World { server: world.server.restart().await, ..world };
    for _ in 0..3 {
        host.poll().await.expect("a check-in");
    }
    assert_eq!(vitals_asked(&host)["users"], 1, "once is enough");
    world.server.advance(HOUR);
    host.poll().await.expect("a check-in");
    host.poll().await.expect("a check-in");
    assert_eq!(vitals_asked(&host)["users"], 2);
    assert_eq!(host.ledger.accelerate, None, "nobody waits for what comes every hour");
}

/// A check-in issues no statement while nothing is due.
async fn nothing_due_costs_nothing(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    host.poll().await.expect("a check-in");
    let cost = world.server.statements_of(async || {
        for _ in 0..20 {
            host.read().await.expect("a check-in");
        }
    });
    assert_eq!(cost.await, 0);
}

/// An answer of a wrong shape is dropped alone.
async fn malformed_loses_no_other(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    host.read().await.expect("a check-in");
    let body = json!({
        "queries": {
            "vital_users": 5,
            "vital_no_such": [{ "a": "1" }],
            "vital_system_info": [{ "hostname": "renamed", "cpu_logical_cores": "many" }],
            "vital_uptime": [],
        },
        "statuses": {}, "node_key": host.node_key,
    });
    raw::assert_success(&raw::post(host.server, "distributed/write", &[], body.to_string()).await);
    let row = stored_by_identifier(&world, "web-identifier").await;
    assert_eq!(row.hostname, "renamed");
    assert_eq!(row.cpu_cores, None);
}

/// One write may hold both kinds; both are durable when it is thanked for, and neither is when the store is shut.
async fn together_with_campaigns(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    host.read().await.expect("what is due");
    let started = world.admin.start("select 'later'").await;
    host.read().await.expect("the campaign");
    host.write().await.expect("all of it together");
    assert_eq!(world.admin.campaign(&started).await["status"], "COMPLETED");
    assert!(stored(&world, "web").await.vitals_at.is_some());
}

/// A campaign that a host never answers does not hide for ever what it is.
async fn never_hidden_for_ever(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    world.admin.start("select 'never answered'").await;
    for _ in 0..10 {
        host.read().await.expect("a check-in");
    }
    let reads_with_both = host.ledger.asked.iter().filter(|(id, _)| id == "vital_users").count();
    assert_eq!(reads_with_both, 1, "once, along with the campaign, and then it pauses");
    let campaigns = host.ledger.asked.iter().filter(|(id, _)| id.starts_with("campaign_")).count();
    assert_eq!(campaigns, 10, "at each read");
}

/// What is not answered is asked again after a pause that grows.
async fn pauses_when_unanswered(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    for (wait, expected) in [(0, 1), (29, 1), (1, 2), (59, 2), (1, 3)] {
        world.server.advance(Duration::from_secs(wait));
        host.read().await.expect("a check-in");
        assert_eq!(vitals_asked(&host)["users"], expected);
    }
}

/// A host that was deleted between its read and its write is thanked, and leaves nothing.
async fn deleted_meanwhile(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    let mut other = machine(&world, "other", |_| None).await;
    other.poll().await.expect("a check-in");
    host.read().await.expect("a check-in");
    let db = connect(&world.server.database_url()).await;
    let id = stored(&world, "web").await.id;
    db.execute_unprepared(&format!("DELETE FROM hosts WHERE id = {}", id.0)).await.expect("gone");
    host.write().await.expect("it is thanked");
    let left = host_vitals::Entity::find().filter(host_vitals::Column::HostId.eq(id)).all(&db).await;
    assert!(left.expect("vitals").is_empty());
    let others = host_vitals::Entity::find().all(&db).await.expect("vitals");
    assert!(!others.is_empty(), "of the other host all is there");
}

/// The switch that stops all dispatch stops this, too.
async fn stopped_with_dispatch(world: World) {
    let world = world.with_vitals().await;
    let mut host = machine(&world, "web", |_| None).await;
    let input = json!({ "dispatchStopped": true });
    world.admin.mutate("updateSettings", "settings { dispatchStopped }", input).await;
    host.poll().await.expect("a check-in");
    assert!(vitals_asked(&host).is_empty());
    world.admin.mutate("updateSettings", "settings { version }", json!({ "dispatchStopped": false })).await;
    host.poll().await.expect("a check-in");
    assert!(!vitals_asked(&host).is_empty());
}

/// A machine that answers detail queries; `special` may answer first, by SQL.
pub async fn machine(
    world: &World,
    name: &str,
    special: impl Fn(&str) -> Option<AgentAnswer> + Send + Sync + 'static,
) -> Agent {
    let own_name = name.to_owned();
    let answering: Answering = Arc::new(move |sql| special(sql).unwrap_or_else(|| answer(sql, &own_name)));
    world.host_with(name, &world.secret, answering).await
}

/// What a Linux machine answers to detail queries.
pub fn answer(sql: &str, name: &str) -> AgentAnswer {
    let row = |cells: &[(&'static str, &str)]| {
        cells.iter().map(|(column, value)| ((*column).to_owned(), value.as_bytes().to_vec())).collect()
    };
    let rows = |rows: &[&[(&'static str, &str)]]| AgentAnswer {
        rows: rows.iter().map(|cells| row(cells)).collect(),
        ..AgentAnswer::empty()
    };
    let from = |table: &str| sql.contains(&format!("from {table}"));
    if from("memory_info") {
        AgentAnswer::failure("no such table: memory_info")
    } else if from("os_version") {
        rows(&[&[("name", "Debian GNU/Linux"), ("version", "13 (trixie)")]])
    } else if from("osquery_info") {
        rows(&[&[("version", "5.23.1"), ("instance_id", "f2c4")]])
    } else if from("system_info") {
        rows(&[&[
            ("hostname", name),
            ("uuid", &format!("{name}-uuid")),
            ("cpu_logical_cores", "4"),
            ("physical_memory", "8589934592"),
            ("hardware_vendor", "QEMU"),
        ]])
    } else if from("mounts") {
        rows(&[
            &[("path", "/boot"), ("size_bytes", "7"), ("free_bytes", "6")],
            &[("path", "/"), ("size_bytes", "1000"), ("free_bytes", "250")],
        ])
    } else if from("interface_addresses") {
        rows(&[
            &[("interface", "lo"), ("address", "127.0.0.1"), ("mac", "00:00:00:00:00:00")],
            &[("interface", "eth0"), ("address", "fe80::1%eth0"), ("mac", "52:54:00:00:00:01")],
            &[("interface", "eth0"), ("address", "2001:db8::1"), ("mac", "52:54:00:00:00:01")],
            &[("interface", "eth0"), ("address", "10.1.2.3"), ("mac", "52:54:00:00:00:01")],
        ])
    } else if from("osquery_flags") {
        rows(&[
            &[("name", "distributed_interval"), ("value", "30")],
            &[("name", "config_refresh"), ("value", "60")],
            &[("name", "logger_tls_period"), ("value", "10")],
        ])
    } else if from("osquery_schedule") {
        rows(&[&[
            ("name", "pack_a"),
            ("interval", "60"),
            ("executions", "12"),
            ("last_executed", "1795348000"),
            ("denylisted", "1"),
            ("wall_time", "3"),
        ]])
    } else if from("users") {
        rows(&[
            &[("uid", "0"), ("username", "root")],
            &[("uid", "1000"), ("username", "Ada")],
            &[("uid", "65534"), ("username", "nobody")],
        ])
    } else if from("uptime") {
        rows(&[&[("total_seconds", "3600")]])
    } else {
        AgentAnswer::one("name", name)
    }
}

/// How often each vital was asked.
pub fn vitals_asked(host: &Agent) -> BTreeMap<&str, usize> {
    let mut asked = BTreeMap::new();
    for (id, _) in &host.ledger.asked {
        if let Some(key) = id.strip_prefix("vital_") {
            *asked.entry(key).or_default() += 1;
        }
    }
    asked
}

/// A host as it is stored.
pub async fn stored(world: &World, name: &str) -> hosts::Model {
    stored_by_identifier(world, &format!("{name}-identifier")).await
}

async fn stored_by_identifier(world: &World, identifier: &str) -> hosts::Model {
    let db = connect(&world.server.database_url()).await;
    let found = hosts::Entity::find().filter(hosts::Column::HostIdentifier.eq(identifier)).one(&db).await;
    found.expect("the store answers").expect("it has enrolled")
}
