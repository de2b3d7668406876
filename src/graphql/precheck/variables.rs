//! The variables of a request: those that are required are given, and all fit their types.

use async_graphql::parser::types::{OperationDefinition, VariableDefinition};
use async_graphql::{PathSegment, Positioned, ServerError, Value, Variables};

use super::refusal::{BAD_USER_INPUT, refusal};
use super::types::Types;
use super::values::{self, Misfit, Origin};

/// Finds variables that must be given and were not, or that do not fit.
#[must_use]
pub fn check(types: &Types, operation: &OperationDefinition, given: &Variables) -> Vec<ServerError> {
    let definitions = operation.variable_definitions.iter();
    definitions.filter_map(|definition| check_one(types, definition, given).err()).collect()
}

fn check_one(
    types: &Types,
    definition: &Positioned<VariableDefinition>,
    given: &Variables,
) -> Result<(), ServerError> {
    let VariableDefinition { name, var_type, default_value, .. } = &definition.node;
    let (name, ty) = (&name.node, &var_type.node);
    let refused = |message: String| refusal(BAD_USER_INPUT, message, Some(definition.pos));
    match given.get(name) {
        None if ty.nullable || default_value.is_some() => Ok(()),
        None => Err(refused(format!("variable \"${name}\" of type \"{ty}\" needs a value"))),
        Some(Value::Null) if !ty.nullable => {
            Err(refused(format!("variable \"${name}\" of type \"{ty}\" needs a value other than null")))
        }
        Some(value) => {
            let value = value.clone().into_value();
            values::check(types, ty, &value, Origin::Json)
                .map_err(|misfit| refused(format!("variable \"${name}\"{}", told(&misfit))))
        }
    }
}

fn told(misfit: &Misfit) -> String {
    let path: String = misfit.path.iter().map(segment).collect();
    let mut message = misfit.message.clone();
    if message.len() > 200 {
        message.truncate(message.floor_char_boundary(200));
        message.push('…');
    }
    format!("{path}: {message}")
}

fn segment(segment: &PathSegment) -> String {
    match segment {
        PathSegment::Field(name) => format!(".{name}"),
        PathSegment::Index(index) => format!("[{index}]"),
    }
}
