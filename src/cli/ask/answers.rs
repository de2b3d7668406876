//! Answers put together from the chunks in which they come.

use std::collections::HashMap;
use std::io;

use serde_json::{Map, Value, json};

use crate::cli::client::{Batch, Event};
use crate::cli::output::Printer;
use crate::cli::terminal::talk;

/// Answers of hosts of which a part has come, by host id; and how far all is whole.
#[derive(Debug, Default)]
pub(super) struct Answers {
    parts: HashMap<String, Vec<Value>>,
    /// Behind the last event before which every answer was whole. The chunks of an answer follow each other, so what
    /// comes after it is exactly what was not printed yet.
    cursor: Option<String>,
}

/// The whole answer of a host.
#[derive(Debug)]
pub(super) struct Answer {
    hostname: String,
    outcome: Result<Vec<Value>, Failed>,
}

/// Why a host has no rows.
#[derive(Debug)]
struct Failed {
    code: String,
    message: String,
}

impl Answers {
    /// Nothing has come yet of what follows `cursor`.
    pub(super) fn after(cursor: Option<String>) -> Self {
        Self { parts: HashMap::new(), cursor }
    }

    /// Behind the answers that are whole.
    pub(super) fn cursor(self) -> Option<String> {
        self.cursor
    }

    /// The answers that `batch` completes.
    pub(super) fn of(&mut self, batch: Batch) -> Vec<Answer> {
        let whole = batch.events.into_iter().filter_map(|event| self.add(event)).collect();
        if self.parts.is_empty() {
            self.cursor = Some(batch.end_cursor);
        }
        whole
    }

    fn add(&mut self, event: Event) -> Option<Answer> {
        let (cursor, answer) = match event {
            Event::Rows { cursor, host_id, hostname, rows, is_last_chunk } => {
                let mut all = self.parts.remove(&host_id).unwrap_or_default();
                all.extend(rows);
                if !is_last_chunk {
                    self.parts.insert(host_id, all);
                    return None;
                }
                (cursor, Answer { hostname, outcome: Ok(all) })
            }
            Event::Failure { cursor, host_id, hostname, code, message } => {
                self.parts.remove(&host_id);
                (cursor, Answer { hostname, outcome: Err(Failed { code, message }) })
            }
            Event::Other => return None,
        };
        if self.parts.is_empty() {
            self.cursor = Some(cursor);
        }
        Some(answer)
    }
}

impl Answer {
    /// Prints it: an object with its rows or its error; as cells a line for each row, and errors as talk.
    pub(super) fn print(self, printer: &mut Printer) -> io::Result<()> {
        if !printer.has_cells() {
            return printer.object(self.object());
        }
        let rows = match self.outcome {
            Ok(rows) => rows,
            Err(Failed { code, message }) => {
                talk(format_args!("{}: {code}: {message}", self.hostname));
                return Ok(());
            }
        };
        for row in rows {
            let Value::Object(row) = row else { continue };
            printer.row_of(&self.hostname, row)?;
        }
        Ok(())
    }

    fn object(self) -> Map<String, Value> {
        let outcome = match self.outcome {
            Ok(rows) => ("rows", Value::Array(rows)),
            Err(Failed { code, message }) => ("error", json!({ "code": code, "message": message })),
        };
        let members = [("host", Value::String(self.hostname)), outcome];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: Value) -> Event {
        serde_json::from_value(value).expect("it is an event")
    }

    fn rows(host: &str, number: u64, is_last_chunk: bool) -> Event {
        event(json!({ "__typename": "CampaignHostRows", "cursor": number.to_string(), "hostId": host,
            "hostname": host, "rows": [{ "n": number.to_string() }], "isLastChunk": is_last_chunk }))
    }

    fn line(answer: Answer) -> String {
        Value::Object(answer.object()).to_string()
    }

    #[test]
    fn chunks_are_joined_by_host() {
        let mut answers = Answers::default();
        let events = [rows("b", 2, true), rows("a", 3, false), rows("a", 4, true)];
        let lines: Vec<_> = events.into_iter().filter_map(|event| answers.add(event)).map(line).collect();
        assert_eq!(
            lines,
            [r#"{"host":"b","rows":[{"n":"2"}]}"#, r#"{"host":"a","rows":[{"n":"3"},{"n":"4"}]}"#]
        );
    }

    #[test]
    fn the_cursor_stays_before_an_answer_that_is_not_whole() {
        let mut answers = Answers::after(Some("0".to_owned()));
        let mut cursor_after = |event| {
            answers.add(event);
            answers.cursor.clone().expect("there is one")
        };
        assert_eq!(cursor_after(rows("a", 1, false)), "0");
        assert_eq!(cursor_after(rows("a", 2, true)), "2");
        assert_eq!(cursor_after(rows("b", 3, true)), "3");
        assert_eq!(cursor_after(rows("c", 4, false)), "3");
    }

    #[test]
    fn a_failure_is_a_line_and_the_end_is_none() {
        let failure = json!({ "__typename": "CampaignHostError", "cursor": "1", "hostId": "a", "hostname": "a",
            "code": "SQL_ERROR", "message": "no" });
        let line = Answers::default().add(event(failure)).map(line);
        assert_eq!(line.as_deref(), Some(r#"{"host":"a","error":{"code":"SQL_ERROR","message":"no"}}"#));
        assert!(Answers::default().add(event(json!({ "__typename": "CampaignEnded" }))).is_none());
    }
}
