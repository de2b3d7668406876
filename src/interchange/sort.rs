//! What each document is, told by its members; then read by its own reader.

use std::collections::HashSet;
use std::sync::Arc;

use super::doubles::Draft;
use super::files::{Content, Files};
use super::fleet::{self, Named, ROLES};
use super::headers;
use super::node::Node;
use super::osquery::{self, Into, SETTINGS};
use super::place::Notes;

/// Members that only a document of Fleet's newer form, or of ours, has.
const OF_GITOPS: [&str; 10] = [
    "apiVersion",
    "agent_options",
    "configuration",
    "policies",
    "labels",
    "controls",
    "software",
    "org_settings",
    "team_settings",
    "settings",
];

/// Reads all texts. What another text names is read there and not for itself.
pub(super) fn read(files: &Files, notes: &mut Notes) -> Draft {
    let mut draft = Draft::default();
    let saved = Named::of(files);
    let named = named(files);
    for file in files.files.iter().filter(|file| !named.contains(&file.name)) {
        let into = &mut Into { files, file, team: None, draft: &mut draft, notes };
        match &file.content {
            Content::Documents(documents) => {
                for document in documents {
                    self::document(document, &saved, into);
                }
            }
            Content::Statements(statements) => headers::statements(statements, into),
        }
    }
    draft
}

/// The texts that others name.
fn named(files: &Files) -> HashSet<Arc<str>> {
    let mut named = HashSet::new();
    for file in &files.files {
        let Content::Documents(documents) = &file.content else { continue };
        let found = documents.iter().flat_map(|document| fleet::references(files, file, document));
        named.extend(found.filter(|other| other.name != file.name).map(|other| Arc::clone(&other.name)));
    }
    named
}

fn document(node: &Node, saved: &Named, into: &mut Into<'_>) {
    let has = |name: &str| node.get(name).is_some();
    let is_list = |name: &str| node.get(name).is_some_and(|list| list.items().is_some());
    let is_object = |name: &str| node.get(name).is_some_and(|object| object.members().is_some());
    if node.items().is_some() {
        fleet::items(None, node, saved, into);
    } else if has("kind") && (has("spec") || has("apiVersion")) {
        fleet::kind(node, saved, into);
    } else if ROLES.iter().any(|(name, _)| is_list(name))
        || is_list("packs")
        || OF_GITOPS.iter().any(|name| has(name))
    {
        fleet::gitops(node, saved, into);
    } else if is_object("config") || is_object("overrides") {
        fleet::agent_options(node, into);
    } else if has("schedule") || is_object("packs") {
        osquery::configuration(node, into);
    } else if has("queries") {
        osquery::pack_file(node, None, into);
    } else if SETTINGS.iter().any(|name| has(name)) {
        osquery::configuration(node, into);
    } else if has("name") && ["query", "hosts", "label_membership_type"].iter().any(|name| has(name)) {
        fleet::items(None, node, saved, into);
    } else if osquery::has_packs(node) {
        osquery::packs(node, into);
    } else if osquery::has_queries(node) {
        osquery::bare_queries(node, into);
    } else {
        let message = "this is no pack, configuration, query, label or policy: left out";
        into.notes.warn(&node.place, message);
    }
}
