//! Commands that need no server.

use serde_json::Value;

use crate::harness::block_on;
use crate::harness::terminal::Terminal;

/// The configuration says where each value came from, and no secret, in any format.
#[test]
fn the_configuration_is_shown_without_secrets() {
    block_on(async {
        let terminal = Terminal::default()
            .with("MUSTER_DATABASE_URL", "postgres://muster:hush-hush@db/muster")
            .with("MUSTER_SECRET_KEY", "hush-hush-hush-hush-hush-hush-hush-hush");
        std::fs::write(terminal.path().join("muster.toml"), "[http]\nidle_timeout = \"7s\"\n")
            .expect("it is ours");
        for format in [&[][..], &["--format", "json"], &["--format", "csv"], &["--format", "table"]] {
            let arguments = [&["config", "--http-listen", "127.0.0.1:1"], format].concat();
            let text = terminal.run(&arguments).await.well();
            assert!(!text.contains("hush"), "{text}");
            let origins = ["muster.toml", "MUSTER_SECRET_KEY", "--http-listen", "the defaults"];
            assert!(origins.iter().all(|origin| text.contains(origin)), "{text}");
        }
        let wrong = terminal.run(&["config", "--http-listen", "nowhere"]).await;
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), ""));
        assert!(wrong.stderr.contains("--http-listen"), "{}", wrong.stderr);
    });
}

/// Every shell gets completions of every command.
#[test]
fn shells_complete_the_commands() {
    block_on(async {
        let terminal = Terminal::default();
        for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
            let text = terminal.run(&["completions", shell]).await.well();
            let words = ["muster", "campaign", "fingerprint", "rerun"];
            assert!(words.iter().all(|word| text.contains(word)), "{shell}: {text}");
        }
    });
}

/// For people and for programs.
#[test]
fn the_version_is_told() {
    block_on(async {
        let terminal = Terminal::default();
        let version = env!("CARGO_PKG_VERSION");
        let text = terminal.printed(&["version"], "").await;
        assert!(text.starts_with(&format!("muster {version}")), "{text}");
        let json: Value =
            serde_json::from_str(&terminal.printed(&["version", "--json"], "").await).expect("JSON");
        assert_eq!(json["version"], version);
    });
}

/// Whoever closes the pipe has read enough: not a word about it.
#[test]
fn a_closed_pipe_is_no_news() {
    block_on(async {
        let ended = Terminal::default().run_unread(&["completions", "bash"]).await;
        assert_eq!(ended.stderr, "");
    });
}
