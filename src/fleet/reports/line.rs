//! A result line, as an agent logs it.

use serde_json::{Map, Value};

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

impl Line {
    /// Reads a line; none when it is no result of a query.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let Value::Object(line) = serde_json::from_slice(text).ok()? else { return None };
        let says = says(&line)?;
        Some(Self {
            name: line.get("name")?.as_str()?.to_owned(),
            time: number(&line, "unixTime")?,
            epoch: number(&line, "epoch").unwrap_or_default(),
            counter: number(&line, "counter").unwrap_or_default(),
            says,
        })
    }
}

fn says(line: &Map<String, Value>) -> Option<Says> {
    if let Some(rows) = line.get("snapshot") {
        return Some(Says::All(rows.as_array()?.iter().map(row).collect()));
    }
    if let Some(changed) = line.get("diffResults") {
        let rows = |name: &str| -> Vec<String> {
            changed.get(name).and_then(Value::as_array).into_iter().flatten().map(row).collect()
        };
        return Some(Says::Changed { removed: rows("removed"), added: rows("added") });
    }
    let columns = row(line.get("columns").filter(|columns| columns.is_object())?);
    match line.get("action")?.as_str()? {
        "added" => Some(Says::Changed { removed: Vec::new(), added: vec![columns] }),
        "removed" => Some(Says::Changed { removed: vec![columns], added: Vec::new() }),
        "snapshot" => Some(Says::OneOfAll(columns)),
        _ => None,
    }
}

/// A row as JSON text, its values texts: what tells it apart, and how it is kept.
fn row(columns: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(_) | Value::Null => value.clone(),
        other => other.to_string().into(),
    };
    let columns = columns.as_object().into_iter().flatten();
    let row: Map<String, Value> = columns.map(|(name, value)| (name.clone(), text(value))).collect();
    Value::Object(row).to_string()
}

/// A number, which old agents log as a text.
fn number(line: &Map<String, Value>, name: &str) -> Option<i64> {
    match line.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
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
