//! A field may be asked for under a bounded number of names in one place.

use std::collections::{HashMap, HashSet};

use async_graphql::ServerError;
use async_graphql::parser::types::ExecutableDocument;

use super::fields::{Set, collect, each_set};
use super::refusal::invalid;

/// Refuses a selection set, fragments written out, that names one field by more than `limit` aliases.
#[must_use]
pub fn check(document: &ExecutableDocument, limit: usize) -> Option<ServerError> {
    let mut refused = None;
    each_set(document, &mut |selections| {
        let mut aliases = HashMap::<&str, HashSet<&str>>::new();
        for selected in collect(&document.fragments, &[Set { parent: None, selections }]) {
            let Some(alias) = &selected.field.node.alias else { continue };
            let name = selected.field.node.name.node.as_str();
            let of_field = aliases.entry(name).or_default();
            of_field.insert(alias.node.as_str());
            if of_field.len() > limit && refused.is_none() {
                refused = Some(invalid(format!("field \"{name}\" has more than {limit} aliases"), alias.pos));
            }
        }
    });
    refused
}
