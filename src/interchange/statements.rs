//! Files of SQL: statements with comments before them that say what a query is called and when it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::place::{At, Place};
use crate::sql;

/// What a line of a comment may say before its colon, as it is known here.
const KEYS: [(&str, &str); 26] = [
    ("name", "name"),
    ("title", "name"),
    ("query name", "name"),
    ("description", "description"),
    ("purpose", "description"),
    ("interval", "interval"),
    ("platform", "platform"),
    ("platforms", "platform"),
    ("version", "version"),
    ("min_osquery_version", "version"),
    ("minimum osquery version", "version"),
    ("snapshot", "snapshot"),
    ("removed", "removed"),
    ("logging", "logging"),
    ("shard", "shard"),
    ("denylist", "denylist"),
    ("blacklist", "denylist"),
    ("observer_can_run", "observer_can_run"),
    ("observer can run", "observer_can_run"),
    ("automations", "automations"),
    ("automations_enabled", "automations"),
    ("discard_data", "discard_data"),
    ("team", "team"),
    ("labels", "labels_include_any"),
    ("labels_include_any", "labels_include_any"),
    ("labels_exclude_any", "labels_exclude_any"),
];

/// A statement and what the comments before it say.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Where its first word stands.
    pub(super) place: Place,
    /// It, without the comments before it and the semicolon after it.
    pub(super) sql: String,
    /// What the comments say, by key.
    pub(super) header: BTreeMap<&'static str, At<String>>,
    /// Lines of the comments that say nothing by a key.
    pub(super) text: Vec<String>,
}

/// The statements of a text.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Vec<Statement> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(file, text);
    let mut statements = Vec::new();
    for piece in sql::split(text) {
        let place = lines.place(piece.words.start);
        let sql = text[piece.words.clone()].trim_end().to_owned();
        let mut statement = Statement { place, sql, header: BTreeMap::new(), text: Vec::new() };
        let mut offset = piece.before.start;
        for line in text[piece.before].split_inclusive('\n') {
            note(&mut statement, line, |within| lines.place(offset + within));
            offset += line.len();
        }
        statements.push(statement);
    }
    statements
}

/// Notes what a line of a comment says.
fn note(statement: &mut Statement, line: &str, place: impl Fn(usize) -> Place) {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '-' | '*' | '/' | '|' | '\\' | '#');
    let said = line.trim_matches(is_mark);
    let pair = said.split_once(':').and_then(|(key, value)| {
        let key = key.trim().to_ascii_lowercase();
        let (_, known) = KEYS.iter().find(|(spelling, _)| *spelling == key)?;
        Some((*known, value.trim()))
    });
    match pair {
        Some((key, value)) if !value.is_empty() => {
            let within = line.len() - line.trim_start_matches(is_mark).len();
            statement.header.entry(key).or_insert_with(|| At::new(place(within), value.to_owned()));
        }
        _ if said.is_empty() && statement.text.last().is_none_or(String::is_empty) => {}
        _ => statement.text.push(said.to_owned()),
    }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(file: &'a Arc<str>, text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file, text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The place of a byte.
    fn place(&self, offset: usize) -> Place {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        let column = number(before.chars().count()).saturating_add(1);
        Place { file: Arc::clone(self.file), line: number(line), column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_before_a_statement_say_what_it_is() {
        let text = "-- Programs that speak ICMP\n--\n-- references:\n--  * https://a.example/T1095\n-- interval: 30\n\
            -- Platform: linux -- only\nSELECT 1 -- name: no header\n FROM a;\n/* name: second\n * and more */ select ';';;\n-- end";
        let found = parse(&"a.sql".into(), text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].sql, "SELECT 1 -- name: no header\n FROM a");
        assert_eq!(found[0].header["interval"].value, "30");
        assert_eq!(
            (found[0].header["interval"].place.line, found[0].header["interval"].place.column),
            (5, 4)
        );
        assert_eq!(found[0].header.get("name"), None);
        assert_eq!(found[0].text, ["Programs that speak ICMP", "", "references:", "https://a.example/T1095"]);
        assert_eq!((found[1].sql.as_str(), found[1].header["name"].value.as_str()), ("select ';'", "second"));
        assert_eq!((found[1].place.line, found[1].place.column), (10, 16));
    }
}
