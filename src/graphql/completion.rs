//! Answers as the specification has them: null where an error was, and the keys in the order of the document.
//!
//! The library leaves the key of a field that failed out of its object, and an object with no key left becomes null.
//! Its error paths are right, so each is walked: the key comes back with null, and a null where the schema says
//! non-null moves up to the nearest nullable ancestor. Errors come in the order of the document; what an earlier one
//! took along had not been executed, so that later errors in it are not told.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, Response, ServerError, Value};

use super::plan::shape::{Nulls, Shape};

/// Puts null where an error was, or at the nearest nullable ancestor, and every key in its place.
pub fn complete(shape: &Shape, response: &mut Response) {
    if response.errors.iter().any(|error| !error.path.is_empty()) {
        place_nulls(shape, response);
    }
    shape.arrange(&mut response.data);
}

fn place_nulls(shape: &Shape, response: &mut Response) {
    let Response { data, errors, .. } = response;
    let reached: Vec<_> = errors.iter().map(|error| restore(data, &error.path)).collect();
    let located = errors.drain(..).zip(reached).map(|(error, reached)| {
        let place = Place::of(shape, data, &error.path[..reached]);
        (error, place)
    });
    let mut located: Vec<(ServerError, Place)> = located.collect();
    located.sort_by(|(_, left), (_, right)| left.order.cmp(&right.order));
    let told = located.into_iter().filter(|(error, place)| place.set_null(data, &error.path));
    errors.extend(told.map(|(error, _)| error).collect::<Vec<_>>());
}

/// Where an error is.
#[derive(Debug, Default)]
struct Place {
    /// For each segment of its path, where that stands among its siblings.
    order: Vec<usize>,
    /// For each segment, whether null may stand there.
    nullable: Vec<bool>,
}

impl Place {
    /// Follows a path through the shape; what that does not know comes last and may be null.
    fn of(shape: &Shape, data: &Value, path: &[PathSegment]) -> Self {
        let mut place = Self::default();
        let (mut value, mut below, mut nulls, mut lists) = (Some(data), Some(shape), Nulls::of(None), 0);
        for segment in path {
            match (segment, value) {
                (PathSegment::Index(index), _) => {
                    lists += 1;
                    place.order.push(*index);
                    value = value.and_then(|value| item(value, *index));
                }
                (PathSegment::Field(key), Some(Value::Object(object))) => {
                    let fields = below.map_or(&[][..], |shape| shape.fields(object));
                    let at = fields.iter().position(|field| field.key == *key);
                    place.order.push(at.unwrap_or(usize::MAX));
                    (below, nulls) =
                        at.map_or((None, Nulls::of(None)), |at| (Some(&fields[at].below), fields[at].nulls));
                    (value, lists) = (object.get(key.as_str()), 0);
                }
                (PathSegment::Field(_), _) => (value, below) = (None, None),
            }
            place.nullable.push(nulls.allow(lists));
        }
        place
    }

    /// Sets the null that the error at this path leaves; false when an earlier one had taken that place along.
    fn set_null(&self, data: &mut Value, path: &[PathSegment]) -> bool {
        if self.nullable.is_empty() {
            return true;
        }
        let last = self.nullable.iter().rposition(|nullable| *nullable);
        let moved = last.is_none_or(|last| last + 1 < self.nullable.len());
        let Some(target) = reach(data, &path[..last.map_or(0, |last| last + 1)]) else { return false };
        if moved && *target == Value::Null {
            return false;
        }
        *target = Value::Null;
        true
    }
}

fn item(list: &Value, index: usize) -> Option<&Value> {
    match list {
        Value::List(items) => items.get(index),
        _ => None,
    }
}

/// What a path leads to; none when something above it is null.
fn reach<'a>(mut value: &'a mut Value, path: &[PathSegment]) -> Option<&'a mut Value> {
    for segment in path {
        value = match (segment, value) {
            (PathSegment::Field(key), Value::Object(object)) => object.get_mut(key.as_str())?,
            (PathSegment::Index(index), Value::List(items)) => items.get_mut(*index)?,
            _ => return None,
        };
    }
    Some(value)
}

/// Brings back what the library left out along a path: objects that lost all their keys, and null for the key that
/// failed. Answers how many segments of the path lead to that null; a list that failed as a whole ends it earlier.
fn restore(value: &mut Value, path: &[PathSegment]) -> usize {
    match path.split_first() {
        None => 0,
        Some((PathSegment::Field(key), rest)) => {
            if *value == Value::Null {
                *value = Value::Object(IndexMap::new());
            }
            let Value::Object(object) = value else { return 0 };
            1 + restore(object.entry(Name::new(key)).or_insert(Value::Null), rest)
        }
        Some((PathSegment::Index(index), rest)) => match value {
            Value::List(items) => items.get_mut(*index).map_or(0, |item| 1 + restore(item, rest)),
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests;
