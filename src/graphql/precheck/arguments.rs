//! What stands in an argument fits its type: values that are written out, and variables by their declared type.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, Type, VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Value as ConstValue};
use async_graphql_value::Value;

use super::fields::{Fragments, Set};
use super::refusal::invalid;
use super::types::{Input, Types, named};
use super::values::{self, Origin};

/// Checks all operations of a document; what several reach through one fragment is told once.
#[must_use]
pub fn check(types: &Types, document: &ExecutableDocument) -> Vec<ServerError> {
    let operations = document.operations.iter();
    let mut errors: Vec<_> = operations
        .flat_map(|(_, operation)| of_operation(types, &document.fragments, &operation.node))
        .collect();
    let key =
        |error: &ServerError| (error.locations.first().map(|at| (at.line, at.column)), error.message.clone());
    errors.sort_by_key(key);
    errors.dedup_by_key(|error| key(error));
    errors
}

fn of_operation(types: &Types, fragments: &Fragments, operation: &OperationDefinition) -> Vec<ServerError> {
    let definitions =
        operation.variable_definitions.iter().map(|d| (d.node.name.node.as_str(), &d.node)).collect();
    let mut usages = Usages { types, fragments, definitions, visited: HashSet::new(), errors: Vec::new() };
    usages.defaults(&operation.variable_definitions);
    usages.directives(&operation.directives);
    usages.set(Set { parent: types.root(operation.ty), selections: &operation.selection_set.node });
    usages.errors
}

struct Usages<'a> {
    types: &'a Types,
    fragments: &'a Fragments,
    definitions: HashMap<&'a str, &'a VariableDefinition>,
    visited: HashSet<&'a str>,
    errors: Vec<ServerError>,
}

impl<'a> Usages<'a> {
    fn defaults(&mut self, definitions: &[Positioned<VariableDefinition>]) {
        for definition in definitions {
            if let Some(default) = &definition.node.default_value {
                let value = default.node.clone().into_value();
                self.literal(&definition.node.var_type.node, &value, default.pos);
            }
        }
    }

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

    fn field(&mut self, parent: Option<&'a str>, field: &'a Field) {
        let types = self.types;
        let declared = parent.and_then(|parent| types.field(parent, &field.name.node));
        for (name, value) in &field.arguments {
            if let Some(input) = declared.and_then(|declared| declared.arguments.get(name.node.as_str())) {
                self.argument(input, &value.node, value.pos);
            }
        }
        let parent = declared.map(|declared| named(&declared.ty));
        self.set(Set { parent, selections: &field.selection_set.node });
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        let condition = Input { ty: non_null_boolean(), default: None };
        for directive in directives {
            if matches!(directive.node.name.node.as_str(), "skip" | "include")
                && let Some(value) = directive.node.get_argument("if")
            {
                self.argument(&condition, &value.node, value.pos);
            }
        }
    }

    fn argument(&mut self, input: &Input, value: &Value, at: Pos) {
        self.literal(&input.ty, value, at);
        self.variables(input, value, at);
    }

    fn literal(&mut self, ty: &Type, value: &Value, at: Pos) {
        if let Err(misfit) = values::check(self.types, ty, value, Origin::Document) {
            self.errors.push(invalid(misfit.message, at));
        }
    }

    /// The variables in a value.
    fn variables(&mut self, place: &Input, value: &Value, at: Pos) {
        match value {
            Value::Variable(name) => self.variable(place, name, at),
            Value::List(items) => {
                if let BaseType::List(ty) = &place.ty.base {
                    let item = Input { ty: (**ty).clone(), default: None };
                    for value in items {
                        self.variables(&item, value, at);
                    }
                }
            }
            Value::Object(object) => {
                let Some(declared) = self.types.input(named(&place.ty)) else { return };
                for (name, value) in object {
                    let Some(input) = declared.fields.get(name.as_str()) else { continue };
                    if declared.is_one_of {
                        // The one field is not null, though it need not be given.
                        let ty = Type { nullable: false, ..input.ty.clone() };
                        self.variables(&Input { ty, default: None }, value, at);
                    } else {
                        self.variables(input, value, at);
                    }
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, place: &Input, name: &str, at: Pos) {
        let Some(definition) = self.definitions.get(name) else { return };
        let ty = &definition.var_type.node;
        let has_value = definition.default_value.as_ref().is_some_and(|value| value.node != ConstValue::Null);
        if !values::may_stand(ty, &place.ty, has_value, place.default.is_some()) {
            let message = format!(
                "variable \"${name}\" of type \"{ty}\" can't stand where \"{}\" is expected",
                place.ty
            );
            self.errors.push(invalid(message, at));
        }
    }
}

fn non_null_boolean() -> Type {
    Type { base: BaseType::Named(Name::new("Boolean")), nullable: false }
}
