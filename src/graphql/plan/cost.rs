//! What an operation costs, by the numbers that the SDL declares.
//!
//! A field costs its weight and what is below it, as often as the list it stands in is long. Of the types that an object
//! can be of, the dearest counts. It is added up while the plan is made, so fragments are written out, what answers under
//! one key counts once, and what is skipped counts nothing.

use async_graphql::parser::types::Field;

use super::conditions::Given;
use crate::graphql::precheck::types::{self, ListSize, Types, named, number};

/// Of reading the schema: introspection declares no costs.
const INTROSPECTION: u64 = 100;

/// A list can't be taken to be longer: no argument allows more rows.
const LONGEST: u64 = 1_000;

/// How long the lists in one object are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sized<'a> {
    fields: &'a [String],
    size: u64,
}

impl<'a> Sized<'a> {
    /// The lists in the object of a field.
    pub(super) fn below(declared: Option<&'a types::Field>, field: &Field, given: &Given<'_>) -> Self {
        let list = declared.and_then(|declared| Some((declared, declared.list.as_ref()?)));
        match list {
            Some((declared, list)) if !list.sized.is_empty() => {
                Self { fields: &list.sized, size: length(list, declared, field, given) }
            }
            _ => Self::default(),
        }
    }

    /// The cost of a field in that object, `below` being what is asked of its own object.
    pub(super) fn cost(
        self,
        types: &Types,
        declared: Option<&types::Field>,
        field: &Field,
        given: &Given<'_>,
        below: u64,
    ) -> u64 {
        let name = field.name.node.as_str();
        let Some(declared) = declared else {
            return if matches!(name, "__schema" | "__type") { INTROSPECTION } else { 0 };
        };
        let weight = declared.weight.unwrap_or_else(|| u64::from(!types.is_leaf(named(&declared.ty))));
        let times = match &declared.list {
            _ if self.fields.iter().any(|sized| sized == name) => self.size,
            Some(list) if list.sized.is_empty() => length(list, declared, field, given),
            _ => 1,
        };
        weight.saturating_add(below).saturating_mul(times)
    }
}

/// What is asked of narrower types costs, for an object of the dearest of them.
pub(super) fn dearest(types: &Types, parent: Option<&str>, narrower: &[(&str, u64)]) -> u64 {
    let of_object = |object: &String| {
        let is_met = |condition: &str| {
            condition == object || types.possible(condition).is_some_and(|possible| possible.contains(object))
        };
        let met = narrower.iter().filter(|(condition, _)| is_met(condition));
        met.fold(0u64, |sum, (_, cost)| sum.saturating_add(*cost))
    };
    let objects = parent.and_then(|parent| types.possible(parent)).into_iter().flatten();
    if narrower.is_empty() { 0 } else { objects.map(of_object).max().unwrap_or_default() }
}

/// How long a list is: the largest of what its arguments say, else what is assumed.
fn length(list: &ListSize, declared: &types::Field, field: &Field, given: &Given<'_>) -> u64 {
    let said = list.slicing.iter().filter_map(|name| {
        let argument = field.get_argument(name).and_then(|value| given.constant(&value.node));
        argument.as_ref().or_else(|| declared.arguments.get(name)?.default.as_ref()).and_then(number)
    });
    said.max().or(list.assumed).unwrap_or(1).min(LONGEST)
}
