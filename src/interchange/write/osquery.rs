//! osquery's own form: a configuration, as far as it can hold what a collection has.

use serde_json::{Map, Value, json};

use crate::interchange::model::{Collection, Conditions, Logging, Pack, Query, Sql};

/// Writes what is for one kind of host as a configuration of osquery. Second, what has no place in one, for people.
#[must_use]
pub fn osquery(collection: &Collection) -> (String, Vec<String>) {
    let mut left_out = Vec::new();
    let mut written = Map::new();
    for layer in &collection.layers {
        match (&layer.for_labels, &layer.platform) {
            (Some(labels), _) => {
                left_out.push(format!("the configuration `{}` for labels", labels.name.value));
            }
            (None, Some(platform)) => left_out.push(format!("the configuration for {}", platform.value)),
            (None, None) => {
                written.extend(layer.document.to_json().as_object().cloned().unwrap_or_default());
            }
        }
    }
    let mut schedule = Map::new();
    for query in &collection.queries {
        match query.schedule {
            Some(_) => drop(schedule.insert(query.name.value.clone(), member(query, &mut left_out))),
            None => left_out.push(format!("query `{}`, which has no schedule", query.name.value)),
        }
    }
    written.insert("schedule".to_owned(), Value::Object(schedule));
    let mut packs = Map::new();
    for pack in &collection.packs {
        if pack.enabled {
            packs.insert(pack.name.value.clone(), self::pack(pack, &mut left_out));
        } else {
            left_out.push(format!("pack `{}`, which is switched off", pack.name.value));
        }
    }
    if !packs.is_empty() {
        written.insert("packs".to_owned(), Value::Object(packs));
    }
    left_out.extend(collection.labels.iter().map(|label| format!("label `{}`", label.name.value)));
    left_out.extend(collection.policies.iter().map(|policy| format!("policy `{}`", policy.name.value)));
    let text = serde_json::to_string_pretty(&written).unwrap_or_default();
    (format!("{text}\n"), left_out)
}

fn pack(pack: &Pack, left_out: &mut Vec<String>) -> Value {
    let mut written = Map::new();
    conditions(&pack.conditions, &format!("pack `{}`", pack.name.value), &mut written, left_out);
    if let Some(description) = &pack.description {
        written.insert("description".to_owned(), description.as_str().into());
    }
    if !pack.discovery.is_empty() {
        let discovery = pack.discovery.iter().map(|sql| sql.value.as_str()).collect();
        written.insert("discovery".to_owned(), discovery);
    }
    let queries = pack.queries.iter().map(|query| (query.name.value.clone(), member(query, left_out)));
    let queries: Map<_, _> = queries.collect();
    written.insert("queries".to_owned(), Value::Object(queries));
    Value::Object(written)
}

fn member(query: &Query, left_out: &mut Vec<String>) -> Value {
    let (Sql::Text(sql) | Sql::Named(sql)) = &query.sql.value;
    let mut written = Map::from_iter([("query".to_owned(), sql.as_str().into())]);
    if let Some(description) = &query.description {
        written.insert("description".to_owned(), description.as_str().into());
    }
    if let Some(schedule) = &query.schedule {
        written.insert("interval".to_owned(), schedule.interval_s.value.into());
        match schedule.logging {
            Logging::Snapshot => drop(written.insert("snapshot".to_owned(), true.into())),
            Logging::Differential => {}
            Logging::DifferentialIgnoreRemovals => drop(written.insert("removed".to_owned(), false.into())),
        }
        if !schedule.denylist {
            written.insert("denylist".to_owned(), false.into());
        }
        conditions(&schedule.conditions, &format!("query `{}`", query.name.value), &mut written, left_out);
    }
    Value::Object(written)
}

fn conditions(
    conditions: &Conditions,
    what: &str,
    written: &mut Map<String, Value>,
    left_out: &mut Vec<String>,
) {
    let Conditions { platform, min_osquery_version, shard, include_any, exclude_any } = conditions;
    let members = [
        ("platform", json!(platform.as_ref().map(|it| &it.value))),
        ("version", json!(min_osquery_version.as_ref().map(|it| &it.value))),
        ("shard", json!(shard.as_ref().map(|it| it.value))),
    ];
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    written.extend(members.map(|(name, value)| (name.to_owned(), value)));
    if !include_any.is_empty() || !exclude_any.is_empty() {
        left_out.push(format!("the labels of {what}"));
    }
}
