//! The shape of an answer: which keys an object has, in which order, and where null may stand.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Type};
use async_graphql::{Name, Value};

/// The key under which an object tells its type where that is needed: its shape depends on it, or it could be left
/// without a key, which the library answers as null. No document can ask for it.
pub const TYPE_KEY: &str = "*";

/// The keys of an object; none for a value that is no object.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    fields: Vec<FieldShape>,
    /// Whether the object tells its type.
    tells_type: bool,
    by_type: Option<HashMap<String, Shape>>,
}

/// What stands under one key.
#[derive(Clone, Debug)]
pub struct FieldShape {
    /// The key.
    pub key: Name,
    /// Where null may stand.
    pub nulls: Nulls,
    /// The shape of the objects there.
    pub below: Shape,
}

/// Whether null is allowed for a value, for the items of its list, and so on inwards: a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nulls(u32);

impl Nulls {
    /// Of a declared type; what the schema does not know may be null.
    #[must_use]
    pub fn of(ty: Option<&Type>) -> Self {
        let (mut bits, mut next, mut bit) = (u32::MAX, ty, 1u32);
        while let Some(ty) = next {
            if !ty.nullable {
                bits &= !bit;
            }
            bit = bit.checked_shl(1).unwrap_or_default();
            next = match &ty.base {
                BaseType::List(item) => Some(item),
                BaseType::Named(_) => None,
            };
        }
        Self(bits)
    }

    /// Whether null is allowed inside so many lists.
    #[must_use]
    pub fn allow(self, lists: u32) -> bool {
        self.0.checked_shr(lists).is_none_or(|bits| bits & 1 == 1)
    }
}

impl Shape {
    /// The shape of an object with these keys, or with some of them.
    #[must_use]
    pub fn of_fields(fields: Vec<FieldShape>) -> Self {
        Self { fields, tells_type: false, by_type: None }
    }

    /// The shape of an object with these keys, or with some of them, that tells its type besides.
    #[must_use]
    pub fn of_telling(fields: Vec<FieldShape>) -> Self {
        Self { fields, tells_type: true, by_type: None }
    }

    /// The shape of an object that tells its type under [`TYPE_KEY`].
    #[must_use]
    pub fn by_type(shapes: HashMap<String, Shape>) -> Self {
        Self { fields: Vec::new(), tells_type: true, by_type: Some(shapes) }
    }

    /// Its keys, where they do not depend on a type.
    #[must_use]
    pub fn into_fields(self) -> Vec<FieldShape> {
        self.fields
    }

    /// The shape below a key of an object whose keys do not depend on its type.
    #[must_use]
    pub fn below(&self, key: &str) -> Option<&Self> {
        self.fields.iter().find(|field| field.key == *key).map(|field| &field.below)
    }

    /// The fields of an object of this shape.
    #[must_use]
    pub fn fields(&self, object: &IndexMap<Name, Value>) -> &[FieldShape] {
        match &self.by_type {
            None => &self.fields,
            Some(shapes) => match object.get(TYPE_KEY) {
                Some(Value::String(name)) => shapes.get(name).map_or(&[], |shape| &shape.fields),
                _ => &[],
            },
        }
    }

    /// Brings the keys of all objects of a value into their order.
    ///
    /// The library adds a key when its value is ready, so most objects are in order: that is a comparison for each key.
    pub fn arrange(&self, value: &mut Value) {
        match value {
            Value::List(items) => items.iter_mut().for_each(|item| self.arrange(item)),
            Value::Object(object) if self.has_keys() => {
                let fields = self.fields(object);
                if self.tells_type {
                    object.shift_remove(TYPE_KEY);
                }
                if !in_order(object, fields) {
                    let mut left = std::mem::take(object);
                    let mut take = |field: &FieldShape| left.swap_remove_entry(field.key.as_str());
                    object.extend(fields.iter().filter_map(&mut take));
                    object.extend(left);
                }
                arrange_below(object, fields);
            }
            _ => {}
        }
    }

    fn has_keys(&self) -> bool {
        self.tells_type || !self.fields.is_empty()
    }
}

/// Whether the keys of an object follow one another as the fields do; some may be absent.
fn in_order(object: &IndexMap<Name, Value>, fields: &[FieldShape]) -> bool {
    let mut keys = object.keys().peekable();
    for field in fields {
        keys.next_if(|key| **key == field.key);
    }
    keys.next().is_none()
}

/// Arranges what is below an object that is in order.
fn arrange_below(object: &mut IndexMap<Name, Value>, fields: &[FieldShape]) {
    let mut fields = fields.iter();
    for (key, value) in object {
        if let Some(field) = fields.find(|field| field.key == *key)
            && field.below.has_keys()
        {
            field.below.arrange(value);
        }
    }
}
