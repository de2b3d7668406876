//! YAML: documents as trees, with aliases written out and merge keys (`<<`) merged.
//!
//! `granit-parser` gives events with places; it is kept, has no code that is unsafe and two small dependencies. What a
//! plain word means is decided here, as YAML 1.2's core schema has it.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::node::{Member, Node, Value};
use super::place::{At, Notes, Place};
use super::{MAX_DEPTH, MAX_NODES};

/// The characters that a key on one line may have; longer ones are written with `?`.
const MAX_KEY_CHARS: usize = 4_096;

/// Reads every document of a text that is not empty. What is before a mistake is kept.
pub(super) fn parse(file: &Arc<str>, text: &str, notes: &mut Notes) -> Vec<Node> {
    let mut options = granit_parser::options! {
        simple_key_max_lookahead: MAX_KEY_CHARS,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        block_scalar_eof_without_line_feed: true,
    };
    options.set_emit_comments(false);
    let mut composer = Composer { file, notes, anchors: HashMap::new(), nodes: 0, documents: Vec::new() };
    let mut open: Vec<Open> = Vec::new();
    for step in Parser::new_from_str_with_options(text, options) {
        let taken = match step {
            Ok((event, span)) => composer.take(event, composer.place(&span.start), &mut open),
            Err(error) => Err((composer.place(error.marker()), format!("this is no YAML: {}", error.info()))),
        };
        if let Err((place, message)) = taken {
            composer.notes.error(&place, message);
            break;
        }
    }
    composer.documents
}

/// A list or an object whose end was not seen yet.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    /// Members, the names among them, and a key whose value was not seen yet.
    Object(Vec<Member>, HashMap<String, u32>, Option<Node>),
}

struct Composer<'a> {
    file: &'a Arc<str>,
    notes: &'a mut Notes,
    anchors: HashMap<usize, Node>,
    /// Values so far, those that aliases repeat counted each time.
    nodes: usize,
    documents: Vec<Node>,
}

type Taken = Result<(), (Place, String)>;

impl Composer<'_> {
    fn take(&mut self, event: Event<'_>, place: Place, open: &mut Vec<Open>) -> Taken {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, &place)?;
                let node = Node::new(place, scalar(&text, style, tag.as_deref()));
                self.complete(node, anchor, open)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Open { place, anchor, content: Content::List(Vec::new()) }, open)
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Object(Vec::new(), HashMap::new(), None);
                self.begin(Open { place, anchor, content }, open)
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open { place, anchor, content }) => {
                    let value = match content {
                        Content::List(items) => Value::List(items),
                        Content::Object(members, ..) => Value::Object(members),
                    };
                    self.complete(Node::new(place, value), anchor, open)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err((place, "an alias may not stand within what it names".to_owned()));
                };
                let (size, value) = (node.size(), node.value.clone());
                self.count(size, &place)?;
                self.complete(Node::new(place, value), 0, open)
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, begun: Open, open: &mut Vec<Open>) -> Taken {
        self.count(1, &begun.place)?;
        if open.len() >= MAX_DEPTH {
            return Err((begun.place, format!("the document nests more than {MAX_DEPTH} deep")));
        }
        open.push(begun);
        Ok(())
    }

    fn count(&mut self, nodes: usize, place: &Place) -> Taken {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err((place.clone(), format!("the document has more than {MAX_NODES} values")));
        }
        Ok(())
    }

    /// Puts a whole value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize, open: &mut [Open]) -> Taken {
        if anchor != 0 {
            let size = node.size();
            self.count(size, &node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        match open.last_mut().map(|open| &mut open.content) {
            None if node.value == Value::Null => {}
            None => self.documents.push(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Object(members, known, key)) => match key.take() {
                None => *key = Some(node),
                Some(key) => return self.member(members, known, &key, node),
            },
        }
        Ok(())
    }

    fn member(
        &mut self,
        members: &mut Vec<Member>,
        known: &mut HashMap<String, u32>,
        key: &Node,
        node: Node,
    ) -> Taken {
        let name = match &key.value {
            Value::Text(text) | Value::Number(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => "null".to_owned(),
            Value::List(_) | Value::Object(_) => {
                return Err((key.place.clone(), "the name of a member must be a text".to_owned()));
            }
        };
        if name == "<<" {
            merge(members, known, node);
        } else if let Some(first) = known.get(&name).copied().filter(|line| *line > 0) {
            let message = format!("`{name}` is there already, in line {first}; this one is left out");
            self.notes.warn(&key.place, message);
        } else {
            // What a merge brought gives way to what is written here.
            if known.insert(name.clone(), key.place.line).is_some() {
                members.retain(|member| member.name.value != name);
            }
            members.push(Member { name: At::new(key.place.clone(), name), node });
        }
        Ok(())
    }

    fn place(&self, marker: &Marker) -> Place {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place {
            file: Arc::clone(self.file),
            line: number(marker.line()).max(1),
            column: number(marker.col()).saturating_add(1),
        }
    }
}

/// Adds the members of an object, or of several, that are not there yet.
fn merge(members: &mut Vec<Member>, known: &mut HashMap<String, u32>, node: Node) {
    match node.value {
        Value::Object(merged) => {
            for member in merged {
                // Line 0: it came by a merge.
                if let std::collections::hash_map::Entry::Vacant(vacant) =
                    known.entry(member.name.value.clone())
                {
                    vacant.insert(0);
                    members.push(member);
                }
            }
        }
        Value::List(items) => items.into_iter().for_each(|item| merge(members, known, item)),
        _ => {}
    }
}

/// What a scalar means: a plain word perhaps a number, a truth or nothing; anything else its text.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
    if style != ScalarStyle::Plain || is_text {
        return Value::Text(text.replace('\0', "\u{fffd}"));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text if is_number(text) => Value::Number(text.to_owned()),
        text => Value::Text(text.to_owned()),
    }
}

/// Whether a plain word is a number in decimal digits.
pub(super) fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let begins = digits.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    begins && digits.len() <= 64 && digits.parse::<f64>().is_ok_and(f64::is_finite)
}
