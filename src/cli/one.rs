//! One thing of the server as data.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use super::Failure;
use super::client::Client;
use super::list::plain;
use super::output::{Format, print_one};

/// How one thing is printed.
#[derive(Debug, Args)]
pub(super) struct One {
    /// How it is printed [default: table on a terminal, else ndjson].
    #[arg(long, value_enum)]
    format: Option<Format>,
}

impl One {
    /// Whether it becomes cells.
    pub(super) fn has_cells(&self) -> bool {
        matches!(self.format(), Format::Csv | Format::Table)
    }

    /// Prints a thing; cells have the names of what is in its lists.
    pub(super) fn print(&self, thing: Map<String, Value>) -> Result<ExitCode, Failure> {
        print_one(self.format(), if self.has_cells() { cells(thing) } else { thing })?;
        Ok(ExitCode::SUCCESS)
    }

    fn format(&self) -> Format {
        self.format.unwrap_or_else(Format::of_lists)
    }
}

/// The node that `document` asks for; none when it is not there, or of another kind.
pub(super) async fn node(
    client: &Client,
    document: &str,
    id: Value,
) -> Result<Option<Map<String, Value>>, Failure> {
    match client.call(document, json!({ "id": id })).await?["node"].take() {
        Value::Object(node) if !node.is_empty() => Ok(Some(node)),
        _ => Ok(None),
    }
}

/// What is in a list: names, or texts themselves.
pub(super) fn names(list: &Value) -> Vec<&str> {
    let each = list.as_array().into_iter().flatten();
    each.filter_map(|one| one.as_str().or_else(|| one["name"].as_str())).collect()
}

fn cells(thing: Map<String, Value>) -> Map<String, Value> {
    let mut cells = plain(thing);
    for cell in cells.values_mut().filter(|cell| cell.is_array()) {
        *cell = json!(names(cell).join(", "));
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_the_names_in_it() {
        let thing =
            json!({ "id": "p", "on": ["LINUX", "DARWIN"], "when": { "labels": [{ "name": "web" }] } });
        let Value::Object(thing) = thing else { unreachable!("it is an object") };
        assert_eq!(
            Value::Object(cells(thing)).to_string(),
            r#"{"id":"p","on":"LINUX, DARWIN","labels":"web"}"#
        );
    }
}
