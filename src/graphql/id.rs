//! Ids as clients write them: typed by their prefix.
//!
//! An id is opaque to a client, so a malformed one is no syntax error: it names nothing, like an id that was deleted.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::registry::Registry;
use async_graphql::{ID, InputType, InputValueError, InputValueResult, Value};
use entity::id::PublicId;

/// A type of object that has outside ids.
pub trait Identified: 'static {
    /// What its ids begin with.
    const PREFIX: &'static str;
}

/// An argument of type `ID!` that names a `T`.
pub struct Id<T>(PublicId, PhantomData<fn() -> T>);

impl<T: Identified> Id<T> {
    /// The id of a `T` in `text`; one that names nothing when `text` is not such an id.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let id = if is_id_of(T::PREFIX, text) { text.to_owned() } else { format!("{}_", T::PREFIX) };
        Self(PublicId(id), PhantomData)
    }
}

impl<T> Id<T> {
    /// The outside id.
    #[must_use]
    pub fn public(&self) -> &PublicId {
        &self.0
    }

    /// The outside id.
    #[must_use]
    pub fn into_public(self) -> PublicId {
        self.0
    }
}

/// An id of any type; an empty one, which names nothing, when `text` is no id.
#[must_use]
pub fn any(text: &str) -> PublicId {
    let prefix = text.split('_').next().unwrap_or_default();
    PublicId(if is_id_of(prefix, text) { text.to_owned() } else { String::new() })
}

/// The outside ids of a list.
#[must_use]
pub fn publics<T>(ids: Vec<Id<T>>) -> Vec<PublicId> {
    ids.into_iter().map(Id::into_public).collect()
}

/// An outside id as a field shows it.
#[must_use]
pub fn shown(id: &PublicId) -> ID {
    ID(id.0.clone())
}

/// The form of [`PublicId::new`]: prefix, `_`, 32 digits of lower-case hex.
fn is_id_of(prefix: &str, text: &str) -> bool {
    let random = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    random.is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

impl<T: Identified> InputType for Id<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let id = <ID as InputType>::parse(value).map_err(InputValueError::propagate)?;
        Ok(Self::parse(&id))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.0.clone())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;

    impl Identified for Thing {
        const PREFIX: &'static str = "hst";
    }

    #[test]
    fn a_well_formed_id_is_kept() {
        let id = PublicId::new("hst", 0xabc);
        assert_eq!(Id::<Thing>::parse(&id.0).into_public(), id);
    }

    #[test]
    fn anything_else_names_nothing() {
        let upper = PublicId::new("hst", 0xabc).0.to_uppercase();
        let long = format!("{}0", PublicId::new("hst", 1));
        let foreign = PublicId::new("tem", 1).0;
        for text in ["", "hst", "hst_", "hst_\0", "nonsense", &upper, &long, &foreign] {
            assert_eq!(Id::<Thing>::parse(text).public().0, "hst_", "{text:?}");
        }
    }

    #[test]
    fn an_id_of_any_type_has_the_same_form() {
        let id = PublicId::new("tem", 5);
        assert_eq!(any(&id.0), id);
        assert_eq!(any("tem_5"), PublicId(String::new()));
    }

    #[test]
    fn a_number_is_an_id_that_names_nothing() {
        let id = <Id<Thing> as InputType>::parse(Some(Value::from(7))).map(Id::into_public);
        assert_eq!(id.ok(), Some(PublicId("hst_".to_owned())));
    }
}
