//! Log destinations: made, changed and watched over the API; what they do when their other side fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::block_on;
use crate::harness::logs::{in_files, until};

use crate::harness::server::{Backend, TestServer};
use crate::harness::sink::{Does, Sink, stream_sink};
use crate::harness::world::{World, on_both};

/// What may be connected to.
const LOOPBACK: &[(&str, &str)] = &[("egress.allow", "127.0.0.1")];

on_both!(s42_managed_over_the_api, audit_trail, every_server_ships);

async fn world() -> World {
    World::on(TestServer::start(Backend::Sqlite, LOOPBACK).await.expect("SQLite is inside")).await
}

/// A world with a destination `sink` of these keys, and that.
async fn with_sink(options: Value) -> (World, Sink) {
    let (world, sink) = (world().await, Sink::start().await);
    create(&world, "sink", http(&sink, options)).await;
    (world, sink)
}

/// Keys of a destination at a sink, which is tried again soon.
fn http(sink: &Sink, more: Value) -> Value {
    let mut options = json!({
        "type": "http", "url": format!("http://{}/in", sink.address),
        "max_delay": "1ms", "retry_min": "5ms", "retry_max": "20ms",
    });
    let Value::Object(more) = more else { panic!("an object: {more}") };
    options.as_object_mut().expect("an object").extend(more);
    options
}

async fn create(world: &World, name: &str, options: Value) -> Value {
    let input = json!({ "name": name, "options": options });
    world.admin.mutate("createDestination", "destination { name type version options state }", input).await
}

async fn shown(world: &World, name: &str) -> Value {
    let document = "{ destinations { name state lagBytes waitingSince lastError deliveredLines parkedLines
        isConfigured version options } }";
    let data = world.admin.ask(document, json!({})).await;
    let found = data["destinations"].as_array().expect("a list").iter().find(|one| one["name"] == name);
    found.cloned().unwrap_or(Value::Null)
}

/// Waits until a destination is in a state, and answers how it is doing.
async fn until_state(world: &World, name: &str, state: &str) -> Value {
    let waiting = async {
        loop {
            let destination = shown(world, name).await;
            if destination["state"] == state {
                return destination;
            }
            tokio::task::yield_now().await;
        }
    };
    crate::harness::within_deadline(state, waiting).await
}

async fn log(world: &World, lines: impl IntoIterator<Item = String>) {
    let mut host = world.host("web").await;
    host.log("result", lines);
    host.flush_logs().await.expect("the lines are taken");
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!(r#"{{"name":"q","columns":{{"n":"{n}"}}}}"#))
}

/// Made, seen, changed, paused, resumed, replayed, tested, deleted; the audit trail has each, and nobody sees a
/// credential. Check 42.
async fn s42_managed_over_the_api(world: World) {
    let world = World { server: world.server.restart_with(LOOPBACK).await, ..world };
    let sink = Sink::start().await;
    let secret = "hush-hush-hush";
    let options =
        http(&sink, json!({ "token": secret, "headers": { "X-Key": secret }, "kinds": ["result"] }));
    let made = create(&world, "siem", options.clone()).await;
    assert_eq!(made["userErrors"], json!([]), "{made}");
    assert!(!made.to_string().contains(secret), "{made}");
    assert_eq!(create(&world, "siem", options.clone()).await["userErrors"][0]["code"], "NOT_UNIQUE");
    assert_eq!(create(&world, "files", options).await["userErrors"][0]["code"], "NOT_UNIQUE");
    for (name, options, path) in [
        ("Not a name", json!({ "type": "stdout" }), "name"),
        ("x", json!({ "type": "http", "url": "ftp://x" }), "options"),
        ("x", json!({ "type": "file", "directory": "/etc" }), "options"),
        ("x", json!({ "type": "file", "directory": "logs/../.." }), "options"),
    ] {
        let refused = create(&world, name, options).await;
        assert_eq!(refused["userErrors"][0]["path"][0], path, "{refused}");
    }
    log(&world, numbered(3)).await;
    until("the lines to come", || sink.envelopes().len() == 3).await;
    assert!(sink.came()[0].head.contains(&format!("authorization: bearer {secret}")));
    until_state(&world, "siem", "WORKING").await;
    change_it(&world, &sink, secret).await;
    let trail = world.admin.ask("{ activities(first: 100) { nodes { kind details } } }", json!({})).await;
    for kind in ["created", "updated", "paused", "resumed", "replayed", "deleted"] {
        assert!(trail.to_string().contains(&format!("destination.{kind}")), "{kind}: {trail}");
    }
    assert!(!trail.to_string().contains(secret), "{trail}");
    world.server.stop().await;
}

async fn change_it(world: &World, sink: &Sink, secret: &str) {
    let mut options = shown(world, "siem").await["options"].take();
    assert_eq!(options["token"], "********");
    options["queries"] = json!(["wanted*"]);
    let input = json!({ "name": "siem", "options": options, "expectedVersion": 1 });
    let changed = world.admin.mutate("updateDestination", "destination { version }", input.clone()).await;
    assert_eq!(changed["destination"]["version"], 2, "{changed}");
    let again = world.admin.mutate("updateDestination", "destination { version }", input).await;
    assert_eq!(again["userErrors"][0]["code"], "VERSION_CONFLICT", "{again}");
    log(world, [r#"{"name":"wanted_one"}"#.to_owned(), r#"{"name":"other"}"#.to_owned()]).await;
    until("the wanted one to come", || sink.envelopes().len() == 4).await;
    let kept = format!("x-key: {secret}");
    assert!(sink.came().last().expect("it came").head.contains(&kept), "the mask kept the credential");
    act(world, "pause", json!({ "name": "siem" })).await;
    log(world, [r#"{"name":"wanted_two"}"#.to_owned()]).await;
    until("others to have it", || in_files(world.server.data(), "result").len() == 6).await;
    assert_eq!(shown(world, "siem").await["state"], "PAUSED");
    assert_eq!(sink.envelopes().len(), 4);
    act(world, "resume", json!({ "name": "siem" })).await;
    until("it to come after all", || sink.envelopes().len() == 5).await;
    act(world, "replay", json!({ "name": "siem", "from": "2020-01-01T00:00:00Z" })).await;
    until("both wanted ones to come again", || sink.envelopes().len() == 7).await;
    let ids: BTreeSet<String> = sink.envelopes().iter().map(|line| line["line_id"].to_string()).collect();
    assert_eq!(ids.len(), 5, "what comes again has the same line id");
    let tested = act(world, "test", json!({ "name": "siem" })).await;
    assert_eq!(tested["delivered"], true, "{tested}");
    let marked = sink.envelopes().pop().expect("it came");
    assert_eq!(marked["line"]["muster_test"], true, "{marked}");
    act(world, "delete", json!({ "name": "siem" })).await;
    assert_eq!(shown(world, "siem").await, Value::Null);
}

async fn act(world: &World, verb: &str, input: Value) -> Value {
    let shape = match verb {
        "test" => "delivered reason",
        "delete" => "deletedDestinationName",
        _ => "destination { name }",
    };
    let payload = world.admin.mutate(&format!("{verb}Destination"), shape, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    payload
}

/// Every failure that an HTTP destination may have: each line comes at least once, what comes twice has the same line
/// and batch id, and the others do not wait.
#[test]
fn f21_whatever_the_other_side_does() {
    block_on(async {
        let (world, sink) = with_sink(json!({ "max_lines": 7 })).await;
        sink.does([
            Does::Answer(500, ""),
            Does::Answer(503, "retry-after: 0\r\n"),
            Does::Answer(429, "retry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\n"),
            Does::Reset,
            Does::Half,
            Does::Answer(302, "location: http://127.0.0.1:1/\r\n"),
            Does::Answer(404, ""),
            Does::Answer(401, ""),
            Does::Take,
            Does::Reset,
        ]);
        log(&world, numbered(100)).await;
        let data = world.server.data().to_owned();
        until("the other destination to have all", || in_files(&data, "result").len() == 100).await;
        let lines = || sink.envelopes().iter().map(|line| line["line"].to_string()).collect::<BTreeSet<_>>();
        until("every line to come", || lines().len() == 100).await;
        assert_eq!(sink.script_left(), 0);
        let ids =
            |line: &Value| (line["line"].to_string(), line["line_id"].to_string(), line["batch"].to_string());
        assert_eq!(sink.envelopes().iter().map(ids).collect::<BTreeSet<_>>().len(), 100);
        let destination = until_state(&world, "sink", "WORKING").await;
        assert!(destination["lastError"].is_string() && destination["parkedLines"] == "0", "{destination}");
        world.server.stop().await;
    });
}

/// A destination that hangs, and is away for longer than the server lives, gets everything in the end; an agent never
/// notices.
#[test]
fn f21_away_over_a_restart() {
    block_on(async {
        let (world, sink) = with_sink(json!({})).await;
        sink.does([Does::Hang]);
        log(&world, numbered(500)).await;
        until("it to hang", || sink.script_left() == 0).await;
        sink.does(std::iter::repeat_n(Does::Answer(500, ""), 20));
        let world = World { server: world.server.restart().await, ..world };
        log(&world, (500..1_000).map(|n| format!(r#"{{"n":{n}}}"#))).await;
        let lines = || sink.envelopes().iter().map(|line| line["line"].to_string()).collect::<BTreeSet<_>>();
        until("every line to come", || lines().len() == 1_000).await;
        world.server.stop().await;
    });
}

/// A line that is never taken, alone among others, is parked with the reason, and so is one that is no object; the
/// rest arrives.
#[test]
fn f25_poison_lines() {
    block_on(async {
        let (world, sink) = with_sink(json!({ "kinds": ["result", "apart"] })).await;
        sink.refuses("poison");
        let long = format!(r#"{{"name":"long","columns":{{"x":"{}"}}}}"#, "x".repeat(5 << 20));
        let bad = [r#"{"name":"poison \r\n\u001b[31m"}"#.to_owned(), "5".to_owned(), long];
        log(&world, numbered(500).chain(bad).chain(numbered(521))).await;
        until("all others to come", || sink.envelopes().len() == 1_023).await;
        let kinds = sink.envelopes().iter().filter(|line| line["kind"] == "apart").count();
        assert_eq!(kinds, 1, "what is no object is told apart, with its reason");
        let letters = world.server.data().join("dead-letters/sink.ndjson");
        until("it to be parked", || letters.exists()).await;
        let letter: Value =
            serde_json::from_slice(&std::fs::read(letters).expect("read")).expect("one letter");
        assert!(letter["reason"].as_str().expect("a reason").contains("400"), "{letter}");
        assert!(letter["envelope"]["line"]["name"].as_str().expect("a name").starts_with("poison"));
        assert_eq!(until_state(&world, "sink", "WORKING").await["parkedLines"], "1");
        world.server.stop().await;
    });
}

/// A certificate that is over, or of nobody known, is not believed, and nothing is sent; one that is named is.
#[test]
fn f21_certificates() {
    block_on(async {
        let world = world().await;
        for (name, years, known, state) in [
            ("over", (2020, 2021), true, "RETRYING"),
            ("unknown", (2020, 2090), false, "RETRYING"),
            ("good", (2020, 2090), true, "WORKING"),
        ] {
            let (pem, _, acceptor) = certificate(years, false);
            let sink = Sink::with_tls(acceptor).await;
            let mut options =
                http(&sink, json!({ "url": format!("https://127.0.0.1:{}/", sink.address.port()) }));
            if known {
                options["ca"] = pem.into();
            }
            create(&world, name, options).await;
            let destination = until_state(&world, name, state).await;
            if state == "RETRYING" {
                assert!(
                    destination["lastError"].as_str().expect("one").contains("certificate"),
                    "{destination}"
                );
            }
            log(&world, numbered(1)).await;
            if state == "WORKING" {
                until("the line to come", || !sink.envelopes().is_empty()).await;
            }
            assert_eq!(sink.came().is_empty(), state == "RETRYING");
        }
        world.server.stop().await;
    });
}

/// A server that wants to know who connects is shown the destination's certificate, whose key nobody reads again.
#[test]
fn certificates_of_clients() {
    block_on(async {
        let world = world().await;
        let (pem, key, acceptor) = certificate((2020, 2090), true);
        let sink = Sink::with_tls(acceptor).await;
        let place = json!({ "url": format!("https://127.0.0.1:{}/", sink.address.port()), "ca": pem });
        create(&world, "nobody", http(&sink, place.clone())).await;
        let mut options = http(&sink, place);
        options["client_certificate"] = pem.into();
        options["client_key"] = key.into();
        create(&world, "known", options).await;
        log(&world, numbered(1)).await;
        until("the line to come", || !sink.envelopes().is_empty()).await;
        let known = until_state(&world, "known", "WORKING").await;
        assert!(!known.to_string().contains("PRIVATE KEY"), "{known}");
        assert_eq!(until_state(&world, "nobody", "RETRYING").await["deliveredLines"], "0");
        assert_eq!(sink.envelopes().len(), 1, "nobody else was let in");
        world.server.stop().await;
    });
}

/// A certificate of the loopback that holds between these years, its own authority; its key, and what accepts with it,
/// with `known` only who shows it.
fn certificate((from, until): (i32, i32), known: bool) -> (String, String, TlsAcceptor) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(from, 1, 1), rcgen::date_time_ymd(until, 1, 1));
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the versions");
    let config = if known {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.der().clone()).expect("a certificate");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        config.with_client_cert_verifier(verifier.expect("there are roots"))
    } else {
        config.with_no_client_auth()
    };
    let config = config.with_single_cert(vec![certificate.der().clone()], der).expect("they fit");
    (certificate.pem(), key.serialize_pem(), TlsAcceptor::from(Arc::new(config)))
}

/// What only this server reaches is not reached through it, unless the configuration lists it.
#[test]
fn s55_private_addresses() {
    block_on(async {
        let world = World::on(TestServer::start(Backend::Sqlite, &[]).await.expect("SQLite is inside")).await;
        let sink = Sink::start().await;
        let port = sink.address.port();
        for (name, host) in
            [("a", "127.0.0.1"), ("b", "localhost"), ("c", "[::ffff:127.0.0.1]"), ("d", "2130706433")]
        {
            create(&world, name, http(&sink, json!({ "url": format!("http://{host}:{port}/") }))).await;
            let destination = until_state(&world, name, "FAILED").await;
            assert!(
                destination["lastError"].as_str().expect("one").contains("egress.allow"),
                "{destination}"
            );
        }
        log(&world, numbered(1)).await;
        let data = world.server.data().to_owned();
        until("the files to have it", || in_files(&data, "result").len() == 1).await;
        assert!(sink.came().is_empty());
        world.server.stop().await;
    });
}

/// Little of an answer is read, none is followed elsewhere with what it was sent, and no header is smuggled in.
#[test]
fn s56_what_a_destination_may_answer() {
    block_on(async {
        let (world, sink) = with_sink(json!({ "token": "hush" })).await;
        sink.does([Does::Endless, Does::Answer(307, "location: /elsewhere\r\n")]);
        log(&world, numbered(1)).await;
        until("the first line to be taken", || !sink.envelopes().is_empty()).await;
        log(&world, [r#"{"name":"second"}"#.to_owned()]).await;
        until("the second line to be taken", || sink.envelopes().len() == 2).await;
        assert!(sink.came().iter().all(|came| came.head.starts_with("post /in ")), "no redirect is followed");
        for headers in [json!({ "X": "a\r\nHost: b" }), json!({ "Host": "b" }), json!({ "a b": "c" })] {
            let refused = create(&world, "other", http(&sink, json!({ "headers": headers }))).await;
            assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{refused}");
        }
        world.server.stop().await;
    });
}

/// Requests are signed as the Standard Webhooks are, and compressed where that is wanted.
#[test]
fn signed_and_compressed() {
    block_on(async {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (world, sink) = with_sink(json!({ "signing_secret": secret, "compress": true })).await;
        log(&world, numbered(10)).await;
        until("a request to come", || !sink.came().is_empty()).await;
        let came = sink.came().remove(0);
        for part in [
            "webhook-id: msg_",
            "webhook-timestamp: 17953488",
            "webhook-signature: v1,",
            "content-encoding: gzip",
        ] {
            assert!(came.head.contains(part), "{part}: {}", came.head);
        }
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&came.body[..]), &mut text)
            .expect("gzip");
        assert_eq!(text.lines().count(), 10);
        world.server.stop().await;
    });
}

/// Syslog over TCP: each message by its length, so that nothing a host says begins another.
#[test]
fn syslog_over_tcp() {
    block_on(async {
        let world = world().await;
        let (address, came) = stream_sink().await;
        let options =
            json!({ "type": "syslog", "address": address.to_string(), "content": "raw", "retry_min": "5ms" });
        assert_eq!(create(&world, "syslog", options).await["userErrors"], json!([]));
        log(&world, numbered(2)).await;
        let text = || came.lock().expect("nobody panics with it").clone();
        until("both to come", || text().matches(" result - ").count() == 2).await;
        let text = text();
        let (length, rest) = text.split_once(' ').expect("a length");
        let (first, second) = rest.split_at(length.parse().expect("a number"));
        assert!(first.starts_with("<134>1 2026-11-22T12:00:00.000Z web muster - result - {"), "{first}");
        assert!(second.contains(" <134>1 "), "{second}");
        world.server.stop().await;
    });
}

/// The audit trail is a kind of log line: in order, each entry once its time has settled, and only where it is wanted.
async fn audit_trail(world: World) {
    let world = World { server: world.server.restart_with(LOOPBACK).await, ..world };
    let sink = Sink::start().await;
    create(&world, "audit", http(&sink, json!({ "kinds": ["activity"] }))).await;
    until_state(&world, "audit", "WORKING").await;
    world.server.tick().await;
    world.team("berlin").await;
    world.server.advance(Duration::from_secs(31));
    world.server.tick().await;
    let kinds = || sink.envelopes().iter().map(|line| line["line"]["kind"].clone()).collect::<Vec<_>>();
    until("the team to be told", || kinds().contains(&json!("team.created"))).await;
    world.server.tick().await;
    let ids: BTreeSet<String> = sink.envelopes().iter().map(|line| line["line_id"].to_string()).collect();
    assert_eq!(ids.len(), sink.envelopes().len(), "each once");
    assert!(in_files(world.server.data(), "activity").is_empty(), "nobody else wanted it");
    world.server.stop().await;
}

/// What one server is told, every server does: each ships its own lines.
async fn every_server_ships(world: World) {
    let world = World { server: world.server.restart_with(LOOPBACK).await, ..world };
    let other = world.server.beside().await;
    let sink = Sink::start().await;
    create(&world, "siem", http(&sink, json!({}))).await;
    other.tick().await;
    log(&world, numbered(1)).await;
    let answering = Arc::new(|_: &str| AgentAnswer::one("a", "b"));
    let mut host = Agent::new(other.address, &world.secret, Identity::linux("db"), answering);
    assert!(host.enroll().await, "the secret lets it in");
    host.log("result", [r#"{"name":"there"}"#.to_owned()]);
    host.flush_logs().await.expect("the lines are taken");
    until("both lines to come", || sink.envelopes().len() == 2).await;
    other.stop().await;
    world.server.stop().await;
}
