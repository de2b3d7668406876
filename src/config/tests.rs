//! Every key has its default, every mistake its sentence.

use std::time::Duration;

use super::*;

/// Keys that take any text; `?` is no value of the others.
const TEXTS: &[&str] = &[
    "http.public_address",
    "redis.ca",
    "tls.cert",
    "tls.key",
    "tls.client_ca",
    "tls.client_crl",
    "metrics.token",
    "data.dir",
    "database.url",
    "redis.url",
    "redis.namespace",
    "secret.key",
    "log.filter",
];

fn of_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Config::load(&Sources { environment, ..Sources::default() })
}

fn of_file(text: &str) -> Result<Config, String> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("muster.toml");
    std::fs::write(&file, text).expect("the directory is ours");
    Config::load(&Sources { file: Some(file), ..Sources::default() })
        .map_err(|error| error.to_string().replace(&*directory.path().to_string_lossy(), ""))
}

#[test]
fn the_defaults_are_complete() {
    let config = Config::default();
    assert_eq!(config.http.listen.port(), 8080);
    assert_eq!(config.campaign.max_bytes, ByteSize(4 << 30));
    assert!(config.database.url.is_none());
    assert!(known_keys().iter().all(|key| !key.help.is_empty()), "every key has a comment");
}

#[test]
fn every_key_of_the_defaults_is_read() {
    for key in known_keys() {
        let takes_anything = TEXTS.contains(&key.name.as_str());
        let result = of_environment(&[(&key.variable(), "?")]);
        assert_eq!(result.is_ok(), takes_anything, "{} is read", key.name);
    }
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("muster.toml");
    std::fs::write(&file, "[http]\nidle_timeout = \"1s\"\ndrain_timeout = \"1s\"\nheader_timeout = \"1s\"\n")
        .expect("the directory is ours");
    let sources = Sources {
        file: Some(file),
        environment: vec![
            ("MUSTER_HTTP_DRAIN_TIMEOUT".into(), "2s".into()),
            ("MUSTER_HTTP_HEADER_TIMEOUT".into(), "2s".into()),
        ],
        flags: vec![("http.header_timeout".into(), "3s".into())],
    };
    let http = Config::load(&sources).expect("all values are right").http;
    assert_eq!(http.idle_timeout, Duration::from_secs(1));
    assert_eq!(http.drain_timeout, Duration::from_secs(2));
    assert_eq!(http.header_timeout, Duration::from_secs(3));
}

#[test]
fn mistakes_are_told_with_key_origin_and_expectation() {
    let error = |variables| of_environment(variables).expect_err("it is wrong").to_string();
    insta::assert_snapshot!(
        [
            error(&[("MUSTER_HTTP_LISTN", "127.0.0.1:1")]),
            error(&[("MUSTER_HTTP_IDLE_TIMEOUT", "5 apples")]),
            error(&[("MUSTER_SECRET_KEY_FILE", "/nowhere")]),
            error(&[("MUSTER_SECRET_KEY", "a"), ("MUSTER_SECRET_KEY_FILE", "/nowhere")]),
            of_file("[http]\nlisten = 5").expect_err("it is wrong"),
            of_file("[http]\nlistn = \"a\"").expect_err("it is wrong"),
            of_file("[htp]\nlisten = \"a\"").expect_err("it is wrong"),
            of_file("listen = \"a\"").expect_err("it is wrong"),
            of_file("[campaign]\nmax_offers = [1]").expect_err("it is wrong"),
            of_file("[http\n").expect_err("it is wrong"),
        ]
        .join("\n"),
        @r"
    unknown environment variable `MUSTER_HTTP_LISTN`; did you mean `MUSTER_HTTP_LISTEN`?
    `http.idle_timeout` from the environment variable MUSTER_HTTP_IDLE_TIMEOUT: expected a duration such as 500ms, 10s, 5m or 30d, found `5 apples`
    `secret.key_file` from the environment variable MUSTER_SECRET_KEY_FILE: expected a file that can be read, found `/nowhere` (No such file or directory (os error 2))
    `secret.key_file` is set by the environment variable MUSTER_SECRET_KEY_FILE, but `secret.key` is set too; set one of them
    `http.listen` from /muster.toml: expected an address and a port such as 127.0.0.1:8080, found `5`
    unknown key `http.listn` in /muster.toml; did you mean `http.listen`?
    unknown key `htp.listen` in /muster.toml; did you mean `http.listen`?
    unknown key `listen` in /muster.toml
    `campaign.max_offers` from /muster.toml: expected a text or a number, found `[1]`
    /muster.toml is not valid TOML in line 1: unclosed table, expected `]`
    "
    );
}

#[test]
fn a_secret_comes_from_its_file_and_is_not_printed() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "hush-hush\n").expect("the file is ours");
    let path = file.path().to_string_lossy().into_owned();
    let config = of_environment(&[("MUSTER_SECRET_KEY_FILE", &path)]).expect("the file is there");
    assert_eq!(config.secret.key.as_ref().map(Secret::reveal), Some("hush-hush"));
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn variables_of_others_are_left_alone() {
    let variables =
        [("MUSTER_TOKEN", "x"), ("MUSTER_PORT_8080_TCP", "x"), ("MUSTER_SERVICE_HOST", "x"), ("PATH", "x")];
    assert!(of_environment(&variables).is_ok());
    let config = of_environment(&[("RUST_LOG", "debug")]).expect("it is a known variable");
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn points_that_lock_everybody_out_are_refused() {
    for key in ["MAX_COST", "RATE_LIMIT", "ANONYMOUS_RATE_LIMIT"] {
        let name = format!("MUSTER_GRAPHQL_{key}");
        let error = of_environment(&[(&name, "109")]).expect_err("nobody could sign in").to_string();
        assert!(error.contains("at least 110, for signing in costs") && error.contains(&name), "{error}");
        assert!(of_environment(&[(&name, "110")]).is_ok());
    }
}
