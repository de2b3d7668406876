//! The old form: documents of a `kind` with a `spec`.

use super::items::{Role, item};
use super::{Named, agent_options, packs};
use crate::interchange::fields::{Fields, text_of};
use crate::interchange::node::Node;
use crate::interchange::osquery::Into;
use crate::interchange::place::At;

/// Reads a document.
pub(crate) fn kind(node: &Node, saved: &Named, into: &mut Into<'_>) {
    let Some(kind) = node.get("kind").and_then(text_of) else { return };
    let Some(spec) = node.get("spec") else {
        into.notes.error(&node.place, format!("a document of kind `{}` without a spec", kind.value));
        return;
    };
    if let Some(version) = node.get("apiVersion").and_then(text_of).filter(|version| version.value != "v1") {
        into.notes.warn(&version.place, format!("the version `{}` is not known: read as v1", version.value));
    }
    match kind.value.to_ascii_lowercase().as_str() {
        "query" | "report" => listed(spec, |spec| item(Role::Query, spec, into)),
        "label" => listed(spec, |spec| item(Role::Label, spec, into)),
        "policy" => listed(spec, |spec| item(Role::Policy, spec, into)),
        "pack" => listed(spec, |spec| packs::old(spec, saved, into)),
        "options" => agent_options(spec, into),
        "config" => settings_of(spec, into),
        "team" | "fleet" => team(spec, into),
        other => {
            into.notes
                .warn(&kind.place, format!("documents of kind `{other}` are nothing for here: left out"));
        }
    }
}

/// A spec may be a list of several.
fn listed(spec: &Node, mut read: impl FnMut(&Node)) {
    spec.items().unwrap_or(std::slice::from_ref(spec)).iter().for_each(&mut read);
}

/// Reads what of the settings of a whole server, or of a team, is for agents.
fn settings_of(spec: &Node, into: &mut Into<'_>) {
    let Some(mut fields) = Fields::of(spec, "settings", into.notes) else { return };
    if let Some(options) = fields.node("agent_options") {
        agent_options(options, into);
    }
    fields.warn_of_rest(&["name", "id", "description"], into.notes);
}

fn team(spec: &Node, into: &mut Into<'_>) {
    let team = spec.get("team").or_else(|| spec.get("fleet")).unwrap_or(spec);
    let Some(name) = team.get("name").and_then(text_of) else {
        into.notes.error(&spec.place, "a team without a name");
        return;
    };
    let file = into.file;
    let mut into = into.of(file);
    into.team = Some(At::new(name.place, name.value.trim().to_owned()));
    settings_of(team, &mut into);
}
