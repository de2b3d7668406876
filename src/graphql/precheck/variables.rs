//! A nullable variable may not stand where null is not accepted, and a required variable must be given.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use async_graphql::parser::types::{
    BaseType, Directive, Field, OperationDefinition, Selection, Type, VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Value, Variables};

use super::fields::{Fragments, Set};
use super::refusal::{BAD_USER_INPUT, invalid, refusal};
use super::types::{Input, Types, named};

/// Finds variables of an operation that stand where their null would not be accepted.
#[must_use]
pub fn check_positions(
    types: &Types,
    fragments: &Fragments,
    operation: &OperationDefinition,
) -> Vec<ServerError> {
    let definitions =
        operation.variable_definitions.iter().map(|d| (d.node.name.node.as_str(), &d.node)).collect();
    let mut usages = Usages { types, fragments, definitions, visited: HashSet::new(), errors: Vec::new() };
    usages.directives(&operation.directives);
    usages.set(Set { parent: types.root(operation.ty), selections: &operation.selection_set.node });
    usages.errors
}

/// Finds variables that must be given a value and were not.
#[must_use]
pub fn check_values(operation: &OperationDefinition, values: &Variables) -> Vec<ServerError> {
    let missing = |definition: &&Positioned<VariableDefinition>| {
        let variable = &definition.node;
        match values.get(&variable.name.node) {
            Some(value) => !variable.var_type.node.nullable && *value == Value::Null,
            None => !variable.var_type.node.nullable && variable.default_value.is_none(),
        }
    };
    let error = |definition: &Positioned<VariableDefinition>| {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        refusal(
            BAD_USER_INPUT,
            format!("variable \"${name}\" of type \"{ty}\" needs a value"),
            Some(definition.pos),
        )
    };
    operation.variable_definitions.iter().filter(missing).map(error).collect()
}

struct Usages<'a> {
    types: &'a Types,
    fragments: &'a Fragments,
    definitions: HashMap<&'a str, &'a VariableDefinition>,
    visited: HashSet<&'a str>,
    errors: Vec<ServerError>,
}

impl<'a> Usages<'a> {
    fn set(&mut self, set: Set<'a>) {
        for selection in &set.selections.items {
            self.directives(selection.node.directives());
            match &selection.node {
                Selection::Field(field) => self.field(set.parent, &field.node),
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
            self.directives(&fragment.node.directives);
            self.set(Set { parent, selections: &fragment.node.selection_set.node });
        }
    }

    fn field(&mut self, parent: Option<&str>, field: &'a Field) {
        let types = self.types;
        let declared = parent.and_then(|parent| types.field(parent, &field.name.node));
        for (name, value) in &field.arguments {
            if let Some(input) = declared.and_then(|declared| declared.arguments.get(name.node.as_str())) {
                let constant = value
                    .node
                    .clone()
                    .into_const_with(|name| Ok::<_, Infallible>(marked(&name)))
                    .unwrap_or_default();
                self.value(input, &constant, value.pos);
            }
        }
        let parent = declared.map(|declared| named(&declared.ty));
        self.set(Set { parent, selections: &field.selection_set.node });
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        let condition = Input { ty: non_null_boolean(), has_default: false };
        for directive in directives {
            if matches!(directive.node.name.node.as_str(), "skip" | "include")
                && let Some(value) = directive.node.get_argument("if")
            {
                let constant = value
                    .node
                    .clone()
                    .into_const_with(|name| Ok::<_, Infallible>(marked(&name)))
                    .unwrap_or_default();
                self.value(&condition, &constant, value.pos);
            }
        }
    }

    fn value(&mut self, place: &Input, value: &Value, at: Pos) {
        match value {
            Value::Enum(marked) => {
                if let Some(variable) = marked.strip_prefix('$') {
                    self.variable(place, variable, at);
                }
            }
            Value::List(items) => {
                if let BaseType::List(ty) = &place.ty.base {
                    let item = Input { ty: (**ty).clone(), has_default: false };
                    for value in items {
                        self.value(&item, value, at);
                    }
                }
            }
            Value::Object(object) => {
                let (types, parent) = (self.types, named(&place.ty));
                for (name, value) in object {
                    if let Some(input) = types.input(parent, name) {
                        self.value(input, value, at);
                    }
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, place: &Input, name: &str, at: Pos) {
        let Some(definition) = self.definitions.get(name) else { return };
        let ty = &definition.var_type.node;
        let has_value = definition.default_value.as_ref().is_some_and(|value| value.node != Value::Null);
        let accepts_null = place.ty.nullable || !ty.nullable || has_value || place.has_default;
        if !accepts_null || !items_accept_null(&ty.base, &place.ty.base) {
            let message = format!(
                "variable \"${name}\" of type \"{ty}\" can't stand where \"{}\" is expected",
                place.ty
            );
            self.errors.push(invalid(message, at));
        }
    }
}

/// Whether no null in a list of the variable meets a list that takes none.
fn items_accept_null(variable: &BaseType, place: &BaseType) -> bool {
    match (variable, place) {
        (BaseType::List(variable), BaseType::List(place)) => {
            (place.nullable || !variable.nullable) && items_accept_null(&variable.base, &place.base)
        }
        _ => true,
    }
}

/// A variable as an enum value that begins with `$`, which no document can write.
fn marked(variable: &Name) -> Value {
    Value::Enum(Name::new(format!("${variable}")))
}

fn non_null_boolean() -> Type {
    Type { base: BaseType::Named(Name::new("Boolean")), nullable: false }
}
