//! The effective configuration as a person reads it: every key, its value, where it came from; no secret.

use super::layers::Values;
use super::{Config, ConfigError, Origin, Sources};

/// What is shown in place of a secret.
const MASK: &str = "********";

/// One key of the effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Section and key: `http.listen`.
    pub key: String,
    /// What it is, as `default.toml` says.
    pub help: String,
    /// Its value as it was written; a secret that is set is masked.
    pub value: String,
    /// Whether the value is a mask.
    pub masked: bool,
    /// Where it came from.
    pub origin: Origin,
}

impl Effective {
    /// Every key, in the order of `default.toml`.
    ///
    /// # Errors
    /// As [`Config::load`]: what is shown can be started with.
    pub fn all(sources: &Sources) -> Result<Vec<Self>, ConfigError> {
        let values = Values::merge(sources)?;
        Config::read(&values)?;
        let shown = values.entries().map(|(key, text, origin)| {
            let masked = key.secret && !text.is_empty();
            let value = if masked { MASK } else { text }.to_owned();
            Self { key: key.name.clone(), help: key.help.clone(), value, masked, origin: origin.clone() }
        });
        Ok(shown.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_with_their_origin_and_secrets_are_masked() {
        let sources = Sources {
            environment: vec![
                ("MUSTER_DATABASE_URL".into(), "postgres://muster:hush@db/muster".into()),
                ("MUSTER_HTTP_IDLE_TIMEOUT".into(), "5s".into()),
            ],
            flags: vec![("http.listen".into(), "127.0.0.1:1".into())],
            ..Sources::default()
        };
        let all = Effective::all(&sources).expect("all values are right");
        let of = |key: &str| {
            let found = all.iter().find(|one| one.key == key).expect("it is a key");
            (found.value.as_str(), found.origin.to_string())
        };
        assert_eq!(of("http.listen"), ("127.0.0.1:1", "the flag --http-listen".to_owned()));
        let variable = "the environment variable MUSTER_HTTP_IDLE_TIMEOUT".to_owned();
        assert_eq!(of("http.idle_timeout"), ("5s", variable));
        assert_eq!(of("http.header_timeout"), ("10s", "the defaults".to_owned()));
        assert_eq!(of("database.url").0, MASK);
        assert_eq!(of("redis.url").0, "", "what is not set hides nothing");
        assert!(!format!("{all:?}").contains("hush"));
    }

    #[test]
    fn a_value_that_the_server_would_refuse_is_refused() {
        let environment = vec![("MUSTER_HTTP_LISTEN".into(), "nowhere".into())];
        let error = Effective::all(&Sources { environment, ..Sources::default() }).expect_err("it is wrong");
        assert!(error.to_string().contains("MUSTER_HTTP_LISTEN"), "{error}");
    }
}
