//! The committed schema, read for tests that go through all of it.

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

/// The types of the schema, by name.
pub struct Schema(HashMap<String, TypeDefinition>);

impl Schema {
    /// Reads the committed one.
    pub fn read() -> Self {
        let document = parse_schema(include_str!("../../../schema.graphql")).expect("the schema reads");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node)),
            _ => None,
        });
        Self(types.collect())
    }

    /// A type that is there.
    pub fn ty(&self, name: &str) -> &TypeDefinition {
        &self.0[name]
    }

    /// The names of all types, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names: std::collections::BTreeSet<_> = self.0.keys().map(String::as_str).collect();
        names.into_iter()
    }

    /// What a type is.
    pub fn kind(&self, name: &str) -> Option<&TypeKind> {
        self.0.get(name).map(|ty| &ty.kind)
    }

    /// The fields of an object or interface.
    pub fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        match self.kind(name) {
            Some(TypeKind::Object(object)) => object.fields.iter().map(|field| &field.node).collect(),
            Some(TypeKind::Interface(interface)) => {
                interface.fields.iter().map(|field| &field.node).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The objects of an interface.
    pub fn objects(&self, interface: &str) -> Vec<&str> {
        let is_one = |ty: &&TypeDefinition| match &ty.kind {
            TypeKind::Object(object) => object.implements.iter().any(|one| one.node == interface),
            _ => false,
        };
        let mut names: Vec<_> = self.0.values().filter(is_one).map(|ty| ty.name.node.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Whether a type has fields.
    pub fn is_composite(&self, name: &str) -> bool {
        matches!(self.kind(name), Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_)))
    }
}

/// The type in lists and in non-null.
pub fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}
