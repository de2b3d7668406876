//! A subscription has one root field, and nothing decides at run time whether it is there.

use std::collections::HashSet;

use async_graphql::ServerError;
use async_graphql::parser::types::{OperationDefinition, Selection, SelectionSet};

use super::fields::{Fragments, Set, collect};
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
