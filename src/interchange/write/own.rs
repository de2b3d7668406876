//! Our own form: Fleet's newer spelling with `packs` and `configuration`, a document a team. Reading it gives the same
//! collection.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::yaml;
use crate::interchange::model::{
    Collection, Conditions, ForLabels, Label, Layer, Membership, Pack, Policy, Query, Sql, TeamName,
};
use crate::interchange::place::At;

/// The version of the form.
const VERSION: &str = "muster/v1";

/// Writes a collection as YAML.
#[must_use]
pub fn own(collection: &Collection) -> String {
    let documents: Vec<Value> =
        teams(collection).iter().map(|team| document(collection, team.as_deref())).collect();
    documents.iter().map(yaml::document).collect()
}

/// Every team that something belongs to, none first; none alone when there is nothing at all.
fn teams(collection: &Collection) -> BTreeSet<Option<String>> {
    let Collection { labels, layers, queries, packs, policies } = collection;
    let teams = labels.iter().map(|it| &it.team).chain(layers.iter().map(|it| &it.team));
    let teams = teams.chain(queries.iter().map(|it| &it.team)).chain(packs.iter().map(|it| &it.team));
    let teams = teams.chain(policies.iter().map(|it| &it.team));
    let mut teams: BTreeSet<_> = teams.map(|team| team.as_ref().map(|team| team.value.clone())).collect();
    if teams.is_empty() {
        teams.insert(None);
    }
    teams
}

fn document(collection: &Collection, team: Option<&str>) -> Value {
    let is_of = |other: &TeamName| other.as_ref().map(|other| other.value.as_str()) == team;
    let mut document = Map::new();
    document.insert("apiVersion".to_owned(), VERSION.into());
    if let Some(team) = team {
        document.insert("name".to_owned(), team.into());
    }
    let Collection { labels, layers, queries, packs, policies } = collection;
    let mut list = |name: &str, items: Vec<Value>| {
        if !items.is_empty() {
            document.insert(name.to_owned(), items.into());
        }
    };
    list("labels", labels.iter().filter(|it| is_of(&it.team)).map(label).collect());
    list("configuration", layers.iter().filter(|it| is_of(&it.team)).map(layer).collect());
    list("queries", queries.iter().filter(|it| is_of(&it.team)).map(query).collect());
    list("packs", packs.iter().filter(|it| is_of(&it.team)).map(pack).collect());
    list("policies", policies.iter().filter(|it| is_of(&it.team)).map(policy).collect());
    Value::Object(document)
}

/// An object of those members that are not null.
fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn query(query: &Query) -> Value {
    let Query { team: _, name, sql, description, observer_can_run, schedule } = query;
    let (Sql::Text(sql) | Sql::Named(sql)) = &sql.value;
    let mut written = object([
        ("name", json!(name.value)),
        ("description", json!(description)),
        ("query", json!(sql)),
        ("observer_can_run", json!(observer_can_run)),
    ]);
    if let Some(schedule) = schedule {
        written.extend(object([
            ("interval", json!(schedule.interval_s.value)),
            ("logging", json!(schedule.logging.word())),
        ]));
        written.extend(conditions(&schedule.conditions));
        written.extend(object([
            ("denylist", json!(schedule.denylist)),
            ("discard_data", json!(schedule.discard_data)),
            ("automations_enabled", json!(schedule.automations)),
        ]));
    }
    Value::Object(written)
}

fn conditions(conditions: &Conditions) -> Map<String, Value> {
    let Conditions { platform, min_osquery_version, shard, include_any, exclude_any } = conditions;
    object([
        ("platform", json!(platform.as_ref().map(|it| &it.value))),
        ("min_osquery_version", json!(min_osquery_version.as_ref().map(|it| &it.value))),
        ("shard", json!(shard.as_ref().map(|it| it.value))),
        ("labels_include_any", texts(include_any)),
        ("labels_exclude_any", texts(exclude_any)),
    ])
}

/// A list of texts; null when it is empty.
fn texts(texts: &[At<String>]) -> Value {
    if texts.is_empty() {
        return Value::Null;
    }
    texts.iter().map(|text| text.value.as_str()).collect()
}

fn pack(pack: &Pack) -> Value {
    let Pack { team: _, name, description, conditions, discovery, enabled, queries } = pack;
    let mut written = object([("name", json!(name.value)), ("description", json!(description))]);
    written.extend(self::conditions(conditions));
    written.extend(object([
        ("discovery", texts(discovery)),
        ("enabled", json!(enabled)),
        ("queries", queries.iter().map(query).collect()),
    ]));
    Value::Object(written)
}

fn layer(layer: &Layer) -> Value {
    let Layer { team: _, platform, for_labels, document } = layer;
    let mut written = Map::new();
    if let Some(ForLabels { name, priority, include_any, exclude_any }) = for_labels {
        written.extend(object([
            ("name", json!(name.value)),
            ("priority", json!(priority.as_ref().map(|it| it.value))),
            ("labels_include_any", texts(include_any)),
            ("labels_exclude_any", texts(exclude_any)),
        ]));
    }
    let platform = platform.as_ref().map(|platform| &platform.value);
    written.extend(object([("platform", json!(platform)), ("document", document.to_json())]));
    Value::Object(written)
}

fn label(label: &Label) -> Value {
    let Label { team: _, name, description, platform, membership } = label;
    let mut written = object([
        ("name", json!(name.value)),
        ("description", json!(description)),
        ("platform", json!(platform.as_ref().map(|it| &it.value))),
    ]);
    written.extend(match membership {
        Membership::Dynamic(sql) => {
            object([("label_membership_type", json!("dynamic")), ("query", json!(sql.value))])
        }
        Membership::Manual(hosts) => {
            let hosts: Vec<_> = hosts.iter().map(|host| &host.value).collect();
            object([("label_membership_type", json!("manual")), ("hosts", json!(hosts))])
        }
    });
    Value::Object(written)
}

fn policy(policy: &Policy) -> Value {
    let Policy { team: _, name, sql, description, resolution, critical, conditions } = policy;
    let mut written = object([
        ("name", json!(name.value)),
        ("description", json!(description)),
        ("query", json!(sql.value)),
        ("resolution", json!(resolution)),
        ("critical", json!(critical)),
    ]);
    written.extend(self::conditions(conditions));
    Value::Object(written)
}
