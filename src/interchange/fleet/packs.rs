//! Packs, in the old form, where queries are named, and in our own, where they are written out.

use super::Named;
use super::items::{conditions, named, query, team_of};
use crate::interchange::fields::Fields;
use crate::interchange::model::{Pack, Query, Sql};
use crate::interchange::node::Node;
use crate::interchange::osquery::Into;
use crate::interchange::place::{At, Notes};
use crate::interchange::scheduled;

/// Labels that Fleet has from the start, and the platforms that they stand for; none for every host.
const BUILT_IN: [(&str, Option<&str>); 8] = [
    ("All Hosts", None),
    ("macOS", Some("darwin")),
    ("MS Windows", Some("windows")),
    ("Windows", Some("windows")),
    ("All Linux", Some("linux")),
    ("Ubuntu Linux", Some("ubuntu")),
    ("CentOS Linux", Some("centos")),
    ("Linux", Some("linux")),
];

/// Reads a pack of our own form.
pub(super) fn own(node: &Node, into: &mut Into<'_>) {
    let errors = into.notes.errors();
    let Some(mut fields) = Fields::of(node, "a pack", into.notes) else { return };
    let name = named(&mut fields, "pack", into.notes);
    let team = team_of(&mut fields, into.notes).or_else(|| into.team.clone());
    let description = fields.words("description", into.notes);
    let conditions = conditions(&mut fields, into.notes);
    let discovery = fields.texts("discovery", into.notes);
    let enabled = fields.truth("enabled", into.notes).unwrap_or(true);
    let is_whole = into.notes.errors() == errors;
    let items = items_of(&mut fields, into.notes);
    let mut queries = Vec::new();
    for item in items {
        let errors = into.notes.errors();
        let query = query(item, &team, into.notes).filter(|_| into.notes.errors() == errors);
        if let Some(query) = query.as_ref().filter(|query| query.schedule.is_none()) {
            let message = format!("query `{}` is in a pack and has no interval", query.name.value);
            into.notes.error(&query.name.place, message);
            continue;
        }
        queries.extend(query);
    }
    fields.warn_of_rest(&[], into.notes);
    if let Some(name) = name.filter(|_| is_whole) {
        let pack = Pack { team, name, description, conditions, discovery, enabled, queries };
        into.draft.collection.packs.push(pack);
    }
}

/// Reads a pack of the old form.
pub(super) fn old(node: &Node, saved: &Named, into: &mut Into<'_>) {
    let errors = into.notes.errors();
    let Some(mut fields) = Fields::of(node, "a pack", into.notes) else { return };
    let name = named(&mut fields, "pack", into.notes);
    let description = fields.words("description", into.notes);
    let conditions = scheduled::conditions(&mut fields, into.notes);
    let discovery = fields.texts("discovery", into.notes);
    let enabled = !fields.truth("disabled", into.notes).unwrap_or(false);
    let targets = fields.node("targets");
    let items = items_of(&mut fields, into.notes);
    fields.warn_of_rest(&["id", "type"], into.notes);
    let Some(name) = name else { return };
    let team = into.team.clone();
    let mut pack = Pack { team, name, description, conditions, discovery, enabled, queries: Vec::new() };
    target(&mut pack, targets, into.notes);
    let is_whole = into.notes.errors() == errors;
    for item in items {
        let errors = into.notes.errors();
        let query = pack_query(item, saved, &pack, into).filter(|_| into.notes.errors() == errors);
        pack.queries.extend(query);
    }
    if is_whole {
        into.draft.collection.packs.push(pack);
    }
}

fn items_of<'a>(fields: &mut Fields<'a>, notes: &mut Notes) -> &'a [Node] {
    let Some(node) = fields.node("queries") else { return &[] };
    node.items().unwrap_or_else(|| {
        notes.error(&node.place, format!("`queries` must be a list, not {}", node.kind()));
        &[]
    })
}

/// Takes the targets of a pack: labels that stand for platforms as these, others by name; a team.
fn target(pack: &mut Pack, targets: Option<&Node>, notes: &mut Notes) {
    let mut fields = targets.and_then(|node| Fields::of(node, "`targets`", notes));
    let labels = fields.as_mut().map(|fields| fields.texts("labels", notes)).unwrap_or_default();
    let teams = fields.as_mut().map(|fields| fields.texts("teams", notes)).unwrap_or_default();
    match teams.as_slice() {
        [] if labels.is_empty() => {
            let message = format!(
                "pack `{}` names no targets: Fleet would run it nowhere; taken for all hosts",
                pack.name.value
            );
            notes.warn(&pack.name.place, message);
        }
        [] => {}
        [one] => pack.team = Some(one.clone()),
        [_, other, ..] => {
            notes.error(&other.place, "a pack is of one team, or global; this one names several");
        }
    }
    let built_in = |label: &At<String>| {
        let found = BUILT_IN.iter().find(|(name, _)| name.eq_ignore_ascii_case(label.value.trim()));
        found.map(|(_, platform)| *platform)
    };
    let platforms: Option<Vec<Option<&str>>> = labels.iter().map(built_in).collect();
    match (platforms, labels.first()) {
        (_, None) => {}
        (None, Some(_)) => pack.conditions.include_any = labels,
        // A platform of its own says as much, or more.
        (Some(_), _) if pack.conditions.platform.is_some() => {}
        (Some(platforms), Some(first)) => {
            let words: Option<Vec<&str>> = platforms.into_iter().collect();
            pack.conditions.platform = words.map(|words| At::new(first.place.clone(), words.join(",")));
        }
    }
}

/// Reads a query of a pack, which names a saved query, or has SQL itself.
fn pack_query(node: &Node, saved: &Named, pack: &Pack, into: &mut Into<'_>) -> Option<Query> {
    let notes = &mut *into.notes;
    let mut fields = Fields::of(node, "a query of a pack", notes)?;
    let old_name = fields.text("query_name", notes);
    let Some(query) = fields.text("query", notes).or_else(|| old_name.clone()) else {
        notes.error(&node.place, format!("a query of pack `{}` names no query", pack.name.value));
        return None;
    };
    let name = fields.text("name", notes).or(old_name).unwrap_or_else(|| query.clone());
    let description = scheduled::description(&mut fields, notes);
    let Some(interval) = scheduled::interval(&mut fields, notes) else {
        if fields.node("interval").is_none() {
            notes.error(&name.place, format!("query `{}` is in a pack and has no interval", name.value));
        }
        return None;
    };
    if scheduled::never_runs(&name.value, &interval, notes) {
        return None;
    }
    let schedule = scheduled::schedule(interval, &mut fields, notes);
    fields.warn_of_rest(&["id", "pack_id"], notes);
    let looks_like_sql = query.value.trim().contains(char::is_whitespace)
        && ["select", "with"].iter().any(|word| query.value.trim().to_ascii_lowercase().starts_with(word));
    let sql = match saved.get(&into.file.name, query.value.trim()) {
        Some(sql) => Sql::Text(sql.clone()),
        None if looks_like_sql => Sql::Text(query.value.clone()),
        None => Sql::Named(query.value.trim().to_owned()),
    };
    Some(Query {
        team: pack.team.clone(),
        name,
        sql: At::new(query.place, sql),
        description,
        observer_can_run: false,
        schedule: Some(schedule),
    })
}
