//! A subscription has one root field, and nothing decides at run time whether it is there.
//!
//! The library overlooks fragments at the root of a subscription and runs a field that stands there twice as two
//! streams; so the root is rewritten to the one field that the fragments hold.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned, ServerError};

use super::fields::{Fragments, Selected, Set, collect, each_set};
use super::refusal::invalid;

/// Refuses a subscription with another number of root fields than one, or with `@skip` or `@include` at its root.
///
/// # Errors
/// The broken rule.
pub fn check(fragments: &Fragments, operation: &OperationDefinition) -> Result<(), ServerError> {
    let at = operation.selection_set.pos;
    let root = Set { parent: None, selections: &operation.selection_set.node };
    let fields = collect(fragments, &[root]);
    let keys: HashSet<_> = fields.iter().map(|selected| &selected.field.node.response_key().node).collect();
    if keys.len() != 1 {
        return Err(invalid("a subscription has exactly one root field", at));
    }
    if fields.iter().any(|selected| selected.field.node.name.node.starts_with("__")) {
        return Err(invalid("the root field of a subscription is not introspection", at));
    }
    if is_conditional(fragments, root.selections, &mut HashSet::new()) {
        return Err(invalid("@skip and @include are not allowed at the root of a subscription", at));
    }
    Ok(())
}

/// Writes the one root field into each subscription that was checked, and drops fragments that nothing uses any more.
pub fn flatten(document: &mut ExecutableDocument, operation_name: Option<&str>) {
    let Some(operation) = super::operation(document, operation_name) else { return };
    let root = Set { parent: None, selections: &operation.selection_set.node };
    if let [Positioned { node: Selection::Field(_), .. }] = root.selections.items[..] {
        return;
    }
    let Some(field) = merged(&collect(&document.fragments, &[root])) else { return };
    let before = spread_fragments(document);
    if let Some(operation) = super::operation_mut(document, operation_name) {
        operation.selection_set.node.items =
            vec![Positioned::new(Selection::Field(field.clone()), field.pos)];
    }
    let after = spread_fragments(document);
    document.fragments.retain(|name, _| after.contains(name) || !before.contains(name));
}

/// Fields of one key, with the selections of all.
fn merged(fields: &[Selected<'_>]) -> Option<Positioned<Field>> {
    let mut merged = fields.first()?.field.clone();
    for other in &fields[1..] {
        merged
            .node
            .selection_set
            .node
            .items
            .extend(other.field.node.selection_set.node.items.iter().cloned());
    }
    Some(merged)
}

fn spread_fragments(document: &ExecutableDocument) -> HashSet<Name> {
    let mut names = HashSet::new();
    each_set(document, &mut |set| {
        for selection in &set.items {
            if let Selection::FragmentSpread(spread) = &selection.node {
                names.insert(spread.node.fragment_name.node.clone());
            }
        }
    });
    names
}

fn is_conditional<'a>(
    fragments: &'a Fragments,
    set: &'a SelectionSet,
    visited: &mut HashSet<&'a str>,
) -> bool {
    set.items.iter().any(|selection| {
        let directives = selection.node.directives();
        if directives.iter().any(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include"))
        {
            return true;
        }
        match &selection.node {
            Selection::Field(_) => false,
            Selection::InlineFragment(inline) => {
                is_conditional(fragments, &inline.node.selection_set.node, visited)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                fragments.get(name).is_some_and(|fragment| {
                    visited.insert(name.as_str())
                        && is_conditional(fragments, &fragment.node.selection_set.node, visited)
                })
            }
        }
    })
}
