//! What a destination is, as `muster.toml` and the API say it: the same keys in both.

mod batching;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::aws::{FirehoseTarget, KinesisTarget, S3Target};
use super::file::FileTarget;
use super::http::HttpTarget;
use super::kafka::KafkaTarget;
use super::nats::NatsTarget;
use super::syslog::SyslogTarget;
use super::units::{Bytes, Span};
use crate::spool::LogKind;

pub use batching::Batching;

/// A destination: its name, what it wants, how lines are gathered, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name, part of the name of its reader.
    pub name: String,
    /// Kinds of lines that it wants.
    pub kinds: Vec<LogKind>,
    /// Outside ids of the teams that it wants lines of, `none` for no team; empty for all.
    pub teams: Vec<String>,
    /// Names of the queries that it wants results of, with `*` for anything; empty for all.
    pub queries: Vec<String>,
    /// How lines are gathered and tried again.
    pub batching: Batching,
    /// Where they go.
    pub target: Target,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Target {
    /// Files of this machine.
    File(FileTarget),
    /// Standard output of the server.
    Stdout(StdoutTarget),
    /// A receiver of syslog.
    Syslog(SyslogTarget),
    /// A receiver of HTTP requests.
    Http(HttpTarget),
    /// NATS `JetStream`.
    Nats(NatsTarget),
    /// Kafka, and what speaks as it does.
    Kafka(KafkaTarget),
    /// Amazon Kinesis.
    Kinesis(KinesisTarget),
    /// Amazon Firehose.
    Firehose(FirehoseTarget),
    /// Amazon S3, and what speaks as it does.
    S3(S3Target),
    /// One whose keys are not valid any more, and why.
    #[serde(skip)]
    Broken(String),
}

/// Standard output has nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StdoutTarget {}

/// What every destination may set, beside what its type has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    kinds: Option<Vec<LogKind>>,
    teams: Option<Vec<String>>,
    queries: Option<Vec<String>>,
    max_lines: Option<usize>,
    max_batch: Option<Bytes>,
    max_delay: Option<Span>,
    retry_min: Option<Span>,
    retry_max: Option<Span>,
    max_tries: Option<u32>,
}

/// The keys of [`Common`].
const COMMON: &[&str] = &[
    "kinds",
    "teams",
    "queries",
    "max_lines",
    "max_batch",
    "max_delay",
    "retry_min",
    "retry_max",
    "max_tries",
];

/// What lines are wanted unless something else is said.
const DEFAULT_KINDS: &[LogKind] = &[LogKind::Result, LogKind::Status, LogKind::Apart];

impl Definition {
    /// The destination that there is when nothing is said: files beside the database.
    #[must_use]
    pub fn files() -> Self {
        Self::read("files", r#"{"type":"file"}"#).expect("it is valid")
    }

    /// Whether a destination may have this name.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=50).contains(&name.len()) && name.chars().all(fits)
    }

    /// One that is not valid any more: it takes nothing and keeps its offset.
    #[must_use]
    pub fn broken(name: &str, reason: &str) -> Self {
        let whole = format!("{{\"type\":\"stdout\",\"kinds\":{}}}", json!(LogKind::ALL));
        let mut broken = Self::read(name, &whole).expect("it is valid");
        broken.target = Target::Broken(reason.to_owned());
        broken
    }

    /// Its keys, as they would be given.
    #[must_use]
    pub fn options(&self) -> serde_json::Value {
        let mut options = serde_json::to_value(&self.target).unwrap_or_default();
        options["kinds"] = json!(self.kinds);
        for (key, list) in [("teams", &self.teams), ("queries", &self.queries)] {
            if !list.is_empty() {
                options[key] = json!(list);
            }
        }
        options
    }

    /// Reads the keys of a destination, a JSON object.
    ///
    /// # Errors
    /// What is wrong, in a sentence without a value.
    pub fn read(name: &str, json: &str) -> Result<Self, String> {
        if !Self::is_name(name) {
            return Err("a name has 1 to 50 lower-case letters, digits and -".to_owned());
        }
        let whole: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).map_err(wrong)?;
        let (common, target) = whole.into_iter().partition(|(key, _)| COMMON.contains(&key.as_str()));
        let common: Common = from_map(common)?;
        let keys: Vec<String> = target.keys().cloned().collect();
        let target: Target = from_map(target)?;
        let known = serde_json::to_value(&target).unwrap_or_default();
        if let Some(unknown) = keys.iter().find(|key| known.get(key.as_str()).is_none()) {
            return Err(format!("unknown field `{unknown}`"));
        }
        target.validate()?;
        let batching = target.batching();
        let span = |given: Option<Span>, otherwise| given.map_or(otherwise, |span| span.0);
        let retry_min = span(common.retry_min, batching.retry_min).max(Duration::from_millis(1));
        Ok(Self {
            name: name.to_owned(),
            kinds: common.kinds.unwrap_or_else(|| DEFAULT_KINDS.to_vec()),
            teams: common.teams.unwrap_or_default(),
            queries: common.queries.unwrap_or_default(),
            batching: Batching {
                max_lines: common.max_lines.unwrap_or(batching.max_lines).max(1),
                max_bytes: common.max_batch.map_or(batching.max_bytes, Bytes::in_memory).max(1),
                max_delay: span(common.max_delay, batching.max_delay),
                retry_min,
                retry_max: span(common.retry_max, batching.retry_max).max(retry_min),
                max_tries: common.max_tries.or(batching.max_tries),
            },
            target,
        })
    }

    /// The name of its reader.
    pub(super) fn reader(&self) -> String {
        format!("{}{}", super::shipping::READERS, self.name)
    }
}

fn from_map<T: serde::de::DeserializeOwned>(
    map: serde_json::Map<String, serde_json::Value>,
) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::Object(map)).map_err(wrong)
}

/// What serde says, without the place, which is of a text that nobody wrote.
#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn wrong(error: serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

impl Target {
    /// The word for its type.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Stdout(_) => "stdout",
            Self::Syslog(_) => "syslog",
            Self::Http(_) => "http",
            Self::Nats(_) => "nats",
            Self::Kafka(_) => "kafka",
            Self::Kinesis(_) => "kinesis",
            Self::Firehose(_) => "firehose",
            Self::S3(_) => "s3",
            Self::Broken(_) => "broken",
        }
    }

    /// What is wrong with it, as far as it can be told without a connection.
    fn validate(&self) -> Result<(), String> {
        match self {
            Self::File(_) | Self::Stdout(_) | Self::Broken(_) => Ok(()),
            Self::Syslog(target) => target.validate(),
            Self::Http(target) => target.validate(),
            Self::Nats(target) => target.validate(),
            Self::Kafka(target) => target.validate(),
            Self::Kinesis(target) => target.validate(),
            Self::Firehose(target) => target.validate(),
            Self::S3(target) => target.validate(),
        }
    }

    /// Whether the API may set it: files of this machine only under the directory of the log files.
    ///
    /// # Errors
    /// Why not.
    pub fn may_be_set_by_api(&self) -> Result<(), String> {
        use std::path::Component;
        let Self::File(target) = self else { return Ok(()) };
        let mut components = target.directory.components();
        let is_inside = components.next() == Some(Component::Normal("logs".as_ref()))
            && components.all(|part| matches!(part, Component::Normal(_)));
        if is_inside {
            Ok(())
        } else {
            Err("`directory` is `logs`, or in it; others stand in muster.toml".to_owned())
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::Definition;

    /// A destination on standard output with these keys, in TOML.
    pub(crate) fn definition(options: &str) -> Definition {
        let mut table: toml::Table = options.parse().expect("TOML");
        table.entry("type").or_insert("stdout".into());
        Definition::read("x", &serde_json::to_string(&table).expect("JSON")).expect("valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        for (json, expected) in [
            ("{}", "missing field `type`"),
            (r#"{"type":"fax"}"#, "unknown variant `fax`"),
            (r#"{"type":"stdout","color":1}"#, "unknown field `color`"),
            (r#"{"type":"stdout","kinds":["x"]}"#, "unknown variant `x`"),
            (r#"{"type":"stdout","max_delay":"x"}"#, "`x` is not a duration"),
        ] {
            let said = Definition::read("x", json).expect_err(json);
            assert!(said.contains(expected), "{said}");
        }
        for name in ["", "A", "a/b", "../a"] {
            assert!(Definition::read(name, r#"{"type":"stdout"}"#).is_err(), "{name}");
        }
    }
}
