//! Agent options: a configuration, and those of single platforms, which in Fleet take its place.

use crate::interchange::fields::Fields;
use crate::interchange::model::{ForLabels, Layer};
use crate::interchange::node::{Member, Node, Value};
use crate::interchange::osquery::{self, Into, PLATFORMS, SETTINGS};
use crate::interchange::place::{At, Notes};

/// Reads agent options.
pub(crate) fn agent_options(node: &Node, into: &mut Into<'_>) {
    let Some(mut fields) = Fields::of(node, "agent options", into.notes) else { return };
    let config = fields.node("config");
    if let Some(config) = config {
        configuration(config, None, into);
    }
    if let Some(overrides) = fields.node("overrides") {
        let Some(mut fields) = Fields::of(overrides, "`overrides`", into.notes) else { return };
        for member in fields.node("platforms").and_then(Node::members).unwrap_or_default() {
            let word = member.name.value.to_lowercase();
            if PLATFORMS.contains(&word.as_str()) {
                let platform = At::new(member.name.place.clone(), word);
                configuration(&instead(config, &member.node), Some(platform), into);
            } else {
                let message = format!("there is no configuration for `{word}`: {}", PLATFORMS.join(", "));
                into.notes.error(&member.name.place, message);
            }
        }
        fields.warn_of_rest(&[], into.notes);
    }
    fields.warn_of_rest(&[], into.notes);
}

/// Reads a configuration that is for a platform, or for all.
fn configuration(node: &Node, platform: Option<At<String>>, into: &mut Into<'_>) {
    let Some(mut fields) = Fields::of(node, "a configuration", into.notes) else { return };
    osquery::schedule_and_packs(&mut fields, platform.as_ref(), into);
    osquery::settings(node, &mut fields, platform, into);
    fields.warn_of_rest(&[], into.notes);
}

/// A configuration that takes the place of `base`, as one that is laid over it: what it lacks is taken away by a null.
fn instead(base: Option<&Node>, node: &Node) -> Node {
    let mut laid = node.clone();
    if let (Some(base), Value::Object(members)) = (base, &mut laid.value) {
        for member in base.members().unwrap_or_default() {
            if SETTINGS.contains(&member.name.value.as_str()) {
                take_away(member, members, &node.place);
            }
        }
    }
    laid
}

fn take_away(below: &Member, above: &mut Vec<Member>, place: &crate::interchange::Place) {
    let null = || Node::new(place.clone(), Value::Null);
    match above.iter_mut().find(|member| member.name == below.name) {
        None => above.push(Member { name: At::new(place.clone(), below.name.value.clone()), node: null() }),
        Some(member) => {
            if let (Value::Object(members), Some(below)) = (&mut member.node.value, below.node.members()) {
                for below in below {
                    take_away(below, members, place);
                }
            }
        }
    }
}

/// Reads a layer of our own form: `platform` and `document`, and for labels a `name`, a `priority` and which.
pub(super) fn layer(node: &Node, into: &mut Into<'_>) {
    let Some(mut fields) = Fields::of(node, "a configuration", into.notes) else { return };
    let errors = into.notes.errors();
    let platform = fields.text("platform", into.notes);
    let for_labels = for_labels(&mut fields, into.notes);
    let document = fields.node("document");
    fields.warn_of_rest(&[], into.notes);
    match document {
        Some(_) if into.notes.errors() != errors => {}
        Some(document) if document.members().is_some() => {
            let (team, document) = (into.team.clone(), document.clone());
            into.draft.collection.layers.push(Layer { team, platform, for_labels, document });
        }
        _ => into.notes.error(&node.place, "a configuration must have an object `document`"),
    }
}

/// The labels that a layer is for; a layer that asks for some has a name.
fn for_labels(fields: &mut Fields<'_>, notes: &mut Notes) -> Option<ForLabels> {
    let name = fields.text("name", notes);
    let priority = fields.integer("priority", notes);
    let include_any = fields.texts("labels_include_any", notes);
    let exclude_any = fields.texts("labels_exclude_any", notes);
    let asks = priority.is_some() || !include_any.is_empty() || !exclude_any.is_empty();
    if name.is_none() && asks {
        notes.error(fields.place(), "a configuration for labels must have a name");
    }
    let name = name?.map(|name| name.trim().to_owned());
    Some(ForLabels { name, priority, include_any, exclude_any })
}
