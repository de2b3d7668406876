//! Queries, labels and policies, each an object with a name.

use crate::interchange::fields::Fields;
use crate::interchange::model::{
    Conditions, Label, Logging, Membership, Policy, Query, Schedule, Sql, TeamName,
};
use crate::interchange::node::{Node, Value};
use crate::interchange::osquery::Into;
use crate::interchange::place::{At, Notes};
use crate::interchange::scheduled::{description, interval, platforms};

/// What an object with a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Query,
    Label,
    Policy,
}

/// Members that programs write and nobody reads back.
const OF_PROGRAMS: [&str; 12] = [
    "id",
    "author_id",
    "author_name",
    "author_email",
    "created_at",
    "updated_at",
    "saved",
    "stats",
    "packs",
    "team_id",
    "fleet_id",
    "apiVersion",
];

/// What an object is, by its members, or else by the path of its text.
pub(crate) fn role_of(node: &Node, file: &str) -> Role {
    let has = |names: &[&str]| names.iter().any(|name| node.get(name).is_some());
    let file = file.to_ascii_lowercase();
    if has(&["label_membership_type", "hosts", "criteria"]) {
        Role::Label
    } else if has(&["resolution", "critical", "calendar_events_enabled", "conditional_access_enabled"]) {
        Role::Policy
    } else if has(&["interval", "logging", "observer_can_run", "automations_enabled"]) {
        Role::Query
    } else if file.contains("polic") {
        Role::Policy
    } else if file.contains("label") {
        Role::Label
    } else {
        Role::Query
    }
}

/// Reads an object of a role.
pub(super) fn item(role: Role, node: &Node, into: &mut Into<'_>) {
    let errors = into.notes.errors();
    let is_whole = |into: &Into<'_>| into.notes.errors() == errors;
    match role {
        Role::Query => {
            let query = query(node, &into.team, into.notes).filter(|_| is_whole(into));
            into.draft.collection.queries.extend(query);
        }
        Role::Label => {
            let label = label(node, &into.team, into.notes).filter(|_| is_whole(into));
            into.draft.collection.labels.extend(label);
        }
        Role::Policy => {
            let policy = policy(node, &into.team, into.notes).filter(|_| is_whole(into));
            into.draft.collection.policies.extend(policy);
        }
    }
}

/// Reads a query.
pub(super) fn query(node: &Node, team: &TeamName, notes: &mut Notes) -> Option<Query> {
    let mut fields = Fields::of(node, "a query", notes)?;
    let (name, sql) = (named(&mut fields, "query", notes), fields.text("query", notes));
    if let (Some(name), None) = (&name, &sql) {
        notes.error(&name.place, format!("query `{}` has no SQL", name.value));
    }
    let team = team_of(&mut fields, notes).or_else(|| team.clone());
    let schedule = schedule(&mut fields, notes);
    let observer_can_run = fields.truth("observer_can_run", notes).unwrap_or(false);
    let description = description(&mut fields, notes);
    fields.warn_of_rest(&OF_PROGRAMS, notes);
    Some(Query { team, name: name?, sql: sql?.map(Sql::Text), description, observer_can_run, schedule })
}

/// The schedule of a query; without an interval, or with 0, there is none.
fn schedule(fields: &mut Fields<'_>, notes: &mut Notes) -> Option<Schedule> {
    let word = fields.text("logging", notes);
    let logging = word.as_ref().and_then(|word| Logging::of(word.value.trim()));
    if let (Some(word), None) = (&word, logging) {
        let message =
            format!("`{}` is no logging: snapshot, differential or differential_ignore_removals", word.value);
        notes.error(&word.place, message);
    }
    let conditions = conditions(fields, notes);
    let denylist = fields.truth("denylist", notes).unwrap_or(true);
    let discard_data = fields.truth("discard_data", notes).unwrap_or(false);
    let automations = fields.truth("automations_enabled", notes).unwrap_or(false);
    let interval_s = interval(fields, notes).filter(|interval| interval.value != 0)?;
    let logging = logging.unwrap_or(Logging::Snapshot);
    Some(Schedule { interval_s, logging, conditions, denylist, discard_data, automations })
}

/// Where something runs, in Fleet's spelling.
pub(super) fn conditions(fields: &mut Fields<'_>, notes: &mut Notes) -> Conditions {
    let mut include_any = fields.texts("labels_include_any", notes);
    let all = fields.texts("labels_include_all", notes);
    match all.as_slice() {
        [] => {}
        [one] if include_any.is_empty() => include_any.push(one.clone()),
        [one, ..] => {
            notes.error(&one.place, "a host must have all of several labels: there is no such condition");
        }
    }
    let version = fields.text("min_osquery_version", notes);
    Conditions {
        platform: platforms(fields, "platform", notes),
        min_osquery_version: version.or_else(|| fields.text("version", notes)),
        shard: fields.integer("shard", notes).filter(|shard| shard.value != 0),
        include_any,
        exclude_any: fields.texts("labels_exclude_any", notes),
    }
}

fn label(node: &Node, team: &TeamName, notes: &mut Notes) -> Option<Label> {
    let mut fields = Fields::of(node, "a label", notes)?;
    let name = named(&mut fields, "label", notes);
    let description = fields.words("description", notes);
    let platform = platforms(&mut fields, "platform", notes);
    let kind = fields.text("label_membership_type", notes);
    let sql = fields.text("query", notes);
    let has_hosts = fields.node("hosts").is_some();
    let hosts = fields.texts("hosts", notes);
    let team = team_of(&mut fields, notes).or_else(|| team.clone());
    fields.node("criteria");
    fields.node("label_type");
    fields.warn_of_rest(&OF_PROGRAMS, notes);
    let name = name?;
    let membership = match (kind.as_ref().map(|kind| kind.value.as_str()), sql) {
        (Some("manual"), _) => Membership::Manual(hosts),
        (None | Some("dynamic"), Some(sql)) => Membership::Dynamic(sql),
        (None, None) if has_hosts => Membership::Manual(hosts),
        (Some(kind @ "host_vitals"), _) => {
            let message = format!("label `{}`: there are no labels by `{kind}`; it is left out", name.value);
            notes.warn(&name.place, message);
            return None;
        }
        (None | Some("dynamic"), None) => {
            notes.error(&name.place, format!("label `{}` has neither SQL nor hosts", name.value));
            return None;
        }
        (Some(kind), _) => {
            notes.error(&name.place, format!("label `{}`: `{kind}` is no kind of label", name.value));
            return None;
        }
    };
    Some(Label { team, name, description, platform, membership })
}

fn policy(node: &Node, team: &TeamName, notes: &mut Notes) -> Option<Policy> {
    let mut fields = Fields::of(node, "a policy", notes)?;
    let (name, sql) = (named(&mut fields, "policy", notes), fields.text("query", notes));
    let team = team_of(&mut fields, notes).or_else(|| team.clone());
    let description = fields.words("description", notes);
    let resolution = fields.words("resolution", notes);
    let critical = fields.truth("critical", notes).unwrap_or(false);
    let conditions = conditions(&mut fields, notes);
    fields.warn_of_rest(&OF_PROGRAMS, notes);
    let name = name?;
    let Some(sql) = sql else {
        notes.warn(&name.place, format!("policy `{}` has no SQL and is left out", name.value));
        return None;
    };
    Some(Policy { team, name, sql, description, resolution, critical, conditions })
}

/// The name that an object must have.
pub(super) fn named(fields: &mut Fields<'_>, what: &str, notes: &mut Notes) -> Option<At<String>> {
    let name = fields.text("name", notes);
    if name.is_none() && fields.node("name").is_none_or(|node| !matches!(node.value, Value::List(_))) {
        notes.error(fields.place(), format!("a {what} without a name"));
    }
    name.map(|name| name.map(|name| name.trim().to_owned()))
}

/// The team that an object names itself.
pub(super) fn team_of(fields: &mut Fields<'_>, notes: &mut Notes) -> TeamName {
    let fleet = fields.text("fleet", notes);
    fields.text("team", notes).or(fleet)
}
