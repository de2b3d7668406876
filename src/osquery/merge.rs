//! Layers of configuration, laid over each other.
//!
//! One rule, that of JSON merge patches (RFC 7396): objects are merged member by member; anything else takes the
//! place of what was there; a null takes it away.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Lays `layer` over `base`, and notes for each value which layer it came from: by path, as `options.verbose`.
pub fn lay_over<O: Copy>(
    base: &mut Map<String, Value>,
    layer: &Map<String, Value>,
    origin: O,
    origins: &mut BTreeMap<String, O>,
) {
    merge(base, layer, "", &mut |path| {
        origins.retain(|known, _| !is_within(known, path));
        origins.insert(path.to_owned(), origin);
    });
    origins.retain(|path, _| has(base, path));
}

fn merge(base: &mut Map<String, Value>, layer: &Map<String, Value>, at: &str, note: &mut impl FnMut(&str)) {
    for (name, value) in layer {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match (base.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above, &path, note),
            (_, Value::Null) => {
                note(&path);
                base.shift_remove(name);
            }
            (_, Value::Object(above)) => {
                let mut fresh = Map::new();
                note(&path);
                merge(&mut fresh, above, &path, note);
                base.insert(name.clone(), Value::Object(fresh));
            }
            (_, value) => {
                note(&path);
                base.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Whether `path` is `parent`, or something in it.
fn is_within(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether there is a value at a path. Names with a dot are found by trying each way to cut it.
fn has(value: &Map<String, Value>, path: &str) -> bool {
    if value.contains_key(path) {
        return true;
    }
    path.match_indices('.').any(|(dot, _)| {
        let below = value.get(&path[..dot]).and_then(Value::as_object);
        below.is_some_and(|below| has(below, &path[dot + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else { panic!("an object") };
        members
    }

    #[test]
    fn a_later_layer_wins_member_by_member() {
        let (mut merged, mut origins) = (Map::new(), BTreeMap::new());
        let layers = [
            json!({ "options": { "a": 1, "b": 1, "c": 1 }, "decorators": { "load": ["select 1"] } }),
            json!({ "options": { "b": 2, "d": null }, "decorators": { "load": ["select 2"] } }),
            json!({ "options": { "c": null }, "views": { "v": "select 3" } }),
        ];
        for (number, layer) in layers.into_iter().enumerate() {
            lay_over(&mut merged, &object(layer), number, &mut origins);
        }
        let expected = json!({ "options": { "a": 1, "b": 2 }, "decorators": { "load": ["select 2"] },
            "views": { "v": "select 3" } });
        assert_eq!(Value::Object(merged), expected);
        let leaves =
            ["options.a", "options.b", "decorators.load", "views.v"].map(|path| origins.get(path).copied());
        assert_eq!(leaves, [Some(0), Some(1), Some(1), Some(2)]);
        assert_eq!(origins.get("options.c"), None);
    }
}
