//! osquery's own form: configurations with their schedule, and packs.

use super::doubles::Draft;
use super::fields::{Fields, text_of};
use super::files::{Content, File, Files, base, without_end};
use super::model::{Conditions, Layer, Pack, Query, Sql, TeamName};
use super::node::{Member, Node, Value};
use super::place::{At, Notes};
use super::scheduled::{conditions, description, interval, never_runs, platforms, schedule};

/// Seconds between two runs of a query that does not say; the default of agents.
const INTERVAL_S: i64 = 3_600;

/// Members that become a layer of configuration.
pub(super) const SETTINGS: [&str; 13] = [
    "options",
    "decorators",
    "file_paths",
    "file_paths_query",
    "file_accesses",
    "exclude_paths",
    "yara",
    "views",
    "auto_table_construction",
    "events",
    "feature_vectors",
    "prometheus_targets",
    "logger",
];

/// The platforms that a layer can be for, by the words of agents.
pub(super) const PLATFORMS: [&str; 4] = ["darwin", "linux", "windows", "freebsd"];

/// What is read into, and from.
pub(super) struct Into<'a> {
    pub(super) files: &'a Files,
    pub(super) file: &'a File,
    /// The team that what is read belongs to.
    pub(super) team: TeamName,
    pub(super) draft: &'a mut Draft,
    pub(super) notes: &'a mut Notes,
}

impl Into<'_> {
    /// The same for another text.
    pub(super) fn of<'b>(&'b mut self, file: &'b File) -> Into<'b> {
        Into { files: self.files, file, team: self.team.clone(), draft: self.draft, notes: self.notes }
    }
}

/// Reads a configuration.
pub(super) fn configuration(node: &Node, into: &mut Into<'_>) {
    let Some(mut fields) = Fields::of(node, "a configuration", into.notes) else { return };
    let platform = platforms(&mut fields, "platform", into.notes);
    if let Some(platform) = &platform {
        let message =
            "osquery ignores `platform` here; taken as that of everything in this file that names none";
        into.notes.warn(&platform.place, message);
    }
    schedule_and_packs(&mut fields, platform.as_ref(), into);
    let layer = platform.filter(|platform| PLATFORMS.contains(&platform.value.as_str()));
    settings(node, &mut fields, layer, into);
    fields.warn_of_rest(&[], into.notes);
}

/// Reads what of a configuration becomes queries and packs.
pub(super) fn schedule_and_packs(
    fields: &mut Fields<'_>,
    platform: Option<&At<String>>,
    into: &mut Into<'_>,
) {
    if let Some(node) = fields.node("schedule") {
        let mut schedule = empty_pack(&At::new(node.place.clone(), schedule_name(into)), into);
        queries(node, "the schedule", into, &mut schedule.queries);
        for query in &mut schedule.queries {
            for schedule in
                query.schedule.iter_mut().filter(|schedule| schedule.conditions.platform.is_none())
            {
                schedule.conditions.platform = platform.cloned();
            }
        }
        into.draft.schedules.push(schedule);
    }
    if let Some(node) = fields.node("packs") {
        packs(node, into);
    }
}

/// What the schedule of a text is called, where it has to be told from others: the folder of an `osquery.conf`.
fn schedule_name(into: &Into<'_>) -> String {
    let name = into.files.name_of(into.file);
    let folder = ["osquery", "osqueryd"].iter().find_map(|end| name.strip_suffix(end)?.strip_suffix('/'));
    folder.map_or(name.clone(), ToOwned::to_owned)
}

/// Reads a pack that is a text of its own; `name` is what a configuration calls it.
pub(super) fn pack_file(node: &Node, name: Option<&At<String>>, into: &mut Into<'_>) {
    let name = name.cloned().unwrap_or_else(|| At::new(node.place.clone(), into.files.name_of(into.file)));
    pack(&name, node, into);
}

/// Reads the queries of a text that is nothing else, as a pack.
pub(super) fn bare_queries(node: &Node, into: &mut Into<'_>) {
    let name = At::new(node.place.clone(), into.files.name_of(into.file));
    into.notes.warn(&node.place, format!("queries alone: taken as a pack `{}`", name.value));
    let mut pack = empty_pack(&name, into);
    queries(node, "queries", into, &mut pack.queries);
    into.draft.collection.packs.push(pack);
}

/// Reads an object of packs by name.
pub(super) fn packs(node: &Node, into: &mut Into<'_>) {
    let Some(members) = node.members() else {
        into.notes.error(&node.place, format!("packs must be an object, not {}", node.kind()));
        return;
    };
    for member in members {
        match &member.node.value {
            Value::Text(path) => referenced(&member.name, path, into),
            Value::Object(_) if member.name.value == "*" => packs(&member.node, into),
            _ => pack(&member.name, &member.node, into),
        }
    }
}

/// Reads the packs of the texts that a path names.
fn referenced(name: &At<String>, path: &str, into: &mut Into<'_>) {
    let found = pack_references(into.files, into.file, name, path);
    if found.is_empty() {
        let message = format!("pack `{}` is in a file that was not given: {path}", name.value);
        into.notes.warn(&name.place, message);
    }
    for (file, name) in found {
        let Content::Documents(documents) = &file.content else { continue };
        let into = &mut into.of(file);
        for document in documents {
            if document.get("queries").is_none() && has_packs(document) {
                packs(document, into);
            } else {
                pack_file(document, Some(&name), into);
            }
        }
    }
}

/// The texts that a path names, and what their packs are called.
pub(super) fn pack_references<'a>(
    files: &'a Files,
    from: &File,
    name: &At<String>,
    path: &str,
) -> Vec<(&'a File, At<String>)> {
    if name.value != "*" {
        return files.named(from, path).into_iter().map(|file| (file, name.clone())).collect();
    }
    let found = files.matching(from, path).into_iter();
    found.map(|file| (file, At::new(name.place.clone(), without_end(base(&file.name)).to_owned()))).collect()
}

/// Whether every member of an object is a pack.
pub(super) fn has_packs(node: &Node) -> bool {
    has_only(node, "queries")
}

/// Whether every member of an object is a query.
pub(super) fn has_queries(node: &Node) -> bool {
    has_only(node, "query")
}

fn has_only(node: &Node, name: &str) -> bool {
    let members = node.members().unwrap_or_default();
    !members.is_empty() && members.iter().all(|member| member.node.get(name).is_some())
}

fn empty_pack(name: &At<String>, into: &Into<'_>) -> Pack {
    Pack {
        team: into.team.clone(),
        name: trimmed(name),
        description: None,
        conditions: Conditions::default(),
        discovery: Vec::new(),
        enabled: true,
        queries: Vec::new(),
    }
}

fn pack(name: &At<String>, node: &Node, into: &mut Into<'_>) {
    let what = format!("pack `{}`", name.value);
    let Some(mut fields) = Fields::of(node, &what, into.notes) else { return };
    let errors = into.notes.errors();
    let mut pack = empty_pack(name, into);
    pack.conditions = conditions(&mut fields, into.notes);
    pack.description = fields.words("description", into.notes);
    pack.discovery = fields.texts("discovery", into.notes);
    if let Some(named) = fields.text("name", into.notes) {
        pack.name = trimmed(&named);
    }
    let is_whole = into.notes.errors() == errors;
    match fields.node("queries") {
        Some(node) => queries(node, &what, into, &mut pack.queries),
        None => into.notes.warn(&pack.name.place, format!("{what} has no queries")),
    }
    let platform = pack.conditions.platform.clone();
    let layer = platform.filter(|platform| PLATFORMS.contains(&platform.value.as_str()));
    if let Some(member) = node.members().into_iter().flatten().find(|member| is_setting(member)) {
        let message =
            format!("agents take `{}` of a pack for all they do; so does the import", member.name.value);
        into.notes.warn(&member.name.place, message);
    }
    settings(node, &mut fields, layer, into);
    fields.warn_of_rest(&["oncall"], into.notes);
    if is_whole {
        into.draft.collection.packs.push(pack);
    }
}

fn is_setting(member: &Member) -> bool {
    SETTINGS.contains(&member.name.value.as_str())
}

/// Takes the members of a layer out of a configuration or pack.
pub(super) fn settings(
    node: &Node,
    fields: &mut Fields<'_>,
    platform: Option<At<String>>,
    into: &mut Into<'_>,
) {
    let mut members: Vec<Member> = Vec::new();
    for name in SETTINGS {
        fields.node(name);
    }
    members.extend(node.members().into_iter().flatten().filter(|member| is_setting(member)).cloned());
    let Some(first) = members.first() else { return };
    let place = first.name.place.clone();
    let document = Node::new(place, Value::Object(members));
    let team = into.team.clone();
    into.draft.collection.layers.push(Layer { team, platform, for_labels: None, document });
}

/// Reads an object of queries by name.
fn queries(node: &Node, what: &str, into: &mut Into<'_>, queries: &mut Vec<Query>) {
    let Some(members) = node.members() else {
        into.notes.error(&node.place, format!("{what} must have queries as an object, not {}", node.kind()));
        return;
    };
    queries.extend(members.iter().filter_map(|member| query(member, &into.team, into.notes)));
}

fn query(member: &Member, team: &TeamName, notes: &mut Notes) -> Option<Query> {
    let what = format!("query `{}`", member.name.value);
    let errors = notes.errors();
    let mut fields = Fields::of(&member.node, &what, notes)?;
    let sql = fields.text("query", notes);
    if sql.is_none() && fields.node("query").is_none_or(|node| text_of(node).is_some()) {
        notes.error(&member.name.place, format!("{what} has no SQL"));
    }
    let interval = match fields.node("interval") {
        None => {
            let message = format!("{what} has no interval: taken as {INTERVAL_S} seconds, as agents do");
            notes.warn(&member.name.place, message);
            Some(At::new(member.name.place.clone(), INTERVAL_S))
        }
        Some(_) => interval(&mut fields, notes),
    };
    if interval.as_ref().is_some_and(|interval| never_runs(&member.name.value, interval, notes)) {
        return None;
    }
    let schedule = interval.map(|interval_s| schedule(interval_s, &mut fields, notes));
    let description = description(&mut fields, notes);
    fields.warn_of_rest(&["oncall"], notes);
    let query = Query {
        team: team.clone(),
        name: trimmed(&member.name),
        sql: sql?.map(Sql::Text),
        description,
        observer_can_run: false,
        schedule: Some(schedule?),
    };
    (notes.errors() == errors).then_some(query)
}

/// A name without the space around it, as names are kept.
fn trimmed(name: &At<String>) -> At<String> {
    At::new(name.place.clone(), name.value.trim().to_owned())
}
