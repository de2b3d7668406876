//! Fields that their type does not have, and what was perhaps meant.
//!
//! The library finds them too, but compares each with every name there is, however many and long they are.

use std::collections::HashSet;

use async_graphql::ServerError;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection};
use async_graphql::{Name, Positioned};

use super::fields::{Fragments, Set};
use super::refusal::invalid;
use super::types::{Types, named};

/// Errors at most: an answer has no more.
const MOST: usize = 20;
/// A longer name is compared with none.
const LONGEST: usize = 64;
/// How alike two names are, from 0 to 1, that one may be meant by the other.
const ALIKE: f64 = 0.8;
/// Names that are told.
const TOLD: usize = 3;

/// The unknown fields of a document, the first 20.
#[must_use]
pub fn check(types: &Types, document: &ExecutableDocument) -> Vec<ServerError> {
    let mut search =
        Search { types, fragments: &document.fragments, visited: HashSet::new(), errors: Vec::new() };
    for (_, operation) in document.operations.iter() {
        let selections = &operation.node.selection_set.node;
        search.set(Set { parent: types.root(operation.node.ty), selections });
    }
    search.errors
}

struct Search<'a> {
    types: &'a Types,
    fragments: &'a Fragments,
    visited: HashSet<&'a str>,
    errors: Vec<ServerError>,
}

impl<'a> Search<'a> {
    fn set(&mut self, set: Set<'a>) {
        for selection in &set.selections.items {
            if self.errors.len() == MOST {
                return;
            }
            match &selection.node {
                Selection::Field(field) => self.field(set.parent, field),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|c| c.node.on.node.as_str());
                    let selections = &inline.node.selection_set.node;
                    self.set(Set { parent: condition.or(set.parent), selections });
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            }
        }
    }

    fn fragment(&mut self, name: &'a Name) {
        if let Some(fragment) = self.fragments.get(name)
            && self.visited.insert(name.as_str())
        {
            let parent = Some(fragment.node.type_condition.node.on.node.as_str());
            self.set(Set { parent, selections: &fragment.node.selection_set.node });
        }
    }

    fn field(&mut self, parent: Option<&'a str>, field: &'a Positioned<Field>) {
        let name = field.node.name.node.as_str();
        let declared = parent.and_then(|parent| self.types.field(parent, name));
        if let (Some(parent), None) = (parent, declared)
            && self.types.has_fields(parent)
            && !name.starts_with("__")
        {
            let meant = self.meant(parent, name);
            self.errors
                .push(invalid(format!("Unknown field \"{name}\" on type \"{parent}\".{meant}"), field.pos));
            return;
        }
        let parent = declared.map(|declared| named(&declared.ty));
        self.set(Set { parent, selections: &field.node.selection_set.node });
    }

    /// Names of the type that are like this one, the likest first.
    fn meant(&self, parent: &str, name: &str) -> String {
        if name.len() > LONGEST {
            return String::new();
        }
        let likeness = |known: &'a str| (strsim::jaro_winkler(name, known), known);
        let mut known: Vec<_> = self.types.field_names(parent).map(likeness).collect();
        known.retain(|(likeness, _)| *likeness > ALIKE);
        known.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let told: Vec<_> = known.iter().take(TOLD).map(|(_, known)| format!("\"{known}\"")).collect();
        if told.is_empty() { String::new() } else { format!(" Did you mean {}?", told.join(", ")) }
    }
}
