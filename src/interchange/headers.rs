//! Queries of files of SQL, from what the comments before a statement say.

use super::fields::Fields;
use super::files::Files;
use super::model::{Logging, Query, Schedule, Sql};
use super::node::{Member, Node, Value};
use super::osquery::Into;
use super::place::{At, Notes};
use super::scheduled;
use super::statements::Statement;

/// Reads a text of SQL: each statement is a query.
pub(super) fn statements(statements: &[Statement], into: &mut Into<'_>) {
    let name = At::new(into.file.start(), Files::name_of(into.files, into.file));
    if statements.is_empty() {
        into.notes.warn(&name.place, "there is no statement in this file");
    }
    for statement in statements {
        let alone = (statements.len() == 1).then(|| At::new(statement.place.clone(), name.value.clone()));
        if let Some(name) = statement.header.get("name").cloned().or(alone) {
            into.draft.collection.queries.extend(query(statement, name, into.notes));
        } else {
            let message = "each of several statements needs its name in a comment before it: `-- name: …`";
            into.notes.error(&statement.place, message);
        }
    }
}

fn query(statement: &Statement, name: At<String>, notes: &mut Notes) -> Option<Query> {
    let errors = notes.errors();
    let members = statement.header.iter().map(|(key, value)| Member {
        name: At::new(value.place.clone(), (*key).to_owned()),
        node: value.clone().map(Value::Text),
    });
    let header = Node::new(statement.place.clone(), Value::Object(members.collect()));
    let mut fields = Fields::of(&header, "a header", notes)?;
    let text = statement.text.join("\n").trim().to_owned();
    let description =
        fields.words("description", notes).or_else(|| Some(text).filter(|text| !text.is_empty()));
    let query = Query {
        team: fields.text("team", notes),
        name,
        sql: At::new(statement.place.clone(), Sql::Text(statement.sql.clone())),
        description,
        observer_can_run: fields.truth("observer_can_run", notes).unwrap_or(false),
        schedule: schedule(&mut fields, notes),
    };
    (notes.errors() == errors).then_some(query)
}

/// The schedule; none without an interval.
fn schedule(fields: &mut Fields<'_>, notes: &mut Notes) -> Option<Schedule> {
    let interval = scheduled::interval(fields, notes).filter(|interval| interval.value != 0)?;
    let mut schedule = scheduled::schedule(interval, fields, notes);
    if let Some(word) = fields.text("logging", notes) {
        match Logging::of(&word.value) {
            Some(logging) => schedule.logging = logging,
            None => notes.error(&word.place, format!("`{}` is no logging", word.value)),
        }
    }
    schedule.automations = fields.truth("automations", notes).unwrap_or(true);
    schedule.discard_data = fields.truth("discard_data", notes).unwrap_or(false);
    schedule.conditions.include_any = labels(fields, "labels_include_any", notes);
    schedule.conditions.exclude_any = labels(fields, "labels_exclude_any", notes);
    Some(schedule)
}

/// Names with commas.
fn labels(fields: &mut Fields<'_>, name: &'static str, notes: &mut Notes) -> Vec<At<String>> {
    let Some(text) = fields.text(name, notes) else { return Vec::new() };
    let names = text.value.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| At::new(text.place.clone(), name.to_owned())).collect()
}
