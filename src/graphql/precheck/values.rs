//! Whether a value fits its declared type.

use async_graphql::Number;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Type};
use async_graphql::{Name, PathSegment};
use async_graphql_value::Value;

use super::types::{Types, named};

/// Where a value comes from; an enum is a word in a document and a string in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The text of a document.
    Document,
    /// The variables of a request.
    Json,
}

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the value.
    pub path: Vec<PathSegment>,
    /// For people.
    pub message: String,
}

/// Finds the first part of a value that does not fit `ty`. Variables and scalars of our own are not judged.
///
/// # Errors
/// The misfit.
pub fn check(types: &Types, ty: &Type, value: &Value, origin: Origin) -> Result<(), Misfit> {
    Check { types, origin, path: Vec::new() }.value(ty, value)
}

struct Check<'a> {
    types: &'a Types,
    origin: Origin,
    path: Vec<PathSegment>,
}

/// What a value is, for people; not what it holds, which may be a password in the wrong place.
fn kind(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::String(_) => "a string".to_owned(),
        other => other.to_string(),
    }
}

impl Check<'_> {
    fn value(&mut self, ty: &Type, value: &Value) -> Result<(), Misfit> {
        match (value, &ty.base) {
            (Value::Variable(_), _) => Ok(()),
            (Value::Null, _) if ty.nullable => Ok(()),
            (Value::Null, _) => Err(self.misfit(format!("expected \"{ty}\", found null"))),
            (Value::List(items), BaseType::List(item)) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| self.inside(PathSegment::Index(index), item, value)),
            // A single value stands for a list of it.
            (value, BaseType::List(item)) => self.value(item, value),
            (value, BaseType::Named(name)) => self.named(name, value),
        }
    }

    fn inside(&mut self, segment: PathSegment, ty: &Type, value: &Value) -> Result<(), Misfit> {
        self.path.push(segment);
        self.value(ty, value)?;
        self.path.pop();
        Ok(())
    }

    fn named(&mut self, name: &str, value: &Value) -> Result<(), Misfit> {
        let fits = match name {
            "Int" => matches!(value, Value::Number(number) if is_int(number)),
            "Float" => matches!(value, Value::Number(_)),
            "String" => matches!(value, Value::String(_)),
            "Boolean" => matches!(value, Value::Boolean(_)),
            "ID" => match value {
                Value::Number(number) => number.is_i64() || number.is_u64(),
                value => matches!(value, Value::String(_)),
            },
            _ => return self.declared(name, value),
        };
        if fits { Ok(()) } else { Err(self.misfit(format!("expected \"{name}\", found {}", kind(value)))) }
    }

    fn declared(&mut self, name: &str, value: &Value) -> Result<(), Misfit> {
        if let Some(values) = self.types.enum_values(name) {
            let word = match (value, self.origin) {
                (Value::Enum(word), _) => Some(word.as_str()),
                (Value::String(word), Origin::Json) => Some(word.as_str()),
                _ => None,
            };
            let fits = word.is_some_and(|word| values.contains(word));
            return if fits {
                Ok(())
            } else {
                Err(self.misfit(format!("expected a value of \"{name}\", found {value}")))
            };
        }
        match (self.types.input(name), value) {
            (None, _) => Ok(()),
            (Some(_), Value::Object(object)) => self.object(name, object),
            (Some(_), value) => Err(self.misfit(format!("expected \"{name}\", found {}", kind(value)))),
        }
    }

    fn object(&mut self, name: &str, object: &IndexMap<Name, Value>) -> Result<(), Misfit> {
        let Some(declared) = self.types.input(name) else { return Ok(()) };
        for (field, value) in object {
            let Some(input) = declared.fields.get(field.as_str()) else {
                return Err(self.misfit(format!("\"{name}\" has no field \"{field}\"")));
            };
            self.inside(PathSegment::Field(field.to_string()), &input.ty, value)?;
        }
        let mut missing: Vec<_> = declared.fields.iter().filter(|(_, input)| input.is_required()).collect();
        missing.retain(|(field, _)| !object.contains_key(field.as_str()));
        if let Some((field, _)) = missing.iter().min_by_key(|(field, _)| field.as_str()) {
            return Err(self.misfit(format!("\"{name}\" needs the field \"{field}\"")));
        }
        if declared.is_one_of && (object.len() != 1 || object.values().any(|value| *value == Value::Null)) {
            return Err(self.misfit(format!("\"{name}\" takes exactly one field, and not null")));
        }
        Ok(())
    }

    fn misfit(&self, message: String) -> Misfit {
        Misfit { path: self.path.clone(), message }
    }
}

/// Whether a number is a 32-bit integer.
fn is_int(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

/// Whether a variable of one type may stand where another is expected; `has_value` and `has_default` say that null
/// never comes, or is not passed on.
#[must_use]
pub fn may_stand(variable: &Type, place: &Type, has_value: bool, has_default: bool) -> bool {
    let null_fits = place.nullable || !variable.nullable || has_value || has_default;
    null_fits && base_fits(&variable.base, &place.base) && named(variable) == named(place)
}

fn base_fits(variable: &BaseType, place: &BaseType) -> bool {
    match (variable, place) {
        (BaseType::List(variable), BaseType::List(place)) => {
            (place.nullable || !variable.nullable) && base_fits(&variable.base, &place.base)
        }
        (BaseType::Named(_), BaseType::Named(_)) => true,
        _ => false,
    }
}
