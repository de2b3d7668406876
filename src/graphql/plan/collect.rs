//! The fields of an object, grouped by the key they answer under: the specification's `CollectFields`.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use super::conditions::Given;
use crate::graphql::precheck::fields::Fragments;
use crate::graphql::precheck::types::Types;

/// What is asked of an object, in the order of the document.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// The type of the object, as far as it is known.
    pub parent: Option<&'a str>,
    /// Fields, and what applies only to some types.
    pub items: Vec<Part<'a>>,
    by_key: HashMap<&'a str, usize>,
}

/// A part of what is asked of an object.
#[derive(Debug)]
pub enum Part<'a> {
    /// All fields of one key.
    Field(Vec<&'a Positioned<Field>>),
    /// What is asked of an object of a narrower type.
    On(&'a Positioned<Name>, Parts<'a>),
}

/// Collects selection sets that answer into one object of the type `parent`.
#[must_use]
pub fn collect<'a>(
    types: &'a Types,
    fragments: &'a Fragments,
    given: &'a Given<'a>,
    parent: Option<&'a str>,
    sets: &[&'a SelectionSet],
) -> Parts<'a> {
    let collector = Collector { types, fragments, given };
    let mut parts = Parts::of(parent);
    let mut spread = HashSet::new();
    for set in sets {
        collector.set(set, &mut spread, &mut parts);
    }
    parts
}

impl<'a> Parts<'a> {
    fn of(parent: Option<&'a str>) -> Self {
        Self { parent, ..Self::default() }
    }

    fn add(&mut self, field: &'a Positioned<Field>) {
        let key = field.node.response_key().node.as_str();
        let next = self.items.len();
        match self.items.get_mut(*self.by_key.entry(key).or_insert(next)) {
            Some(Part::Field(same)) => same.push(field),
            _ => self.items.push(Part::Field(vec![field])),
        }
    }

    /// Whether the order of the keys, what is merged under them or their nullability can't be told without knowing the
    /// type of the object.
    #[must_use]
    pub fn depend_on_type(&self, types: &Types) -> bool {
        let mut keys = HashSet::new();
        self.any(&mut |parent, field| {
            !keys.insert(field.response_key().node.as_str()) || differs_by_type(types, parent, field)
        })
    }

    /// Whether an object can be left without a key: conditions or its type leave everything out.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        !self.items.iter().any(|part| matches!(part, Part::Field(_)))
    }

    fn any(&self, test: &mut impl FnMut(Option<&'a str>, &'a Field) -> bool) -> bool {
        self.items.iter().any(|part| match part {
            Part::Field(same) => test(self.parent, &same[0].node),
            Part::On(_, inner) => inner.any(test),
        })
    }
}

/// Whether an interface declares a field with another type than one of its objects.
fn differs_by_type(types: &Types, parent: Option<&str>, field: &Field) -> bool {
    let name = field.name.node.as_str();
    let Some(parent) = parent else { return false };
    let (Some(declared), Some(possible)) = (types.field(parent, name), types.possible(parent)) else {
        return false;
    };
    possible.iter().any(|object| types.field(object, name).is_some_and(|field| field.ty != declared.ty))
}

struct Collector<'a> {
    types: &'a Types,
    fragments: &'a Fragments,
    given: &'a Given<'a>,
}

/// Which objects of a type a condition lets through.
enum Narrowed {
    All,
    Some,
    None,
}

impl<'a> Collector<'a> {
    fn set(&self, set: &'a SelectionSet, spread: &mut HashSet<&'a str>, parts: &mut Parts<'a>) {
        for selection in &set.items {
            if self.given.is_skipped(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => parts.add(field),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|condition| &condition.node.on);
                    self.narrowed(condition, &inline.node.selection_set.node, spread, parts);
                }
                Selection::FragmentSpread(fragment) => {
                    let name = fragment.node.fragment_name.node.as_str();
                    let Some(fragment) = self.fragments.get(name) else { continue };
                    if spread.insert(name) {
                        let condition = &fragment.node.type_condition.node.on;
                        self.narrowed(Some(condition), &fragment.node.selection_set.node, spread, parts);
                    }
                }
            }
        }
    }

    fn narrowed(
        &self,
        condition: Option<&'a Positioned<Name>>,
        set: &'a SelectionSet,
        spread: &mut HashSet<&'a str>,
        parts: &mut Parts<'a>,
    ) {
        match (self.let_through(parts.parent, condition), condition) {
            (Narrowed::None, _) => {}
            (Narrowed::Some, Some(condition)) => {
                let mut inner = Parts::of(Some(condition.node.as_str()));
                // What is spread for some objects only must still be spread for the others.
                self.set(set, &mut spread.clone(), &mut inner);
                if !inner.items.is_empty() {
                    parts.items.push(Part::On(condition, inner));
                }
            }
            _ => self.set(set, spread, parts),
        }
    }

    fn let_through(&self, parent: Option<&str>, condition: Option<&Positioned<Name>>) -> Narrowed {
        let (Some(parent), Some(condition)) = (parent, condition.map(|name| name.node.as_str())) else {
            return Narrowed::All;
        };
        let accepts = |object: &str| {
            object == condition
                || self.types.possible(condition).is_some_and(|possible| possible.contains(object))
        };
        match self.types.possible(parent) {
            _ if parent == condition => Narrowed::All,
            None if accepts(parent) => Narrowed::All,
            Some(possible) if possible.iter().all(|object| accepts(object)) => Narrowed::All,
            Some(possible) if possible.iter().any(|object| accepts(object)) => Narrowed::Some,
            _ => Narrowed::None,
        }
    }
}
