//! Tables for people, JSON for later.

use std::fs;

use serde_json::{Value, json};

use super::{Outcome, results};

/// A table of figures.
pub struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one.
    pub fn new(title: &str, columns: &[&'static str]) -> Self {
        Self { title: title.to_owned(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a text a column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Prints it.
    pub fn print(&self) {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(self.columns[column].len())
        };
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
            println!("  {}", padded.collect::<Vec<_>>().join("  ").trim_end());
        };
        println!("\n{}", self.title);
        line(&mut self.columns.iter().copied());
        for row in &self.rows {
            line(&mut row.iter().map(String::as_str));
        }
    }

    fn as_json(&self) -> Value {
        let row = |row: &Vec<String>| -> Value {
            self.columns.iter().zip(row).map(|(column, cell)| ((*column).to_owned(), json!(cell))).collect()
        };
        json!({ "title": self.title, "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}

/// Prints the tables of a scenario, and keeps them as `benches/results/BENCH-SCENARIO.json`.
pub fn publish(bench: &str, scenario: &str, tables: &[Table]) -> Outcome<()> {
    for table in tables {
        table.print();
    }
    fs::create_dir_all(results())?;
    let tables: Vec<Value> = tables.iter().map(Table::as_json).collect();
    let text = format!("{}\n", serde_json::to_string_pretty(&tables)?);
    fs::write(results().join(format!("{bench}-{scenario}.json")), text)?;
    Ok(())
}
