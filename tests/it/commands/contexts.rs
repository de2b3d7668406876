//! `muster login`, `logout` and `context`: whom a command speaks to, and as whom.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::query::world;
use crate::harness::block_on;
use crate::harness::personas::PASSWORD;
use crate::harness::server::{Backend, TestServer};
use crate::harness::terminal::Terminal;
use crate::harness::world::World;

/// Somebody who has signed in to the context `work`, and nothing in the environment.
async fn signed_in(world: &World) -> Terminal {
    let terminal = Terminal::default();
    let server = format!("http://{}", world.server.address);
    let login = ["login", "--context", "work", "--server", &server, "--email", &world.admin.email];
    let ended = terminal.run_with(&[&login[..], &["--password-stdin"]].concat(), PASSWORD).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    terminal
}

fn file(terminal: &Terminal) -> PathBuf {
    terminal.path().join(".config/muster/contexts.json")
}

/// What is kept is for its owner alone, and is not shown.
#[test]
fn a_session_is_kept_for_its_owner_alone() {
    block_on(async {
        let world = world().await;
        let terminal = signed_in(&world).await;
        let mode = |path: PathBuf| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(file(&terminal)), 0o600);
        assert_eq!(mode(terminal.path().join(".config/muster")), 0o700);
        let shown = terminal.run(&["context", "show"]).await;
        let (context, text) = (&shown.json()[0], &shown.stdout);
        assert_eq!((&context["name"], &context["credential"]), (&"work".into(), &"session".into()), "{text}");
        let kept: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file(&terminal)).expect("it is there")).expect("JSON");
        for secret in ["access_token", "refresh_token"] {
            let secret = kept["contexts"]["work"]["credential"][secret].as_str().expect("it is kept");
            assert!(!text.contains(secret), "{text}");
        }
        terminal.run(&["hosts", "list"]).await.well();
        world.server.stop().await;
    });
}

/// Flags win over the environment, which wins over the context in use.
#[test]
fn flags_then_environment_then_context() {
    block_on(async {
        let world = world().await;
        let terminal = signed_in(&world).await.with("MUSTER_TOKEN", "wrong");
        let refused = terminal.run(&["hosts", "list"]).await;
        assert_eq!(refused.code, Some(1), "the environment wins over the context");
        assert!(refused.stderr.contains("muster login"), "{}", refused.stderr);
        terminal.run(&["hosts", "list", "--context", "work"]).await.well();
        let token = world.admin.token.as_deref().expect("the admin has signed in");
        terminal.run(&["hosts", "list", "--token", token]).await.well();

        let terminal = signed_in(&world).await.with("MUSTER_SERVER", "http://127.0.0.1:1");
        let elsewhere = terminal.run(&["hosts", "list"]).await;
        assert_eq!(elsewhere.code, Some(1), "a context's session is for its own server");
        assert!(elsewhere.stderr.contains("no credential for http://127.0.0.1:1"), "{}", elsewhere.stderr);
        terminal.run(&["hosts", "list", "--context", "work"]).await.well();
        world.server.stop().await;
    });
}

/// An access token that is over is renewed; commands that run at once do not use the refresh token twice.
#[test]
fn commands_that_run_at_once_renew_the_session_once() {
    block_on(async {
        let world = world().await;
        let terminal = signed_in(&world).await;
        for _ in 0..3 {
            world.server.advance(Duration::from_hours(1));
            let lists = (0..6).map(|_| terminal.run(&["hosts", "list"]));
            for ended in futures_util::future::join_all(lists).await {
                ended.well();
            }
        }
        terminal.run(&["logout"]).await.well();
        let over = terminal.run(&["hosts", "list"]).await;
        assert_eq!(over.code, Some(1), "{}", over.stderr);
        assert!(over.stderr.contains("muster login"), "{}", over.stderr);
        world.server.stop().await;
    });
}

/// Signing out ends the session on the server.
#[test]
fn signing_out_ends_the_session() {
    block_on(async {
        let world = world().await;
        let terminal = signed_in(&world).await;
        let before = std::fs::read(file(&terminal)).expect("it is there");
        let ended = terminal.run(&["logout"]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), "signed out of the context `work`\n"));
        std::fs::write(file(&terminal), before).expect("it is ours");
        let over = terminal.run(&["hosts", "list"]).await;
        assert_eq!(over.code, Some(1), "a copy of the file is worth nothing: {}", over.stdout);
        world.server.stop().await;
    });
}

/// Contexts are listed, chosen and forgotten; an API token makes one too.
#[test]
fn contexts_are_chosen_by_name() {
    block_on(async {
        let world = world().await;
        let terminal = signed_in(&world).await;
        let server = format!("http://{}", world.server.address);
        let token = world.admin.token.as_deref().expect("the admin has signed in");
        let login = ["login", "--context", "robot", "--server", &server, "--token-stdin"];
        assert_eq!(
            terminal.run_with(&login, "nonsense").await.code,
            Some(1),
            "it is tried before it is kept"
        );
        terminal.run_with(&login, token).await.well();
        let current = async || {
            let list = terminal.run(&["context", "list"]).await.json();
            let named = list.iter().find(|context| context["current"] == true);
            (list.len(), named.map(|context| context["name"].clone()))
        };
        assert_eq!(current().await, (2, Some("robot".into())));
        terminal.run(&["context", "use", "work"]).await.well();
        assert_eq!(current().await, (2, Some("work".into())));
        terminal.run(&["context", "delete", "work"]).await.well();
        assert_eq!(current().await, (1, None));
        for arguments in
            [&["context", "use", "work"][..], &["context", "show"], &["hosts", "list", "--context", "x"]]
        {
            let ended = terminal.run(arguments).await;
            assert_eq!(ended.code, Some(1), "{arguments:?}");
            assert!(ended.stderr.contains("muster login"), "{}", ended.stderr);
        }
        let elsewhere = ["login", "--server", "http://127.0.0.1:1", "--token-stdin"];
        terminal.run(&["context", "use", "robot"]).await.well();
        let refused = terminal.run_with(&elsewhere, token).await;
        assert!(
            refused.stderr.contains("pass --context NAME"),
            "a context stays with its server: {}",
            refused.stderr
        );
        let nobody = Terminal::default().run(&["login", "--email", "a@b.example"]).await;
        assert!(nobody.stderr.contains("--password-stdin"), "{}", nobody.stderr);
        world.server.stop().await;
    });
}

/// A self-signed server is told apart, and believed by its certificate or its fingerprint; a context remembers.
#[test]
fn a_self_signed_server_is_believed_by_what_one_knows_of_it() {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, &[("https.listen", "127.0.0.1:0")]).await;
        let world = World::on(server.unwrap_or_else(|_| unreachable!("SQLite is always there"))).await;
        let server = format!("https://{}", world.server.https.expect("it is on"));
        let certificate = world.server.data().join("tls/cert.pem").display().to_string();
        let fingerprint = world.server.tls.as_ref().expect("it is on").fingerprint();
        let token = world.admin.token.as_deref().expect("the admin has signed in");
        let terminal = Terminal::default().with("MUSTER_SERVER", &server).with("MUSTER_TOKEN", token);
        let list = async |how: &[&str]| terminal.run(&[&["hosts", "list"], how].concat()).await;
        let refused = list(&[]).await;
        assert_eq!(refused.code, Some(3));
        let helps = ["self-signed", "--ca FILE", "--fingerprint", &fingerprint];
        assert!(helps.iter().all(|help| refused.stderr.contains(help)), "{}", refused.stderr);
        list(&["--ca", &certificate]).await.well();
        list(&["--fingerprint", &fingerprint.to_lowercase().replace(':', "")]).await.well();
        let other = list(&["--fingerprint", &"ab".repeat(32)]).await;
        assert_eq!(other.code, Some(3));
        assert!(other.stderr.contains("another certificate"), "{}", other.stderr);

        let login =
            ["login", "--server", &server, "--fingerprint", &fingerprint, "--email", &world.admin.email];
        let keeper = Terminal::default();
        keeper.run_with(&[&login[..], &["--password-stdin"]].concat(), PASSWORD).await.well();
        keeper.run(&["hosts", "list"]).await.well();
        world.server.stop().await;
    });
}
