//! The newer form: one document a team, or for all hosts, with lists; other texts are named by `path` and `paths`.

use super::items::{Role, item, role_of};
use super::{Named, agent_options, kind, packs};
use crate::interchange::fields::{Fields, text_of};
use crate::interchange::files::{Content, File, Files};
use crate::interchange::node::Node;
use crate::interchange::osquery::{self, Into};
use crate::interchange::place::At;

/// Lists of a document, and what their items are.
pub(crate) const ROLES: [(&str, Role); 4] =
    [("labels", Role::Label), ("queries", Role::Query), ("reports", Role::Query), ("policies", Role::Policy)];

/// Reads a document.
pub(crate) fn gitops(node: &Node, saved: &Named, into: &mut Into<'_>) {
    let Some(mut fields) = Fields::of(node, "a document", into.notes) else { return };
    let file = into.file;
    let mut into = into.of(file);
    if let Some(team) = fields.text("name", into.notes) {
        if ["no team", "unassigned"].contains(&team.value.trim().to_lowercase().as_str()) {
            let message =
                "this is for hosts in no team; here it is for all hosts, as everything that is in no team";
            into.notes.warn(&team.place, message);
        } else {
            into.team = Some(team.map(|team| team.trim().to_owned()));
        }
    }
    fields.node("apiVersion");
    if let Some(options) = fields.node("agent_options") {
        options_or_path(options, &mut into);
    }
    for layer in list(&mut fields, "configuration", &mut into) {
        super::agent_options::layer(layer, &mut into);
    }
    for pack in list(&mut fields, "packs", &mut into) {
        packs::own(pack, &mut into);
    }
    for (name, role) in ROLES {
        for entry in list(&mut fields, name, &mut into) {
            entry_of(role, entry, saved, &mut into);
        }
    }
    fields.warn_of_rest(&[], into.notes);
}

fn list<'a>(fields: &mut Fields<'a>, name: &'static str, into: &mut Into<'_>) -> &'a [Node] {
    let Some(node) = fields.node(name) else { return &[] };
    node.items().unwrap_or_else(|| {
        into.notes.error(&node.place, format!("`{name}` must be a list, not {}", node.kind()));
        &[]
    })
}

/// Reads an item of a list, or the texts that it names.
fn entry_of(role: Role, entry: &Node, saved: &Named, into: &mut Into<'_>) {
    let found = paths(into.files, into.file, entry);
    if found.is_empty() {
        item(role, entry, into);
    }
    for Reference { path, files } in found {
        if files.is_empty() {
            into.notes.warn(&path.place, format!("this file was not given: {}", path.value));
        }
        for file in files {
            let Content::Documents(documents) = &file.content else {
                into.notes.warn(&path.place, format!("{} is no YAML and is left out", path.value));
                continue;
            };
            for document in documents {
                items(Some(role), document, saved, &mut into.of(file));
            }
        }
    }
}

/// Reads a text of items: a list of them, one alone, or documents of a kind.
pub(crate) fn items(role: Option<Role>, node: &Node, saved: &Named, into: &mut Into<'_>) {
    for entry in node.items().unwrap_or(std::slice::from_ref(node)) {
        if entry.get("spec").is_some() {
            kind(entry, saved, into);
        } else if ROLES.iter().any(|(name, _)| entry.get(name).is_some_and(|list| list.items().is_some())) {
            gitops(entry, saved, into);
        } else {
            item(role.unwrap_or_else(|| role_of(entry, &into.file.name)), entry, into);
        }
    }
}

/// Reads agent options, or those of the text that they name.
fn options_or_path(options: &Node, into: &mut Into<'_>) {
    let found = paths(into.files, into.file, options);
    if found.is_empty() {
        agent_options(options, into);
    }
    for Reference { path, files } in found {
        if files.is_empty() {
            into.notes.warn(&path.place, format!("this file was not given: {}", path.value));
        }
        for file in files {
            if let Content::Documents(documents) = &file.content {
                for document in documents {
                    agent_options(document, &mut into.of(file));
                }
            }
        }
    }
}

/// A path and the texts that it names.
struct Reference<'a> {
    path: At<String>,
    files: Vec<&'a File>,
}

/// What an item names by `path` and `paths`; nothing when it is written out.
fn paths<'a>(files: &'a Files, file: &File, entry: &Node) -> Vec<Reference<'a>> {
    let one = entry.get("path").and_then(text_of);
    let one = one.map(|path| Reference { files: files.named(file, &path.value).into_iter().collect(), path });
    let many = entry.get("paths").and_then(text_of);
    let many = many.map(|path| Reference { files: files.matching(file, &path.value), path });
    one.into_iter().chain(many).collect()
}

/// The texts that a document names: they are read where they are named, and not for themselves.
pub(crate) fn references<'a>(files: &'a Files, file: &File, document: &Node) -> Vec<&'a File> {
    let lists = ROLES.iter().filter_map(|(name, _)| document.get(name)?.items()).flatten();
    let entries = lists.chain(document.get("agent_options"));
    let mut found: Vec<&File> = Vec::new();
    for entry in entries {
        found.extend(paths(files, file, entry).into_iter().flat_map(|reference| reference.files));
    }
    // In agent options the configuration is deeper.
    let mut holders = vec![document];
    for name in ["spec", "agent_options", "config"] {
        holders.extend(holders.last().and_then(|node| node.get(name)));
    }
    for member in holders.iter().filter_map(|node| node.get("packs")?.members()).flatten() {
        if let Some(path) = member.node.text() {
            let packs = osquery::pack_references(files, file, &member.name, path);
            found.extend(packs.into_iter().map(|(file, _)| file));
        }
    }
    found
}
