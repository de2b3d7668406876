//! The real program, when it can't start: one plain sentence, exit code 1.

use std::net::TcpListener;
use std::process::Output;

use sea_orm::ConnectionTrait as _;

use crate::harness::binary::{muster, run};
use crate::harness::block_on;
use crate::harness::services::postgres::connect;

/// An unknown key is named, with its place and what was meant.
#[test]
fn unknown_key() {
    let data = tempfile::tempdir().expect("a directory");
    let file = data.path().join("muster.toml");
    std::fs::write(&file, "[http]\nlisen = \"127.0.0.1:0\"\n").expect("it can be written");
    let mut command = muster(&["serve", "--config"]);
    command.arg(&file);
    let said = refused(&run(command, ""));
    assert!(said.contains("lisen") && said.contains("muster.toml") && said.contains("listen"), "{said}");
    let mut command = muster(&["serve"]);
    command.env("MUSTER_HTTP_LISEN", "127.0.0.1:0");
    let said = refused(&run(command, ""));
    assert!(said.contains("MUSTER_HTTP_LISEN"), "{said}");
}

/// A bad duration is named, with its variable and what was expected.
#[test]
fn bad_duration() {
    let mut command = muster(&["serve"]);
    command.env("MUSTER_TASKS_CHANGES_INTERVAL", "soon");
    let said = refused(&run(command, ""));
    assert!(said.contains("MUSTER_TASKS_CHANGES_INTERVAL") && said.contains("soon"), "{said}");
    assert!(said.contains("duration") || said.contains("10s"), "it says what was expected: {said}");
}

/// A data directory that is a file.
#[test]
fn data_directory_that_cannot_be_written() {
    let data = tempfile::NamedTempFile::new().expect("a file");
    let mut command = muster(&["serve"]);
    command.env("MUSTER_DATA_DIR", data.path()).env("MUSTER_HTTP_LISTEN", "127.0.0.1:0");
    let said = refused(&run(command, ""));
    assert!(said.contains(&data.path().display().to_string()), "{said}");
}

/// A port that somebody else has.
#[test]
fn taken_port() {
    let data = tempfile::tempdir().expect("a directory");
    let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let address = other.local_addr().expect("it is bound").to_string();
    let mut command = muster(&["serve"]);
    command.env("MUSTER_DATA_DIR", data.path()).env("MUSTER_HTTP_LISTEN", &address);
    let said = refused(&run(command, ""));
    assert!(said.contains(&address), "{said}");
}

/// A database of a later version.
#[test]
fn database_newer_than_the_binary() {
    let data = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}?mode=rwc", data.path().join("muster.db").display());
    let command = |arguments: &[&str]| {
        let mut command = muster(arguments);
        command.env("MUSTER_DATA_DIR", data.path()).env("MUSTER_HTTP_LISTEN", "127.0.0.1:0");
        command
    };
    assert!(run(command(&["migrate"]), "").status.success(), "an empty database is brought up");
    block_on(async {
        let db = connect(&url).await;
        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000000_later', 0)";
        db.execute_unprepared(later).await.expect("the table is there");
        db.close().await.expect("it closes");
    });
    let said = refused(&run(command(&["serve"]), ""));
    assert!(said.contains("newer"), "{said}");
}

/// What the program says when it refuses: one line on stderr, nothing on stdout.
#[track_caller]
fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "stdout is data");
    let sentence = said.lines().last().unwrap_or_default().to_owned();
    assert!(!sentence.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    sentence
}
