//! Streams of campaigns: batches and their bounds, executions that are shared, server-sent events, changes of all.

use std::sync::Arc;
use std::time::Duration;

use muster::policy::Role;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::agent::{AgentAnswer, Answering};
use crate::harness::campaign::EVENT;
use crate::harness::events::Pieces;
use crate::harness::personas::Person;
use crate::harness::seeds::{Dice, seeds};
use crate::harness::socket::{Said, Socket, Told};
use crate::harness::world::{World, on_both};

on_both!(
    batches_have_bounds,
    equal_subscribers_get_equal_streams,
    an_execution_is_shared,
    another_scope_is_another_execution,
    a_revoked_subscriber_leaves_alone,
    events_resume_by_their_id,
    events_end_with_the_session,
    changes_of_visible_campaigns,
    a_change_that_nobody_told
);

const BATCHES: &str = "subscription($id: ID!, $most: Int!, $delay: Int!) {
    campaignEvents(campaignId: $id, maxBatchSize: $most, maxDelayMs: $delay) {
        events { ... on CampaignHostRows { rows } } isFinal } }";

/// Events are held back to fill a batch; none has more of them than was asked for, or more than 512 KiB.
async fn batches_have_bounds(world: World) {
    let mut hosts = world.hosts(3).await;
    let id = world.admin.start("select name").await;
    let variables = json!({ "id": id, "most": 2, "delay": 5_000 });
    let mut subscription = world.admin.subscribe(BATCHES, variables).await;
    assert_eq!(batch(subscription.next().await), (0, false), "the first comes at once");
    for host in &mut hosts {
        host.poll().await.expect("an answer");
    }
    assert_eq!(batch(subscription.next().await), (2, false), "the first answer waited for the second");
    assert_eq!(batch(subscription.next().await), (2, true), "the third, and the end");
    assert_eq!(subscription.next().await, Told::Complete);

    let large = Arc::new(|_: &str| AgentAnswer::rows((0..2_000).map(|n| [("n", format!("{n:01000}"))])));
    let mut large = world.host_with("large", &world.secret, large).await;
    let id = world.admin.start_on("select n", json!({ "filter": { "search": "large" } })).await;
    large.poll().await.expect("an answer");
    let variables = json!({ "id": id, "most": 1_000, "delay": 0 });
    let mut subscription = world.admin.subscribe(BATCHES, variables).await;
    let mut batches = 0;
    while let Told::Next(result) = subscription.next().await {
        batches += 1;
        let bytes = result["data"]["campaignEvents"]["events"].to_string().len();
        assert!(bytes < (512 << 10) + 4_096, "a batch of {bytes} bytes");
    }
    assert!(batches >= 4, "2 MB came in {batches} batches");
}

/// Viewers who join, lag, leave and resume at random, of three scopes, with equal and with other batching: each sees what
/// a direct reading shows them.
async fn equal_subscribers_get_equal_streams(world: World) {
    let team = world.team("web").await;
    let secret = world.team_secret(&team).await;
    let inside = world.person("inside", Role::Observer, Some(&team)).await;
    let beside = world.person("beside", Role::Maintainer, Some(&team)).await;
    for seed in seeds() {
        let mut dice = Dice::of(seed);
        let mut hosts = Vec::new();
        for number in 0..24 {
            let secret = if number % 2 == 0 { &secret } else { &world.secret };
            hosts.push(world.host_with(&format!("host-{seed}-{number}"), secret, answers(number)).await);
        }
        let targets = json!({ "filter": { "search": format!("host-{seed}-") } });
        let id = world.admin.start_on("select n", targets).await;
        let mut viewers = Vec::new();
        for number in 0..18 {
            let person = [&world.admin, &inside, &beside][number % 3].clone();
            let (id, dice) = (id.clone(), Dice::of(seed * 1_000 + number as u64));
            viewers.push(tokio::spawn(async move { (watch(&person, &id, dice).await, person) }));
        }
        for mut host in hosts {
            if dice.once_in(3) {
                tokio::task::yield_now().await;
            }
            host.poll().await.expect("an answer");
        }
        for viewer in viewers {
            let (seen, person) = viewer.await.expect("no viewer panics");
            assert_eq!(seen, person.events(&id, None, 100).await, "{}", person.email);
        }
    }
}

/// One viewer's history: streams of a few batches, cut and resumed.
async fn watch(person: &Person, id: &str, mut dice: Dice) -> Vec<Value> {
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let most = *dice.one_of(&[1, 3, 3, 100]);
        let mut viewing = person.follow_in_batches(id, cursor.as_deref(), most).await;
        for _ in 0..=dice.below(8) {
            if !viewing.batch().await {
                seen.append(&mut viewing.events);
                return seen;
            }
        }
        cursor = Some(viewing.cursor());
        seen.append(&mut viewing.events);
    }
}

const WITH_EDGE: &str = "subscription($id: ID!, $after: String) {
    campaignEvents(campaignId: $id, after: $after, maxDelayMs: 0) {
        events { ... on CampaignHostRows { hostname host { hostname } } } endCursor totals { responded } } }";

/// The host of an answer is read from the store once for all subscribers, not for each.
async fn an_execution_is_shared(world: World) {
    const VIEWERS: u64 = 45;
    let mut hosts = world.hosts(2).await;
    let id = world.admin.start("select name").await;
    let cursor = world.admin.campaign(&id).await["latestCursor"].clone();
    let mut viewers = Vec::new();
    for number in 0..VIEWERS {
        // Where they begin makes no difference.
        let after = if number % 2 == 0 { Value::Null } else { cursor.clone() };
        let mut viewer = world.admin.subscribe(WITH_EDGE, json!({ "id": id, "after": after })).await;
        assert!(matches!(viewer.next().await, Told::Next(_)), "the first batch, which has no events");
        viewers.push(viewer);
    }
    let before = world.server.fleet.statements();
    hosts[0].poll().await.expect("an answer");
    let mut told = Vec::new();
    for viewer in &mut viewers {
        told.push(viewer.next().await);
    }
    let cost = world.server.fleet.statements() - before;
    let Told::Next(first) = &told[0] else { panic!("a batch: {:?}", told[0]) };
    assert_eq!(first["data"]["campaignEvents"]["events"][0]["host"]["hostname"], "host-0");
    assert!(told.iter().all(|one| *one == told[0]), "all are told the same");
    assert!(cost < VIEWERS, "{cost} statements for {VIEWERS} subscribers");
}

/// Subscribers who may see less share with each other only.
async fn another_scope_is_another_execution(world: World) {
    let team = world.team("web").await;
    let secret = world.team_secret(&team).await;
    let inside = world.person("inside", Role::Observer, Some(&team)).await;
    let mut visible = world.host_with("in-team", &secret, one()).await;
    let mut hidden = world.host_with("in-none", &world.secret, one()).await;
    let id = world.admin.start("select n").await;
    let people = [&world.admin, &inside, &world.admin, &inside];
    let mut viewings = Vec::new();
    for person in people {
        viewings.push(person.follow(&id, None).await);
    }
    hidden.poll().await.expect("an answer");
    visible.poll().await.expect("an answer");
    let mut seen = Vec::new();
    for viewing in viewings {
        seen.push(viewing.to_the_end().await);
    }
    assert_eq!((seen[0].len(), seen[1].len()), (3, 2), "two answers and the end; one and the end");
    assert!(seen[0] == seen[2] && seen[1] == seen[3]);
    assert_eq!(seen[1][1]["totals"]["targeted"], 1);
    assert_eq!(seen[0][2]["totals"]["targeted"], 2);
}

/// Of two who share, the one whose session ends is closed with 4403; the other goes on.
async fn a_revoked_subscriber_leaves_alone(world: World) {
    let leaver = world.person("leaver", Role::Admin, None).await;
    let mut hosts = world.hosts(2).await;
    let id = world.admin.start("select name").await;
    let mut staying = world.admin.follow(&id, None).await;
    let mut leaving = leaver.follow(&id, None).await;
    assert!(leaving.batch().await && staying.batch().await);
    hosts[0].poll().await.expect("an answer");
    staying.until_events(1).await;
    leaving.until_events(1).await;
    leaver.ask("mutation { logout { userErrors { code } } }", json!({})).await;
    hosts[1].poll().await.expect("an answer");
    assert_eq!(leaving.subscription.next().await, Told::Closed(4403), "nothing comes before it");
    assert_eq!(staying.to_the_end().await.len(), 3);
}

/// A stream of events that is cut and resumed by `Last-Event-ID` is the whole stream; the header wins over `after`.
async fn events_resume_by_their_id(world: World) {
    let mut hosts = world.hosts(4).await;
    let id = world.admin.start("select name").await;
    let query = format!(
        "subscription($id: ID!, $after: String) {{ campaignEvents(campaignId: $id, after: $after, maxBatchSize: 1) {{
            events {{ {EVENT} }} endCursor }} }}"
    );
    let beginning = world.admin.campaign(&id).await["latestCursor"].clone();
    let variables = json!({ "id": id, "after": beginning });
    let mut seen: Vec<Value> = Vec::new();
    let mut last: Option<String> = None;
    for host in &mut hosts {
        let mut stream = world.admin.listen(&query, variables.clone(), last.as_deref()).await;
        assert_eq!(stream.status, 200);
        host.poll().await.expect("an answer");
        let known = seen.len();
        while seen.len() == known {
            last = Some(next_events(&mut stream, &mut seen).await);
        }
    }
    let mut stream = world.admin.listen(&query, variables.clone(), last.as_deref()).await;
    while let Some(event) = stream.next().await.filter(|event| event.name == "next") {
        seen.extend(event.data["data"]["campaignEvents"]["events"].as_array().cloned().unwrap_or_default());
    }
    assert_eq!(seen, world.admin.events(&id, None, 100).await);
    let mut refused = world.admin.listen(&query, variables, Some("not-a-cursor")).await;
    let error = refused.next().await.expect("an error").data;
    assert_eq!(error["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{error}");
    assert_eq!(refused.next().await.map(|event| event.name).as_deref(), Some("complete"));
}

/// Takes one batch of a stream; answers its id, which is its end.
async fn next_events(stream: &mut Pieces, seen: &mut Vec<Value>) -> String {
    let event = stream.next().await.expect("a batch");
    let batch = &event.data["data"]["campaignEvents"];
    seen.extend(batch["events"].as_array().expect("a list").iter().cloned());
    assert_eq!(batch["endCursor"].as_str(), event.id.as_deref());
    event.id.expect("a batch has an id")
}

/// A stream of events ends with its session, without `complete`, so that the client comes again and is refused.
async fn events_end_with_the_session(world: World) {
    let leaver = world.person("leaver", Role::Admin, None).await;
    let mut hosts = world.hosts(1).await;
    let id = world.admin.start("select name").await;
    let mut stream = leaver.listen(WITH_EDGE, json!({ "id": id }), None).await;
    assert_eq!(stream.next().await.map(|event| event.name).as_deref(), Some("next"));
    leaver.ask("mutation { logout { userErrors { code } } }", json!({})).await;
    hosts[0].poll().await.expect("an answer");
    assert_eq!(stream.next().await, None, "neither a row nor `complete`");
    assert_eq!(leaver.listen(WITH_EDGE, json!({ "id": id }), None).await.status, 401);
}

const CHANGED: &str = "subscription { campaignChanged { id status totals { responded targeted } } }";

/// Whoever looks at all campaigns is told of those they may see, with counters of what they may see.
async fn changes_of_visible_campaigns(world: World) {
    let team = world.team("web").await;
    let secret = world.team_secret(&team).await;
    let inside = world.person("inside", Role::Observer, Some(&team)).await;
    let mut visible = world.host_with("in-team", &secret, answers(1)).await;
    let mut hidden = world.host_with("in-none", &world.secret, answers(1)).await;
    let mut all = Changes::of(&world, &world.admin).await;
    let mut some = Changes::of(&world, &inside).await;
    let secret_one = world.admin.start_on("select 1", json!({ "filter": { "search": "in-none" } })).await;
    let both = world.admin.start("select n").await;
    hidden.poll().await.expect("an answer");
    visible.poll().await.expect("an answer");
    let told = all.until(&both, "COMPLETED").await;
    assert_eq!(told["totals"], json!({ "responded": 2, "targeted": 2 }));
    all.until(&secret_one, "COMPLETED").await;
    let told = some.until(&both, "COMPLETED").await;
    assert_eq!(told["totals"], json!({ "responded": 1, "targeted": 1 }));
    assert!(some.seen.iter().all(|one| one["id"] != secret_one.as_str()), "{:?}", some.seen);
}

/// What another server did and no message told is seen by the look at the store.
async fn a_change_that_nobody_told(world: World) {
    let other = world.server.beside().await;
    let elsewhere = Person { server: other.address, ..world.admin.clone() };
    let mut host = world.host("host-0").await;
    host.server = other.address;
    let mut changes = Changes::of(&world, &world.admin).await;
    let id = elsewhere.start("select name").await;
    world.server.fleet.catch_up().await.expect("the store answers");
    changes.until(&id, "RUNNING").await;
    host.poll().await.expect("an answer");
    world.server.fleet.check_progress().await.expect("the store answers");
    world.server.fleet.catch_up().await.expect("the store answers");
    changes.until(&id, "COMPLETED").await;
}

/// Somebody who looks at all campaigns.
struct Changes {
    socket: Socket,
    seen: Vec<Value>,
}

impl Changes {
    /// Subscribes, and knows that it is in force: of campaigns that come and go one was told.
    async fn of(world: &World, person: &Person) -> Self {
        let (mut socket, said) = Socket::init(person.server, person.token.as_deref()).await;
        assert_eq!(said, Said::Message(json!({ "type": "connection_ack" })));
        socket.send(&json!({ "id": "1", "type": "subscribe", "payload": { "query": CHANGED } })).await;
        loop {
            let probe = world.admin.start("select 0").await;
            world.admin.stop(&probe).await;
            if let Ok(said) = timeout(Duration::from_millis(500), socket.next()).await {
                assert!(matches!(said, Said::Message(_)), "{said:?}");
                return Self { socket, seen: Vec::new() };
            }
        }
    }

    async fn until(&mut self, id: &str, status: &str) -> Value {
        let is_it = |told: &Value| told["id"] == id && told["status"] == status;
        loop {
            if let Some(told) = self.seen.iter().find(|told| is_it(told)) {
                return told.clone();
            }
            match self.socket.next().await {
                Said::Message(message) if message["type"] == "next" => {
                    self.seen.push(message["payload"]["data"]["campaignChanged"].clone());
                }
                other => panic!("a change: {other:?}"),
            }
        }
    }
}

/// A host's answer of one row.
fn one() -> Answering {
    Arc::new(|_: &str| AgentAnswer::one("n", "1"))
}

/// A host's answer: one to three chunks, or a failure.
fn answers(number: usize) -> Answering {
    Arc::new(move |_: &str| match number % 4 {
        3 => AgentAnswer::failure("no such table: x"),
        size => AgentAnswer::rows((0..size * 1_200).map(|n| [("n", n.to_string())])),
    })
}

/// Number of events of a batch, and whether it is the last.
#[track_caller]
fn batch(told: Told) -> (usize, bool) {
    let Told::Next(result) = told else { panic!("a batch: {told:?}") };
    let batch = &result["data"]["campaignEvents"];
    (batch["events"].as_array().map_or(0, Vec::len), batch["isFinal"] == true)
}
