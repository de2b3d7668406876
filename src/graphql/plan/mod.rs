//! What an operation means: each field once, in the order of the document.
//!
//! The library runs what stands in the text: a field that is asked for twice, perhaps through two fragments, it runs
//! twice and merges the answers, in the order in which they were ready. The specification collects fields first. So an
//! operation is rewritten before it is executed: fragments are written out, `@skip` and `@include` are decided, what
//! answers under one key is one field, and arguments whose variable was not given are left out. The
//! [shape](shape::Shape) of the answer is derived along; an answer is brought into it when it is there. So is its [cost].

pub mod conditions;
pub mod collect;
pub mod cost;
pub mod shape;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection,
    SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Variables};

use self::collect::{Part, Parts, collect};
use self::conditions::Given;
use self::cost::Sized;
use self::shape::{FieldShape, Nulls, Shape, TYPE_KEY};
use super::precheck::fields::Fragments;
use super::precheck::refusal::invalid;
use super::precheck::types::{Types, named};

/// Fields at most, with what depends on the type of an object written out for each type.
const MAX_FIELDS: usize = 10_000;

/// An operation that can be executed, the shape of its answer, and what it costs.
#[derive(Debug)]
pub struct Plan {
    /// The rewritten operation, alone.
    pub document: ExecutableDocument,
    /// The shape of its answer.
    pub shape: Shape,
    /// The cost of its fields.
    pub cost: u64,
}

impl Plan {
    /// Plans an operation of a document that was measured.
    ///
    /// # Errors
    /// When it would select more fields than any document should.
    pub fn of(
        types: &Types,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Result<Self, ServerError> {
        let given = Given::new(operation, variables);
        let mut planner = Planner { types, fragments: &document.fragments, given: &given, fields: 0 };
        let root = &operation.selection_set;
        let Built { selections, shape, cost } =
            planner.set(types.root(operation.ty), &[&root.node], root.pos, Sized::default())?;
        let rewritten = OperationDefinition {
            ty: operation.ty,
            variable_definitions: operation.variable_definitions.clone(),
            directives: Vec::new(),
            selection_set: Positioned::new(selections, root.pos),
        };
        let operations = DocumentOperations::Single(Positioned::new(rewritten, root.pos));
        Ok(Self { document: ExecutableDocument { operations, fragments: HashMap::new() }, shape, cost })
    }
}

/// What selection sets were made to.
#[derive(Default)]
struct Built {
    selections: SelectionSet,
    shape: Shape,
    cost: u64,
}

struct Planner<'a> {
    types: &'a Types,
    fragments: &'a Fragments,
    given: &'a Given<'a>,
    fields: usize,
}

impl<'a> Planner<'a> {
    /// Selection sets that answer into one object of the type `parent`.
    fn set(
        &mut self,
        parent: Option<&'a str>,
        sets: &[&'a SelectionSet],
        at: Pos,
        sized: Sized<'a>,
    ) -> Result<Built, ServerError> {
        let parts = collect(self.types, self.fragments, self.given, parent, sets);
        match parent.and_then(|parent| self.types.possible(parent)) {
            Some(possible) if parts.depend_on_type(self.types) => self.by_type(possible, sets, at, sized),
            _ if sets.iter().all(|set| set.items.is_empty()) => Ok(Built::default()),
            _ if parts.may_be_empty() => {
                let Built { mut selections, shape, cost } = self.parts(parts, sized)?;
                selections.items.insert(0, Positioned::new(Selection::Field(type_name(at)), at));
                Ok(Built { selections, shape: Shape::of_telling(shape.into_fields()), cost })
            }
            _ => self.parts(parts, sized),
        }
    }

    /// The sets for each type that the object can be of, which it tells under a key of its own.
    fn by_type(
        &mut self,
        possible: impl IntoIterator<Item = &'a String>,
        sets: &[&'a SelectionSet],
        at: Pos,
        sized: Sized<'a>,
    ) -> Result<Built, ServerError> {
        let mut items = vec![Positioned::new(Selection::Field(type_name(at)), at)];
        let (mut shapes, mut dearest) = (HashMap::new(), 0);
        for name in possible {
            let Built { selections, shape, cost } = self.set(Some(name), sets, at, sized)?;
            if !selections.items.is_empty() {
                items.push(on_type(&Name::new(name), selections, at));
            }
            shapes.insert(name.clone(), shape);
            dearest = cost.max(dearest);
        }
        Ok(Built { selections: SelectionSet { items }, shape: Shape::by_type(shapes), cost: dearest })
    }

    fn parts(&mut self, parts: Parts<'a>, sized: Sized<'a>) -> Result<Built, ServerError> {
        let (mut items, mut fields) = (Vec::with_capacity(parts.items.len()), Vec::new());
        let (mut cost, mut narrower) = (0u64, Vec::new());
        for part in parts.items {
            match part {
                Part::Field(same) => {
                    let (field, shape, more) = self.field(parts.parent, &same, sized)?;
                    items.push(Positioned::new(Selection::Field(field), same[0].pos));
                    fields.push(shape);
                    cost = cost.saturating_add(more);
                }
                Part::On(condition, inner) => {
                    let Built { selections, shape, cost: more } = self.parts(inner, sized)?;
                    items.push(on_type(&condition.node, selections, condition.pos));
                    fields.extend(shape.into_fields());
                    narrower.push((condition.node.as_str(), more));
                }
            }
        }
        let cost = cost.saturating_add(cost::dearest(self.types, parts.parent, &narrower));
        Ok(Built { selections: SelectionSet { items }, shape: Shape::of_fields(fields), cost })
    }

    /// One field of what answers under one key, and its cost.
    fn field(
        &mut self,
        parent: Option<&'a str>,
        same: &[&'a Positioned<Field>],
        sized: Sized<'a>,
    ) -> Result<(Positioned<Field>, FieldShape, u64), ServerError> {
        let (field, at) = (&same[0].node, same[0].pos);
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(invalid("the document selects too many fields", at));
        }
        let declared = parent.and_then(|parent| self.types.field(parent, &field.name.node));
        let ty = declared.map(|declared| &declared.ty);
        let sets: Vec<_> = same.iter().map(|field| &field.node.selection_set.node).collect();
        let Built { selections, shape: below, cost } =
            self.set(ty.map(named), &sets, at, Sized::below(declared, field, self.given))?;
        let cost = sized.cost(self.types, declared, field, self.given, cost);
        let rewritten = Field {
            alias: field.alias.clone(),
            name: field.name.clone(),
            arguments: self.given.arguments(&field.arguments),
            directives: Vec::new(),
            selection_set: Positioned::new(selections, field.selection_set.pos),
        };
        let key = field.response_key().node.clone();
        Ok((Positioned::new(rewritten, at), FieldShape { key, nulls: Nulls::of(ty), below }, cost))
    }
}

fn type_name(at: Pos) -> Positioned<Field> {
    let field = Field {
        alias: Some(Positioned::new(Name::new(TYPE_KEY), at)),
        name: Positioned::new(Name::new("__typename"), at),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    Positioned::new(field, at)
}

fn on_type(condition: &Name, selections: SelectionSet, at: Pos) -> Positioned<Selection> {
    let on = Positioned::new(condition.clone(), at);
    let fragment = InlineFragment {
        type_condition: Some(Positioned::new(TypeCondition { on }, at)),
        directives: Vec::new(),
        selection_set: Positioned::new(selections, at),
    };
    Positioned::new(Selection::InlineFragment(Positioned::new(fragment, at)), at)
}
