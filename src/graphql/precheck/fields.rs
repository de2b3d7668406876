//! The fields of a selection set together with those of its fragments.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{ExecutableDocument, Field, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

/// The fragments of a document, by name.
pub type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// A field as it stands in a selection set, or in a fragment of it.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    /// The type it is selected on; none where the schema does not know.
    pub parent: Option<&'a str>,
    /// The field.
    pub field: &'a Positioned<Field>,
}

/// A selection set and the type it is on.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// The type; none where the schema does not know.
    pub parent: Option<&'a str>,
    /// The selections.
    pub selections: &'a SelectionSet,
}

/// The fields of sets that answer into one object, in the order of the document; each fragment once.
#[must_use]
pub fn collect<'a>(fragments: &'a Fragments, sets: &[Set<'a>]) -> Vec<Selected<'a>> {
    let mut collected = Vec::new();
    let mut visited = HashSet::new();
    for set in sets {
        collect_into(fragments, *set, &mut visited, &mut collected);
    }
    collected
}

/// Calls `visit` for every selection set of the document's operations and fragments.
pub fn each_set<'a>(document: &'a ExecutableDocument, visit: &mut impl FnMut(&'a SelectionSet)) {
    for (_, operation) in document.operations.iter() {
        each_set_below(&operation.node.selection_set.node, visit);
    }
    for fragment in document.fragments.values() {
        each_set_below(&fragment.node.selection_set.node, visit);
    }
}

fn each_set_below<'a>(set: &'a SelectionSet, visit: &mut impl FnMut(&'a SelectionSet)) {
    visit(set);
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => each_set_below(&field.node.selection_set.node, visit),
            Selection::InlineFragment(fragment) => each_set_below(&fragment.node.selection_set.node, visit),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn collect_into<'a>(
    fragments: &'a Fragments,
    set: Set<'a>,
    visited: &mut HashSet<&'a str>,
    collected: &mut Vec<Selected<'a>>,
) {
    for selection in &set.selections.items {
        match &selection.node {
            Selection::Field(field) => collected.push(Selected { parent: set.parent, field }),
            Selection::InlineFragment(inline) => {
                let condition =
                    inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                let selections = &inline.node.selection_set.node;
                collect_into(
                    fragments,
                    Set { parent: condition.or(set.parent), selections },
                    visited,
                    collected,
                );
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = fragments.get(name)
                    && visited.insert(name.as_str())
                {
                    let parent = Some(fragment.node.type_condition.node.on.node.as_str());
                    let selections = &fragment.node.selection_set.node;
                    collect_into(fragments, Set { parent, selections }, visited, collected);
                }
            }
        }
    }
}
