//! Lists of the server as data: how many, in which format.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value};

use super::Failure;
use super::client::{Client, pages};
use super::output::{Format, Printer};
use super::terminal::talk;

/// How much of a list to print, and how.
#[derive(Debug, Args)]
pub(super) struct List {
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    first: u64,
    /// All there are.
    #[arg(long, conflicts_with = "first")]
    all: bool,
    /// How the list is printed [default: table on a terminal, else ndjson].
    #[arg(long, value_enum)]
    format: Option<Format>,
}

impl List {
    /// Prints the list of `document`, as [`pages`] reads it; a table has only `columns`, which fit a terminal.
    pub(super) async fn print(
        &self,
        client: &Client,
        document: &str,
        variables: Value,
        columns: &[&str],
    ) -> Result<ExitCode, Failure> {
        let mut printer = Printer::new(self.format.unwrap_or_else(Format::of_lists))?;
        let limit = if self.all { u64::MAX } else { self.first };
        let (has_cells, is_table) = (printer.has_cells(), printer.is_table());
        let each = |node: Value| {
            let Value::Object(node) = node else { return Ok(()) };
            let mut node = if has_cells { plain(node) } else { node };
            if is_table {
                let of = |column: &&str| Some(((*column).to_owned(), node.remove(*column)?));
                node = columns.iter().filter_map(of).collect();
            }
            Ok::<_, Failure>(printer.object(node)?)
        };
        let has_more = pages(client, document, variables, limit, each).await?;
        printer.finish()?;
        Ok(said(has_more, limit))
    }

    /// Prints the list of `document`, whose nodes have a row, `values`, of a `host`.
    pub(super) async fn print_rows(
        &self,
        client: &Client,
        document: &str,
        variables: Value,
    ) -> Result<ExitCode, Failure> {
        let mut printer = Printer::new(self.format.unwrap_or_else(Format::of_lists))?;
        let limit = if self.all { u64::MAX } else { self.first };
        let each = |mut node: Value| {
            let (host, row) = (node["host"]["hostname"].take(), node["values"].take());
            let Value::Object(row) = row else { return Ok(()) };
            if printer.has_cells() {
                return Ok::<_, Failure>(printer.row_of(host.as_str().unwrap_or_default(), row)?);
            }
            let whole = [("host".to_owned(), host), ("row".to_owned(), Value::Object(row))];
            Ok(printer.object(whole.into_iter().collect())?)
        };
        let has_more = pages(client, document, variables, limit, each).await?;
        printer.finish()?;
        Ok(said(has_more, limit))
    }
}

/// Says that there is more, where there is.
fn said(has_more: bool, limit: u64) -> ExitCode {
    if has_more {
        talk(format_args!("there are more than {limit}: pass --all, or a larger --first"));
    }
    ExitCode::SUCCESS
}

/// An object whose members are cells: of an object inside, the name it is known by, else its members.
pub(super) fn plain(object: Map<String, Value>) -> Map<String, Value> {
    let mut cells = Map::new();
    for (name, value) in object {
        match value {
            Value::Object(mut inner) => {
                let known_by = ["name", "displayName", "id"].into_iter().find_map(|key| inner.remove(key));
                match known_by {
                    Some(value) => drop(cells.insert(name, value)),
                    None => cells.extend(plain(inner)),
                }
            }
            value => drop(cells.insert(name, value)),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_inside_becomes_cells() {
        let host = json!({ "id": "h", "team": { "name": "web" }, "totals": { "rows": 1 }, "user": null });
        let Value::Object(host) = host else { unreachable!("it is an object") };
        assert_eq!(Value::Object(plain(host)).to_string(), r#"{"id":"h","team":"web","rows":1,"user":null}"#);
    }
}
