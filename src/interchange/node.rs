//! A text as a tree, each value with its place: what JSON and YAML have in common.

use serde_json::{Map, Number};

use super::place::{At, Place};

/// A value and its place.
pub type Node = At<Value>;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object: members in the order of the text, no name twice.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: At<String>,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// The members, if it is an object.
    #[must_use]
    pub fn members(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items, if it is a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A member of this name that is not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        let found = self.members()?.iter().find(|member| member.name.value == name)?;
        (found.node.value != Value::Null).then_some(&found.node)
    }

    /// What it is, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// Values in it, itself counted.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Object(members) => members.iter().map(|member| member.node.size()).sum(),
            _ => 0,
        }
    }

    /// The place of what a path of members names, or of what is nearest to it. Names may have dots.
    #[must_use]
    pub fn place_of(&self, path: &str) -> &Place {
        for member in self.members().unwrap_or_default() {
            let Some(rest) = path.strip_prefix(member.name.value.as_str()) else { continue };
            match rest.strip_prefix('.') {
                Some(rest) if member.node.members().is_some() => {
                    let found = member.node.place_of(rest);
                    return if *found == member.node.place { &member.name.place } else { found };
                }
                Some(_) => return &member.name.place,
                None if rest.is_empty() => return &member.name.place,
                None => {}
            }
        }
        &self.place
    }

    /// The same without places.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(digits) => number(digits).map_or_else(|| digits.as_str().into(), Into::into),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Object(members) => {
                let pair = |member: &Member| (member.name.value.clone(), member.node.to_json());
                members.iter().map(pair).collect::<Map<_, _>>().into()
            }
        }
    }

    /// A tree, all of whose values are said to stand at `place`.
    #[must_use]
    pub fn of_json(place: &Place, json: &serde_json::Value) -> Self {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(*flag),
            serde_json::Value::Number(number) => Value::Number(number.to_string()),
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(|item| Self::of_json(place, item)).collect())
            }
            serde_json::Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| Member {
                        name: At::new(place.clone(), name.clone()),
                        node: Self::of_json(place, value),
                    })
                    .collect(),
            ),
        };
        Self::new(place.clone(), value)
    }
}

/// The number that digits say.
fn number(digits: &str) -> Option<Number> {
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return Some(whole.into());
    }
    digits.parse::<f64>().ok().and_then(Number::from_f64)
}
