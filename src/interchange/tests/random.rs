//! Collections as a property test draws them.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::interchange::model::{
    Collection, Conditions, ForLabels, Label, Layer, Logging, Membership, Pack, Policy, Query, Schedule, Sql,
    TeamName,
};
use crate::interchange::node::Node;
use crate::interchange::place::{At, Place};

fn at<T>(value: T) -> At<T> {
    At::new(Place::start("x"), value)
}

/// Texts that are hard to write.
pub(super) fn text() -> impl Strategy<Value = String> {
    let hard = [
        "true",
        "No",
        "null",
        "~",
        "1e3",
        "0x1F",
        "12:30:00",
        "- a",
        "a: b",
        "#x",
        "'",
        "\"",
        "\\",
        "a\nb",
        "a\n\nb\n",
        " a\nb",
        "a\n b",
        "a ",
        "é😀",
        "\u{85}x",
        "a\tb",
        "a\r\nb",
        "\u{feff}",
        "{",
        "[x]",
        "%",
        "@a",
        "a #b",
        "|",
        "select 1\n  from b;\n",
        "=",
        "<<",
        "? a",
        "---\na",
        "...",
        "\u{1}",
        "a\u{2028}",
    ];
    let drawn = "[ -~é\n]{1,30}".prop_filter("it says something", |text| !text.trim().is_empty());
    prop_oneof![proptest::sample::select(hard.to_vec()).prop_map(str::to_owned), drawn]
}

/// Names: trimmed, not empty, and not two alike.
fn name() -> impl Strategy<Value = At<String>> {
    (text(), any::<u64>())
        .prop_map(|(text, number)| at(format!("{} {number}", text.trim()).trim().to_owned()))
}

fn words() -> impl Strategy<Value = Option<String>> {
    of(text())
}

fn team() -> impl Strategy<Value = TeamName> {
    of(proptest::sample::select(vec!["Workstations", "Größe: 2", "no"]))
        .prop_map(|team| team.map(|team| at(team.to_owned())))
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let platform = of(proptest::sample::select(vec!["linux", "linux,darwin", "posix"]));
    let version = of(proptest::sample::select(vec!["5.10", "1.4.5", "5"]));
    (platform, version, of(1..=100_i64), vec(name(), 0..3), vec(name(), 0..3)).prop_map(
        |(platform, version, shard, include_any, exclude_any)| Conditions {
            platform: platform.map(|text| at(text.to_owned())),
            min_osquery_version: version.map(|text| at(text.to_owned())),
            shard: shard.map(at),
            include_any,
            exclude_any,
        },
    )
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let logging = proptest::sample::select(Logging::WORDS.map(|(logging, _)| logging).to_vec());
    (1..=604_800_i64, logging, conditions(), any::<[bool; 3]>()).prop_map(
        |(interval, logging, conditions, [denylist, discard_data, automations])| Schedule {
            interval_s: at(interval),
            logging,
            conditions,
            denylist,
            discard_data,
            automations,
        },
    )
}

fn query(team: TeamName, schedule: impl Strategy<Value = Option<Schedule>>) -> impl Strategy<Value = Query> {
    (name(), text(), words(), any::<bool>(), schedule).prop_map(
        move |(name, sql, description, observer, schedule)| {
            let sql = at(Sql::Text(sql));
            Query { team: team.clone(), name, sql, description, observer_can_run: observer, schedule }
        },
    )
}

fn pack() -> impl Strategy<Value = Pack> {
    (team(), name(), words(), conditions(), vec(text().prop_map(at), 0..3), any::<bool>())
        .prop_flat_map(|(team, name, description, conditions, discovery, enabled)| {
            let queries = vec(query(team.clone(), schedule().prop_map(Some)), 0..4);
            (Just((team, name, description, conditions, discovery, enabled)), queries)
        })
        .prop_map(|((team, name, description, conditions, discovery, enabled), queries)| Pack {
            team,
            name,
            description,
            conditions,
            discovery,
            enabled,
            queries,
        })
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(text(), inner, 0..4)
                .prop_map(|members| members.into_iter().filter(|(name, _)| name != "<<").collect()),
        ]
    })
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let platform = of(proptest::sample::select(vec!["linux", "darwin"]));
    vec((team(), platform, of(for_labels()), json()), 0..4).prop_map(|those| {
        let mut layers: Vec<Layer> = Vec::new();
        for (team, platform, for_labels, document) in those {
            let document = Node::of_json(&Place::start("x"), &serde_json::json!({ "options": document }));
            let platform = platform.map(|word| at(word.to_owned()));
            let layer = Layer { team, platform, for_labels, document };
            let is_other = |other: &Layer| other.team != layer.team || other.platform != layer.platform;
            // Names are never alike.
            if layer.for_labels.is_some() || layers.iter().all(is_other) {
                layers.push(layer);
            }
        }
        layers
    })
}

fn for_labels() -> impl Strategy<Value = ForLabels> {
    (name(), of(0..=1_000_i64), vec(name(), 0..3), vec(name(), 0..3)).prop_map(
        |(name, priority, include_any, exclude_any)| ForLabels {
            name,
            priority: priority.map(at),
            include_any,
            exclude_any,
        },
    )
}

fn label() -> impl Strategy<Value = Label> {
    let membership = prop_oneof![
        text().prop_map(|sql| Membership::Dynamic(at(sql))),
        vec(name(), 0..3).prop_map(Membership::Manual),
    ];
    (team(), name(), words(), membership).prop_map(|(team, name, description, membership)| Label {
        team,
        name,
        description,
        platform: None,
        membership,
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    (team(), name(), text(), words(), words(), any::<bool>(), conditions()).prop_map(
        |(team, name, sql, description, resolution, critical, conditions)| Policy {
            team,
            name,
            sql: at(sql),
            description,
            resolution,
            critical,
            conditions,
        },
    )
}

/// A collection of everything, as one that was read: by team, in each of its lists.
pub(super) fn collection() -> impl Strategy<Value = Collection> {
    let queries = vec(team().prop_flat_map(|team| query(team, of(schedule()))), 0..4);
    (vec(label(), 0..3), layers(), queries, vec(pack(), 0..3), vec(policy(), 0..3)).prop_map(
        |(mut labels, mut layers, mut queries, mut packs, mut policies)| {
            let key = |team: &TeamName| team.as_ref().map(|team| team.value.clone());
            labels.sort_by_key(|it| key(&it.team));
            layers.sort_by_key(|it| key(&it.team));
            queries.sort_by_key(|it| key(&it.team));
            packs.sort_by_key(|it| key(&it.team));
            policies.sort_by_key(|it| key(&it.team));
            Collection { labels, layers, queries, packs, policies }
        },
    )
}
