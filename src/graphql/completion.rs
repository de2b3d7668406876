//! Nulls for errors, as the specification has them.
//!
//! The library leaves the key of a field that failed out of its object, and an object with no key left becomes null.
//! Its error paths are right, so each is walked: the key comes back with null, and a null where the schema says
//! non-null moves up to the nearest nullable ancestor. Costs nothing unless a response has errors.

use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{BaseType, ExecutableDocument, OperationDefinition, Type};
use async_graphql::{Name, PathSegment, Response, Value};

use super::precheck;
use super::precheck::fields::{Selected, Set, collect};
use super::precheck::types::{Types, named};

/// What is needed to complete the responses of one operation.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The schema.
    pub types: Arc<Types>,
    /// The text of the document; parsed again only for a response with errors.
    pub query: Arc<str>,
    /// The name of the operation, when the request gave one.
    pub operation_name: Option<String>,
}

impl Completion {
    /// Puts null where an error was, or at the nearest nullable ancestor.
    pub fn complete(&self, response: &mut Response) {
        if response.errors.iter().all(|error| error.path.is_empty()) {
            return;
        }
        let Ok(document) = parse_query(&*self.query) else { return };
        let Some(operation) = precheck::operation(&document, self.operation_name.as_deref()) else { return };
        let Response { data, errors, .. } = response;
        let reached: Vec<_> = errors.iter().map(|error| restore(data, &error.path)).collect();
        for (error, reached) in errors.iter().zip(reached) {
            let nullable = self.nullable(&document, operation, &error.path[..reached]);
            match nullable.iter().rposition(|nullable| *nullable) {
                Some(last) => set_null(data, &error.path[..=last]),
                None if reached > 0 => *data = Value::Null,
                None => {}
            }
        }
    }

    /// For each segment of a path, whether the schema lets its value be null; what it does not know may be.
    fn nullable<'a>(
        &'a self,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        path: &[PathSegment],
    ) -> Vec<bool> {
        let mut sets =
            vec![Set { parent: self.types.root(operation.ty), selections: &operation.selection_set.node }];
        let mut ty: Option<&Type> = None;
        let mut nullable = Vec::with_capacity(path.len());
        for segment in path {
            match segment {
                PathSegment::Index(_) => ty = ty.and_then(item),
                PathSegment::Field(key) => {
                    let mut found = collect(&document.fragments, &sets);
                    found.retain(|selected| selected.field.node.response_key().node == *key);
                    let types = found.iter().map(|selected| self.type_of(*selected));
                    ty = types.clone().find_map(|ty| ty);
                    let set = |(selected, ty): (&Selected<'a>, Option<&'a Type>)| Set {
                        parent: ty.map(named),
                        selections: &selected.field.node.selection_set.node,
                    };
                    sets = found.iter().zip(types).map(set).collect();
                }
            }
            nullable.push(ty.is_none_or(|ty| ty.nullable));
        }
        nullable
    }

    fn type_of(&self, selected: Selected<'_>) -> Option<&Type> {
        self.types.field(selected.parent?, &selected.field.node.name.node).map(|field| &field.ty)
    }
}

fn item(list: &Type) -> Option<&Type> {
    match &list.base {
        BaseType::List(item) => Some(item),
        BaseType::Named(_) => None,
    }
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

/// Sets null at the end of a path, unless something above it is null already.
fn set_null(value: &mut Value, path: &[PathSegment]) {
    let Some((segment, rest)) = path.split_first() else {
        *value = Value::Null;
        return;
    };
    let inner = match (segment, value) {
        (PathSegment::Field(key), Value::Object(object)) => object.get_mut(key.as_str()),
        (PathSegment::Index(index), Value::List(items)) => items.get_mut(*index),
        _ => None,
    };
    if let Some(inner) = inner {
        set_null(inner, rest);
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{ServerError, value};
    use proptest::prelude::*;

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
        let error =
            |path: &&[&str]| ServerError::new("no", None).with_path(path.iter().map(segment).collect());
        let mut response = Response::new(data);
        response.errors = paths.iter().map(error).collect();
        completion(query).complete(&mut response);
        response.data
    }

    fn completion(query: &str) -> Completion {
        let types = Types::from_sdl(SDL).expect("the SDL above is well formed");
        Completion { types: Arc::new(types), query: query.into(), operation_name: None }
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
        assert_eq!(
            completed("{ b { s } }", value!({ "b": null }), &[&["b", "s", "1"]]),
            value!({ "b": null })
        );
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
                    let items =
                        list.as_ref().and_then(|list| list.iter().enumerate().map(&mut item).collect());
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
            completion(QUERY).complete(&mut response);
            prop_assert_eq!(response.data, node.specified().unwrap_or_default());
        }
    }
}
