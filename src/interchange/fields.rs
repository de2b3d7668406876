//! The members of an object, read leniently: a word for a number, a number for a text, `"true"` for true, each as the
//! tools take them.

use std::collections::BTreeSet;

use super::node::{Node, Value};
use super::place::{At, Notes, Place};

/// The members of an object, and which of them were asked for.
pub(super) struct Fields<'a> {
    node: &'a Node,
    asked: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    /// The members of `node`; none, and an error, when it is no object.
    pub(super) fn of(node: &'a Node, what: &str, notes: &mut Notes) -> Option<Self> {
        if node.members().is_none() {
            notes.error(&node.place, format!("{what} must be an object, not {}", node.kind()));
            return None;
        }
        Some(Self { node, asked: BTreeSet::new() })
    }

    /// Where the object stands.
    pub(super) fn place(&self) -> &'a Place {
        &self.node.place
    }

    /// The value of a member that is not null.
    pub(super) fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        self.asked.insert(name);
        self.node.get(name)
    }

    /// A text; a number or truth is taken as it is written. What is empty is none.
    pub(super) fn text(&mut self, name: &'static str, notes: &mut Notes) -> Option<At<String>> {
        let node = self.node(name)?;
        let text = text_of(node);
        if text.is_none() {
            notes.error(&node.place, format!("`{name}` must be a text, not {}", node.kind()));
        }
        text.filter(|text| !text.value.trim().is_empty())
    }

    /// A text that says what something is for, as it is written.
    pub(super) fn words(&mut self, name: &'static str, notes: &mut Notes) -> Option<String> {
        let node = self.node(name)?;
        let words = text_of(node).map(|text| text.value);
        if words.is_none() {
            notes.error(&node.place, format!("`{name}` must be a text, not {}", node.kind()));
        }
        words.filter(|words| !words.is_empty())
    }

    /// A truth, as osquery reads it: `"t"` and `"true"` in any case, and numbers that are not 0, are true.
    pub(super) fn truth(&mut self, name: &'static str, notes: &mut Notes) -> Option<bool> {
        let node = self.node(name)?;
        match &node.value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(digits) => Some(digits.parse::<f64>().is_ok_and(|number| number != 0.0)),
            Value::Text(word) => match word.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "on" | "1" => Some(true),
                "false" | "f" | "no" | "off" | "0" | "" => Some(false),
                _ => {
                    notes.error(&node.place, format!("`{name}` must be true or false, not `{word}`"));
                    None
                }
            },
            _ => {
                notes.error(&node.place, format!("`{name}` must be true or false, not {}", node.kind()));
                None
            }
        }
    }

    /// A whole number, perhaps as a text.
    pub(super) fn integer(&mut self, name: &'static str, notes: &mut Notes) -> Option<At<i64>> {
        let node = self.node(name)?;
        let (Value::Number(digits) | Value::Text(digits)) = &node.value else {
            notes.error(&node.place, format!("`{name}` must be a whole number, not {}", node.kind()));
            return None;
        };
        let digits = digits.trim();
        // Only a fraction that is none, as in `60.0`: an agent would misread it, people would not.
        let whole = digits.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'));
        let number = whole.map_or(digits, |(whole, _)| whole).parse().ok();
        let Some(number) = number else {
            notes.error(&node.place, format!("`{name}` must be a whole number, not `{digits}`"));
            return None;
        };
        if whole.is_some() {
            notes.warn(
                &node.place,
                format!("`{name}` is `{digits}`, which agents misread: taken as {number}"),
            );
        }
        Some(At::new(node.place.clone(), number))
    }

    /// A list of texts; one text alone is a list of one.
    pub(super) fn texts(&mut self, name: &'static str, notes: &mut Notes) -> Vec<At<String>> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        let mut texts = Vec::new();
        for item in items {
            match text_of(item) {
                Some(text) => texts.push(text),
                None => notes.error(&item.place, format!("`{name}` must have texts, not {}", item.kind())),
            }
        }
        texts
    }

    /// Warns of every member that nobody asked for, but of those in `silent`.
    pub(super) fn warn_of_rest(self, silent: &[&str], notes: &mut Notes) {
        for member in self.node.members().unwrap_or_default() {
            let name = member.name.value.as_str();
            if !self.asked.contains(name) && !silent.contains(&name) && member.node.value != Value::Null {
                notes.warn(&member.name.place, format!("`{name}` has no meaning here and is left out"));
            }
        }
    }
}

/// The text of a value that is one, or can be read as one.
pub(super) fn text_of(node: &Node) -> Option<At<String>> {
    let text = match &node.value {
        Value::Text(text) | Value::Number(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    Some(At::new(node.place.clone(), text))
}
