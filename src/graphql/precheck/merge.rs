//! Fields that answer under one key must be one field: the specification's *Field Selection Merging*.
//!
//! The library compares within a selection set only; deeper, one of two conflicting values would silently overwrite
//! the other. Two passes as in the specification: everything under one key must have one shape, and what can be on
//! one object must be the same field with the same arguments. The document's expanded size is bounded before.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::ServerError;
use async_graphql::parser::types::{BaseType, ExecutableDocument, Type};

use super::fields::{Fragments, Selected, Set, collect};
use super::refusal::invalid;
use super::types::{Types, named};

/// Comparisons at most: far beyond any document within the limits, against one made to multiply them.
const MAX_STEPS: usize = 50_000;

/// Finds the first conflict of a document.
#[must_use]
pub fn check(types: &Types, document: &ExecutableDocument) -> Option<ServerError> {
    document.operations.iter().find_map(|(_, operation)| {
        let root =
            Set { parent: types.root(operation.node.ty), selections: &operation.node.selection_set.node };
        let mut merge = Merge { types, fragments: &document.fragments, steps: 0 };
        merge.shapes(&[root]).and_then(|()| merge.fields(&[root])).err()
    })
}

struct Merge<'a> {
    types: &'a Types,
    fragments: &'a Fragments,
    steps: usize,
}

impl<'a> Merge<'a> {
    /// Everything under one key has the same lists, non-nulls and leaf type, whatever object it is on.
    fn shapes(&mut self, sets: &[Set<'a>]) -> Result<(), ServerError> {
        for (key, group) in self.by_key(sets) {
            let first = group[0];
            for other in &group[1..] {
                self.step(*other)?;
                if let (Some(left), Some(right)) = (self.type_of(first), self.type_of(*other))
                    && !self.same_shape(left, right)
                {
                    return Err(conflict(key, *other, "their types differ"));
                }
            }
            self.shapes(&self.below(&group))?;
        }
        Ok(())
    }

    /// What can be on one object under one key is the same field with the same arguments.
    fn fields(&mut self, sets: &[Set<'a>]) -> Result<(), ServerError> {
        for (key, group) in self.by_key(sets) {
            for together in self.overlapping(&group) {
                let first = together[0];
                for other in &together[1..] {
                    self.step(*other)?;
                    if first.field.node.name.node != other.field.node.name.node {
                        return Err(conflict(key, *other, "they are different fields"));
                    }
                    if !same_arguments(first, *other) {
                        return Err(conflict(key, *other, "their arguments differ"));
                    }
                }
                self.fields(&self.below(&together))?;
            }
        }
        Ok(())
    }

    fn by_key(&self, sets: &[Set<'a>]) -> BTreeMap<&'a str, Vec<Selected<'a>>> {
        let mut groups = BTreeMap::<&str, Vec<Selected<'_>>>::new();
        for selected in collect(self.fragments, sets) {
            groups.entry(selected.field.node.response_key().node.as_str()).or_default().push(selected);
        }
        groups
    }

    /// The selection sets of fields that answer into one object.
    fn below(&self, group: &[Selected<'a>]) -> Vec<Set<'a>> {
        let set = |selected: &Selected<'a>| Set {
            parent: self.type_of(*selected).map(named),
            selections: &selected.field.node.selection_set.node,
        };
        group.iter().map(set).filter(|set| !set.selections.items.is_empty()).collect()
    }

    /// The group split by the object a field is on; fields on interfaces and unions are in every part.
    fn overlapping(&self, group: &[Selected<'a>]) -> Vec<Vec<Selected<'a>>> {
        let is_object =
            |selected: &Selected<'_>| selected.parent.is_some_and(|parent| self.types.is_object(parent));
        let objects: BTreeSet<_> =
            group.iter().filter(|field| is_object(field)).map(|field| field.parent).collect();
        if objects.len() < 2 {
            return vec![group.to_vec()];
        }
        let part = |object: Option<&str>| {
            let belongs = |selected: &&Selected<'a>| selected.parent == object || !is_object(selected);
            group.iter().filter(belongs).copied().collect()
        };
        objects.into_iter().map(part).collect()
    }

    fn type_of(&self, selected: Selected<'a>) -> Option<&'a Type> {
        self.types.field(selected.parent?, &selected.field.node.name.node).map(|field| &field.ty)
    }

    fn same_shape(&self, left: &Type, right: &Type) -> bool {
        left.nullable == right.nullable
            && match (&left.base, &right.base) {
                (BaseType::List(left), BaseType::List(right)) => self.same_shape(left, right),
                (BaseType::Named(left), BaseType::Named(right)) => {
                    left == right || !(self.types.is_leaf(left) || self.types.is_leaf(right))
                }
                _ => false,
            }
    }

    fn step(&mut self, at: Selected<'_>) -> Result<(), ServerError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(invalid("the document has too many overlapping fields", at.field.pos));
        }
        Ok(())
    }
}

fn same_arguments(left: Selected<'_>, right: Selected<'_>) -> bool {
    let (left, right) = (&left.field.node, &right.field.node);
    left.arguments.len() == right.arguments.len()
        && left
            .arguments
            .iter()
            .all(|(name, value)| right.get_argument(&name.node).is_some_and(|other| other.node == value.node))
}

fn conflict(key: &str, at: Selected<'_>, why: &str) -> ServerError {
    invalid(format!("fields \"{key}\" conflict because {why}; use different aliases"), at.field.pos)
}
