//! A result line, as an agent logs it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::row;

/// What a line says of a scheduled query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The name under which the agent logs the query.
    pub(super) name: String,
    /// Unix time of the run, by the host's clock.
    pub(super) time: i64,
    /// `schedule_epoch` of the agent.
    pub(super) epoch: i64,
    /// Number of the run; 0 says everything.
    pub(super) counter: i64,
    /// What it says.
    pub(super) says: Says,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// These rows went, and then those came.
    Changed {
        /// Rows that went, each as JSON text.
        removed: Vec<String>,
        /// Rows that came.
        added: Vec<String>,
    },
    /// Every row there is.
    All(Vec<String>),
    /// One of the rows there are; each has a line.
    OneOfAll(String),
}

/// A line as it stands in its text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    unix_time: &'a RawValue,
    epoch: Option<&'a RawValue>,
    counter: Option<&'a RawValue>,
    action: Option<Cow<'a, str>>,
    columns: Option<&'a RawValue>,
    snapshot: Option<&'a RawValue>,
    diff_results: Option<Changes<'a>>,
}

/// Rows that went and came; old agents write a text where there are none.
#[derive(Deserialize)]
struct Changes<'a> {
    #[serde(borrow)]
    removed: Option<&'a RawValue>,
    #[serde(borrow)]
    added: Option<&'a RawValue>,
}

impl Line {
    /// Reads a line; none when it is no result of a query.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let line: Written<'_> = serde_json::from_slice(text).ok()?;
        Some(Self {
            says: line.says()?,
            time: number(line.unix_time)?,
            epoch: line.epoch.and_then(number).unwrap_or_default(),
            counter: line.counter.and_then(number).unwrap_or_default(),
            name: line.name.into_owned(),
        })
    }
}

impl Written<'_> {
    fn says(&self) -> Option<Says> {
        if let Some(all) = self.snapshot {
            return rows(all).map(Says::All);
        }
        if let Some(changes) = &self.diff_results {
            let rows = |some: Option<&RawValue>| some.and_then(rows).unwrap_or_default();
            return Some(Says::Changed { removed: rows(changes.removed), added: rows(changes.added) });
        }
        let columns = row::text(self.columns?)?;
        match self.action.as_deref()? {
            "added" => Some(Says::Changed { removed: Vec::new(), added: vec![columns] }),
            "removed" => Some(Says::Changed { removed: vec![columns], added: Vec::new() }),
            "snapshot" => Some(Says::OneOfAll(columns)),
            _ => None,
        }
    }
}

/// The rows of an array; one that is no object has no columns.
fn rows(array: &RawValue) -> Option<Vec<String>> {
    let rows: Vec<&RawValue> = serde_json::from_str(array.get()).ok()?;
    Some(rows.into_iter().map(|row| row::text(row).unwrap_or_else(|| "{}".to_owned())).collect())
}

/// A number, which old agents log as a text.
fn number(value: &RawValue) -> Option<i64> {
    let text = value.get();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_line() {
        let read = |text: &str| Line::read(text.as_bytes());
        let added = read(
            r#"{"name":"pack_x_users","unixTime":1412098650,"epoch":2,"counter":3,"numerics":false,
            "columns":{"uid":"0","n":9007199254740993},"action":"added","decorations":{"name":"no"}}"#,
        );
        let row = r#"{"uid":"0","n":"9007199254740993"}"#.to_owned();
        let expected = Line {
            name: "pack_x_users".to_owned(),
            time: 1_412_098_650,
            epoch: 2,
            counter: 3,
            says: Says::Changed { removed: vec![], added: vec![row] },
        };
        assert_eq!(added, Some(expected));
        let old = read(r#"{"name":"a","unixTime":"5","action":"removed","columns":{"a":"1"}}"#);
        assert_eq!(old.map(|line| (line.time, line.counter)), Some((5, 0)));
        let batch =
            read(r#"{"diffResults":{"removed":[],"added":[{"a":"1"}]},"name":"a","unixTime":5,"counter":1}"#);
        let one = vec![r#"{"a":"1"}"#.to_owned()];
        assert_eq!(batch.map(|line| line.says), Some(Says::Changed { removed: vec![], added: one.clone() }));
        let all = read(r#"{"snapshot":[{"a":"1"}],"action":"snapshot","name":"a","unixTime":5}"#);
        assert_eq!(all.map(|line| line.says), Some(Says::All(one.clone())));
        let single = read(r#"{"action":"snapshot","columns":{"a":"1"},"name":"a","unixTime":5}"#);
        assert_eq!(single.map(|line| line.says), Some(Says::OneOfAll(one[0].clone())));
        for none in ["5", "{", r#"{"name":"a"}"#, r#"{"name":1,"unixTime":5,"snapshot":[]}"#] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
