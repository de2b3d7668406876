//! How large a document is when its fragments are written out, in time linear in its text: a memo per fragment.

use std::collections::HashMap;

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::{Pos, Positioned, ServerError};

use super::fields::Fragments;
use super::refusal::invalid;

/// Selections, spreads and fields inside one another at most, fragments written out: beyond any depth that is allowed,
/// within what the stack holds.
pub const MAX_LEVELS: usize = 64;

/// The size of a selection set with its fragments written out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Fields, inline fragments and spreads.
    pub selections: usize,
    /// Fields inside fields; introspection does not count.
    pub depth: usize,
    /// Lists of introspection inside one another: `fields`, `interfaces`, `possibleTypes`, `inputFields`.
    pub introspection_lists: usize,
    levels: usize,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            depth: self.depth.max(other.depth),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
            levels: self.levels.max(other.levels),
        }
    }

    fn inside_one_more(self) -> Self {
        Self { selections: self.selections.saturating_add(1), levels: self.levels + 1, ..self }
    }
}

/// Measures selection sets of one document.
pub struct Measure<'a> {
    fragments: &'a Fragments,
    /// None while a fragment is being measured.
    known: HashMap<&'a str, Option<Size>>,
    /// Selections looked at.
    walked: usize,
}

impl<'a> Measure<'a> {
    /// Measures with these fragments.
    #[must_use]
    pub fn new(fragments: &'a Fragments) -> Self {
        Self { fragments, known: HashMap::new(), walked: 0 }
    }

    /// The size of an operation's selection set.
    ///
    /// # Errors
    /// When a fragment spreads itself, or when the nesting is beyond anything allowed.
    pub fn operation(&mut self, set: &'a SelectionSet) -> Result<Size, ServerError> {
        self.set(set, MAX_LEVELS)
    }

    fn set(&mut self, set: &'a SelectionSet, levels: usize) -> Result<Size, ServerError> {
        let mut size = Size::default();
        for selection in &set.items {
            self.walked += 1;
            let levels = levels.checked_sub(1).ok_or_else(|| too_deep(selection.pos))?;
            let inner = match &selection.node {
                Selection::Field(field) => self.field(field, levels)?,
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node, levels)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, spread.pos, levels)?
                }
            };
            size = size.beside(inner.inside_one_more());
        }
        Ok(size)
    }

    fn field(&mut self, field: &'a Positioned<Field>, levels: usize) -> Result<Size, ServerError> {
        let mut size = self.set(&field.node.selection_set.node, levels)?;
        match field.node.name.node.as_str() {
            "__schema" | "__type" => size.depth = 1,
            "fields" | "interfaces" | "possibleTypes" | "inputFields" => {
                size.depth += 1;
                size.introspection_lists += 1;
            }
            _ => size.depth += 1,
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &'a str, at: Pos, levels: usize) -> Result<Size, ServerError> {
        match self.known.get(name) {
            Some(Some(size)) if size.levels > levels => return Err(too_deep(at)),
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(invalid(format!("fragment \"{name}\" spreads itself"), at)),
            None => {}
        }
        let Some(fragment) = self.fragments.get(name) else { return Ok(Size::default()) };
        self.known.insert(name, None);
        let size = self.set(&fragment.node.selection_set.node, levels)?;
        self.known.insert(name, Some(size));
        Ok(size)
    }
}

fn too_deep(at: Pos) -> ServerError {
    invalid("the document is nested too deeply", at)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::precheck::types::Types;
    use crate::graphql::precheck::{Limits, check};

    /// Documents of a kilobyte that stand for millions of fields, or for a fragment that is spread again and again: each is
    /// refused after every selection of its text was looked at once, whatever that stands for.
    #[test]
    fn check_19_the_work_is_that_of_the_text() {
        let chain = |width: usize, length: usize| {
            let spreads = |to: usize| format!("...F{to} ").repeat(width);
            let links = (0..length).map(|n| format!("fragment F{n} on Q {{ {}}}", spreads(n + 1)));
            format!("{{ {}}} {} fragment F{length} on Q {{ a }}", spreads(0), links.collect::<String>())
        };
        let nested = format!(
            "{{ a {}{} }} fragment F on Q {{ {} }}",
            "{ ...F a ".repeat(12),
            "}".repeat(12),
            "a { a } ".repeat(40)
        );
        let aliases: String = (0..40).map(|n| format!("b{n}: a {{ ...F }} ")).collect();
        let wide = format!("{{ {aliases} }} fragment F on Q {{ {} }}", "a { a } ".repeat(30));
        for document in [chain(2, 25), chain(4, 15), chain(20, 6), chain(40, 3), nested, wide] {
            assert!(document.len() <= 1_100, "{} bytes: {document}", document.len());
            let parsed = parse_query(&document).expect("it is well formed");
            let mut measure = Measure::new(&parsed.fragments);
            let (_, operation) = parsed.operations.iter().next().expect("it has an operation");
            // Whether it is too deep or too large, it is told by then.
            let _ = measure.operation(&operation.node.selection_set.node);
            let words = document.split([' ', '{', '}', ':']).filter(|word| !word.is_empty()).count();
            assert!(measure.walked <= words, "{} selections for {words} words: {document}", measure.walked);
        }
        let types = Types::from_sdl("type Query { a: Q } type Q { a: Q }").expect("it is well formed");
        let refused = check(&types, &Limits::default(), &chain(2, 25)).expect_err("it is too large");
        assert!(refused[0].message.contains("selects more than"), "{refused:?}");
    }
}
