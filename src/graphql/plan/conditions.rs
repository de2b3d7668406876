//! What the variables of a request decide before it is executed.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, OperationDefinition};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

/// The variables of an operation that have a value: given, or by default.
#[derive(Debug)]
pub struct Given<'a>(HashMap<&'a str, &'a ConstValue>);

impl<'a> Given<'a> {
    /// The values of a request.
    #[must_use]
    pub fn new(operation: &'a OperationDefinition, variables: &'a Variables) -> Self {
        let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
        let value = |name: &Name, default: Option<&'a Positioned<ConstValue>>| {
            variables.get(name).or(default.map(|default| &default.node))
        };
        let given = definitions.filter_map(|definition| {
            let name = &definition.name.node;
            value(name, definition.default_value.as_ref()).map(|value| (name.as_str(), value))
        });
        Self(given.collect())
    }

    /// Whether `@skip` or `@include` leaves a selection out.
    #[must_use]
    pub fn is_skipped(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let condition = directive.node.get_argument("if").map(|value| &value.node);
            match directive.node.name.node.as_str() {
                "skip" => self.is_true(condition),
                "include" => !self.is_true(condition),
                _ => false,
            }
        })
    }

    fn is_true(&self, condition: Option<&Value>) -> bool {
        match condition {
            Some(Value::Boolean(condition)) => *condition,
            Some(Value::Variable(name)) => self.0.get(name.as_str()) == Some(&&ConstValue::Boolean(true)),
            _ => false,
        }
    }

    /// Arguments without those whose variable has no value: for them the field's own default counts.
    #[must_use]
    pub fn arguments(
        &self,
        arguments: &[(Positioned<Name>, Positioned<Value>)],
    ) -> Vec<(Positioned<Name>, Positioned<Value>)> {
        let present = |(name, value): &(Positioned<Name>, Positioned<Value>)| {
            self.value(&value.node).map(|inner| (name.clone(), Positioned::new(inner, value.pos)))
        };
        arguments.iter().filter_map(present).collect()
    }

    /// The value of an argument that is no list or object; none where a variable has none, or it is null.
    #[must_use]
    pub fn constant(&self, value: &Value) -> Option<ConstValue> {
        match value {
            Value::Variable(name) => self.0.get(name.as_str()).map(|value| (*value).clone()),
            value => value.clone().into_const(),
        }
        .filter(|value| *value != ConstValue::Null)
    }

    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Variable(name) if !self.0.contains_key(name.as_str()) => None,
            Value::List(items) => {
                Some(Value::List(items.iter().map(|item| self.value(item).unwrap_or_default()).collect()))
            }
            Value::Object(fields) => {
                let present =
                    |(name, value): (&Name, &Value)| self.value(value).map(|value| (name.clone(), value));
                Some(Value::Object(fields.iter().filter_map(present).collect()))
            }
            value => Some(value.clone()),
        }
    }
}
