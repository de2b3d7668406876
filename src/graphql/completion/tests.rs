//! Where an error puts null, by examples and by the words of the specification.

use async_graphql::parser::parse_query;
use async_graphql::{Variables, value};
use proptest::prelude::*;

use crate::graphql::plan::Plan;
use crate::graphql::precheck::operation;
use crate::graphql::precheck::types::Types;

use super::*;

const SDL: &str = "
    type Query { a: Query! b: Query c: Int! d: Int l: [Query!] m: [Query]! s: [Int!]! union: Any }
    type Other { e: Int! }
    union Any = Query | Other
";

fn completed(query: &str, data: Value, paths: &[&[&str]]) -> Value {
    let segment = |part: &&str| {
        part.parse().map_or_else(|_| PathSegment::Field((*part).to_owned()), PathSegment::Index)
    };
    let error = |path: &&[&str]| ServerError::new("no", None).with_path(path.iter().map(segment).collect());
    let mut response = Response::new(data);
    response.errors = paths.iter().map(error).collect();
    complete(&shape(query), &mut response);
    response.data
}

fn shape(query: &str) -> Shape {
    let types = Types::from_sdl(SDL).expect("the SDL above is well formed");
    let document = parse_query(query).expect("the query is well formed");
    let operation = operation(&document, None).expect("there is one operation");
    Plan::of(&types, &document, operation, &Variables::default()).expect("it is small").shape
}

#[test]
fn a_nullable_field_becomes_null_and_a_non_null_one_takes_its_parent() {
    assert_eq!(completed("{ c d }", value!({ "c": 1 }), &[&["d"]]), value!({ "c": 1, "d": null }));
    assert_eq!(
        completed("{ b { c d } }", value!({ "b": { "d": 1 } }), &[&["b", "c"]]),
        value!({ "b": null })
    );
    assert_eq!(completed("{ a { c } d }", value!({ "a": null, "d": 1 }), &[&["a", "c"]]), Value::Null);
}

#[test]
fn an_object_that_lost_all_its_keys_comes_back() {
    assert_eq!(
        completed("{ a { d } }", value!({ "a": null }), &[&["a", "d"]]),
        value!({ "a": { "d": null } })
    );
    assert_eq!(completed("{ d }", Value::Null, &[&["d"]]), value!({ "d": null }));
}

#[test]
fn lists_lose_an_item_or_themselves() {
    let data = || value!({ "m": [{ "c": 1 }, null], "c": 1 });
    assert_eq!(completed("{ m { c } c }", data(), &[&["m", "1", "c"]]), data());
    let data = value!({ "l": [{ "c": 1 }, null], "c": 1 });
    assert_eq!(completed("{ l { c } c }", data, &[&["l", "1", "c"]]), value!({ "l": null, "c": 1 }));
    assert_eq!(completed("{ b { s } }", value!({ "b": null }), &[&["b", "s", "1"]]), value!({ "b": null }));
}

#[test]
fn aliases_fragments_and_unions_are_followed() {
    let query = "{ x: b { ...F } } fragment F on Query { y: c }";
    assert_eq!(completed(query, value!({ "x": null }), &[&["x", "y"]]), value!({ "x": null }));
    let query = "{ union { ... on Other { e } __typename } }";
    let data = value!({ "union": { "__typename": "Other" } });
    assert_eq!(completed(query, data, &[&["union", "e"]]), value!({ "union": null }));
}

/// A value of `Query` to the given depth: what each field holds, or that it failed.
#[derive(Clone, Debug)]
struct Node {
    c: bool,
    d: bool,
    below: Option<Box<[Option<Node>; 2]>>,
    lists: Option<Box<[Option<Vec<Node>>; 2]>>,
}

const QUERY: &str = "{ ...Q a { ...Q a { ...Q } b { ...Q } l { ...Q } m { ...Q } } b { ...Q a { ...Q } \
    b { ...Q } l { ...Q } m { ...Q } } l { ...Q a { ...Q } b { ...Q } l { ...Q } m { ...Q } } \
    m { ...Q a { ...Q } b { ...Q } l { ...Q } m { ...Q } } } fragment Q on Query { c d }";

fn nodes() -> impl Strategy<Value = Node> {
    let flag = || prop::bool::weighted(0.85);
    let leaf = (flag(), flag()).prop_map(|(c, d)| Node { c, d, below: None, lists: None });
    leaf.prop_recursive(2, 24, 4, move |inner| {
        let child = || prop::option::weighted(0.9, inner.clone());
        let list = || prop::option::weighted(0.9, prop::collection::vec(inner.clone(), 0..3));
        (flag(), flag(), child(), child(), list(), list()).prop_map(|(c, d, a, b, l, m)| Node {
            c,
            d,
            below: Some(Box::new([a, b])),
            lists: Some(Box::new([l, m])),
        })
    })
}

type Fields = Vec<(&'static str, bool, Option<Value>)>;

impl Node {
    /// Each field: its name, whether it is nullable, and its value by `complete`; none when it failed.
    fn fields(
        &self,
        path: &[PathSegment],
        complete: &mut dyn FnMut(&Node, &[PathSegment]) -> Option<Value>,
    ) -> Fields {
        let number = |ok: bool| ok.then(|| value!(1));
        let mut fields = vec![("c", false, number(self.c)), ("d", true, number(self.d))];
        let at = |name: &str| [path, &[PathSegment::Field(name.to_owned())]].concat();
        if let Some(below) = &self.below {
            let [a, b] = &**below;
            fields.push(("a", false, a.as_ref().and_then(|node| complete(node, &at("a")))));
            fields.push(("b", true, b.as_ref().and_then(|node| complete(node, &at("b")))));
        }
        if let Some(lists) = &self.lists {
            let [l, m] = &**lists;
            for (name, nullable, list) in [("l", true, l), ("m", false, m)] {
                let mut item = |(index, node): (usize, &Node)| {
                    let value = complete(node, &[at(name), vec![PathSegment::Index(index)]].concat());
                    // An item of `m` may be null; one of `l` takes the list with it.
                    if name == "m" { Some(value.unwrap_or_default()) } else { value }
                };
                let items = list.as_ref().and_then(|list| list.iter().enumerate().map(&mut item).collect());
                fields.push((name, nullable, items.map(Value::List)));
            }
        }
        fields
    }

    /// The value by the specification; none when a null moves further up.
    fn specified(&self) -> Option<Value> {
        let mut object = IndexMap::new();
        for (name, nullable, value) in self.fields(&[], &mut |node, _| node.specified()) {
            if value.is_none() && !nullable {
                return None;
            }
            object.insert(Name::new(name), value.unwrap_or_default());
        }
        Some(Value::Object(object))
    }

    /// The value as the library leaves it, and the paths of its errors.
    fn left(&self, path: &[PathSegment], errors: &mut Vec<ServerError>) -> Value {
        let mut object = IndexMap::new();
        let fields = self.fields(path, &mut |node, path| Some(node.left(path, errors)));
        for (name, _, value) in fields {
            if let Some(value) = value {
                object.insert(Name::new(name), value);
            } else {
                let path = [path, &[PathSegment::Field(name.to_owned())]].concat();
                errors.push(ServerError::new("no", None).with_path(path));
            }
        }
        if object.is_empty() { Value::Null } else { Value::Object(object) }
    }
}

proptest! {
    #[test]
    fn completion_gives_what_the_specification_says(node in nodes()) {
        let mut errors = Vec::new();
        let mut response = Response::new(node.left(&[], &mut errors));
        response.errors = errors;
        complete(&shape(QUERY), &mut response);
        let specified = node.specified().unwrap_or_default();
        prop_assert_eq!(response.data.to_string(), specified.to_string());
    }
}
