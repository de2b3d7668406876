//! Answers of a campaign as files.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::block_on;
use crate::harness::personas::Person;
use crate::harness::server::{Backend, TestServer};
use crate::harness::stored::activities;
use crate::harness::world::{World, on_both};

on_both!(
    every_answer_in_every_form,
    a_cursor_resumes,
    following_to_the_end,
    s41_only_what_may_be_seen,
    s57_harmless_cells,
    refusals,
    an_export_is_recorded
);

/// All answers, in order; failures too; the last words are the state, the counters and the cursor.
async fn every_answer_in_every_form(world: World) {
    let id = answered(&world).await;
    let events = world.admin.events(&id, None, 100).await;
    let response = world.admin.get(&path(&id, "ndjson"), vec![]).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    let lines = lines(&response.body);
    assert_eq!(lines.len(), events.len(), "a line an event: the last is the end");
    for (line, event) in lines.iter().zip(&events) {
        assert_eq!(line["cursor"], event["cursor"]);
        assert_eq!((&line["rows"], &line["hostname"]), (&event["rows"], &event["hostname"]));
    }
    let end = &lines[lines.len() - 1];
    assert_eq!((&end["status"], &end["totals"]["responded"]), (&json!("COMPLETED"), &json!(3)));
    assert_eq!(response.header("x-muster-end-cursor"), end["cursor"].as_str());

    let document = world.admin.get(&path(&id, "json"), vec![]).await.json();
    assert_eq!(document["answers"].as_array().expect("a list")[..], lines[..lines.len() - 1]);
    assert_eq!((&document["campaign"]["id"], &document["status"]), (&json!(id), &json!("COMPLETED")));

    let table = text(&world.admin.get(&path(&id, "csv"), vec![]).await.body);
    assert!(table.starts_with("\"_host\",\"_hostname\",\"_error\",\"n\",\"_more\"\r\n"), "{}", &table[..60]);
    assert_eq!(table.lines().count(), 1 + 2_500 + 1 + 1, "names, rows of two hosts, a failure");
    assert!(table.contains("\"TABLE_NOT_FOUND: no such table: x\""), "the failure is there");

    let packed = world.admin.get(&path(&id, "ndjson"), vec![("Accept-Encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).expect("whole gzip");
    assert_eq!(unpacked, response.body);
}

/// After the cursor of any line comes what follows it.
async fn a_cursor_resumes(world: World) {
    let id = answered(&world).await;
    let whole = lines(&world.admin.get(&path(&id, "ndjson"), vec![]).await.body);
    for (number, line) in whole.iter().enumerate().take(whole.len() - 1) {
        let cursor = line["cursor"].as_str().expect("a cursor");
        let target = format!("{}?after={cursor}", path(&id, "ndjson"));
        assert_eq!(lines(&world.admin.get(&target, vec![]).await.body), whole[number + 1..]);
    }
}

/// An export that follows gets answers as they come, and ends with the campaign.
async fn following_to_the_end(world: World) {
    let mut hosts = world.hosts(2).await;
    let id = world.admin.start("select name").await;
    let target = format!("{}?follow=1", path(&id, "ndjson"));
    let mut following = world.admin.open("GET", &target, vec![], "").await;
    let target = format!("{}?follow=1", path(&id, "csv"));
    let mut table = world.admin.open("GET", &target, vec![], "").await;
    for (number, host) in hosts.iter_mut().enumerate() {
        host.poll().await.expect("an answer");
        let line: Value = serde_json::from_str(&following.line().await.expect("a line")).expect("JSON");
        assert_eq!(line["hostname"], format!("host-{number}"));
    }
    let end: Value = serde_json::from_str(&following.line().await.expect("the end")).expect("JSON");
    assert_eq!(end["status"], "COMPLETED");
    assert_eq!(following.line().await, None);
    assert_eq!(table.line().await.as_deref(), Some("\"_host\",\"_hostname\",\"_error\",\"name\",\"_more\""));
    assert!(table.line().await.is_some_and(|line| line.ends_with("\"host-0\",,\"host-0\",")));
}

/// Viewers get the rows of their hosts, and counters of those only.
async fn s41_only_what_may_be_seen(world: World) {
    let team = world.team("web").await;
    let secret = world.team_secret(&team).await;
    let inside = world.person("inside", Role::Observer, Some(&team)).await;
    let one = |column: &'static str| Arc::new(move |_: &str| AgentAnswer::one(column, "1"));
    let mut visible = world.host_with("in-team", &secret, one("seen")).await;
    let mut hidden = world.host_with("in-none", &world.secret, one("unseen")).await;
    let id = world.admin.start("select n").await;
    for host in [&mut hidden, &mut visible] {
        host.poll().await.expect("an answer");
    }
    let seen = lines(&inside.get(&path(&id, "ndjson"), vec![]).await.body);
    assert_eq!((seen.len(), &seen[0]["hostname"]), (2, &json!("in-team")));
    assert_eq!(seen[1]["totals"]["targeted"], 1);
    let table = text(&inside.get(&path(&id, "csv"), vec![]).await.body);
    assert!(table.contains("seen") && !table.contains("unseen") && !table.contains("in-none"), "{table}");
    let all = text(&world.admin.get(&path(&id, "csv"), vec![]).await.body);
    assert!(all.starts_with("\"_host\",\"_hostname\",\"_error\",\"unseen\",\"seen\",\"_more\"\r\n"), "{all}");
}

/// What looks like a formula is shown as text by a spreadsheet; JSON has it as it is.
async fn s57_harmless_cells(world: World) {
    let formula = "=HYPERLINK(\"http://evil.example\")";
    let answering = Arc::new(move |_: &str| AgentAnswer::one("=1+1", formula));
    let mut host = world.host_with("host-0", &world.secret, answering).await;
    let id = world.admin.start("select n").await;
    host.poll().await.expect("an answer");
    let table = text(&world.admin.get(&path(&id, "csv"), vec![]).await.body);
    assert!(
        table.contains("\"'=1+1\"") && table.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\""),
        "{table}"
    );
    let lines = lines(&world.admin.get(&path(&id, "ndjson"), vec![]).await.body);
    assert_eq!(lines[0]["rows"][0]["=1+1"], formula);
}

/// Errors are JSON; what is not visible is as absent; a token in the address is none.
async fn refusals(world: World) {
    let team = world.team("web").await;
    let outside = world.person("outside", Role::Observer, Some(&team)).await;
    let id = answered(&world).await;
    let absent = "cmp_00000000000000000000000000000000";
    let csv = path(&id, "csv");
    let cases = [
        (&outside, csv.clone(), 404, "NOT_FOUND"),
        (&world.admin, path(absent, "csv"), 404, "NOT_FOUND"),
        (&world.admin, path("x", "csv"), 404, "NOT_FOUND"),
        (&world.admin, format!("{csv}?after=x"), 400, "BAD_USER_INPUT"),
        (&world.admin, format!("{csv}?follow=maybe"), 400, "BAD_REQUEST"),
        (&world.admin, format!("{csv}?token=x"), 400, "BAD_REQUEST"),
        (&world.anonymous(), csv.clone(), 401, "UNAUTHENTICATED"),
        (&Person { token: Some("bad".to_owned()), ..world.anonymous() }, csv.clone(), 401, "UNAUTHENTICATED"),
    ];
    for (person, target, status, code) in cases {
        let response = person.get(&target, vec![]).await;
        assert_eq!(response.status, status, "{target}");
        assert_eq!(response.json()["errors"][0]["extensions"]["code"], code, "{target}");
    }
    let posted = world.admin.open("POST", &csv, vec![], "").await;
    assert_eq!(posted.status, 405);
}

/// An export costs as much as a page of events, and who has not so many points left waits.
#[test]
fn exports_cost_points() {
    block_on(async {
        let settings = &[("graphql.rate_limit", "1200"), ("graphql.rate_window", "12s")];
        let server = TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is inside");
        let world = World::on(server).await;
        let other = world.person("other", Role::Admin, None).await;
        let id = answered(&world).await;
        world.server.advance(Duration::from_secs(12));
        let export = async |person: &Person| person.get(&path(&id, "ndjson"), vec![]).await;
        for _ in 0..2 {
            assert_eq!(export(&world.admin).await.status, 200);
        }
        let rest = world.admin.cost("{ __typename }", json!({})).await;
        assert_eq!(rest["remaining"], 1_200 - 2 * 501 - 1);
        let refused = export(&world.admin).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("4")));
        let extensions = refused.json()["errors"][0]["extensions"].clone();
        assert_eq!((&extensions["code"], &extensions["retryAfter"]), (&json!("RATE_LIMITED"), &json!(4)));
        let recorded = activities(&world.server, "campaign.exported").await;
        assert_eq!(recorded.len(), 2, "what was refused took nothing away");
        assert_eq!(export(&other).await.status, 200, "others have points of their own");
        world.server.advance(Duration::from_secs(4));
        assert_eq!(export(&world.admin).await.status, 200);
    });
}

/// The audit trail says who took which campaign away.
async fn an_export_is_recorded(world: World) {
    let id = answered(&world).await;
    world.admin.get(&path(&id, "csv"), vec![]).await;
    let outside = Person { token: None, ..world.admin.clone() };
    outside.get(&path(&id, "csv"), vec![]).await;
    let recorded = activities(&world.server, "campaign.exported").await;
    assert_eq!(recorded, [(id, "admin".to_owned())], "once, for who was refused took nothing");
}

/// A campaign that three hosts answered: with several chunks, with one, with a failure.
async fn answered(world: &World) -> String {
    let rows =
        |count: usize| Arc::new(move |_: &str| AgentAnswer::rows((0..count).map(|n| [("n", n.to_string())])));
    let mut hosts = [
        world.host_with("large", &world.secret, rows(2_500)).await,
        world.host_with("small", &world.secret, rows(1)).await,
        world
            .host_with("broken", &world.secret, Arc::new(|_: &str| AgentAnswer::failure("no such table: x")))
            .await,
    ];
    let id = world.admin.start("select n").await;
    for host in &mut hosts {
        host.poll().await.expect("an answer");
    }
    id
}

fn path(id: &str, form: &str) -> String {
    format!("/campaigns/{id}/answers.{form}")
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).expect("text")
}

fn lines(body: &[u8]) -> Vec<Value> {
    text(body).lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
