//! One configuration, from its material.

use std::collections::{BTreeMap, HashMap};

use entity::id::{LabelId, PackId, TeamId};
use entity::kind::ScheduleLogging;
use entity::packs::Model as Pack;
use entity::saved_queries::Model as SavedQuery;
use serde_json::{Map, Value, json};

use super::material::{LabelLayer, Material};
use crate::fleet::reports::Scheduled;
use crate::fleet::schedule::LabelScope;
use crate::osquery::document::OPTIONS;
use crate::osquery::merge;
use crate::osquery::names::{self, DELIMITER};

/// Seconds between two posts of log lines.
const LOGGER_PERIOD_S: u64 = 10;

/// A configuration, and where its values came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembled {
    /// The whole, members in the order in which they are sent.
    pub(super) document: Map<String, Value>,
    /// Which layer each value came from, by path: 0 is this server itself, then those of the material.
    pub(super) origins: BTreeMap<String, usize>,
}

/// Whose configuration is assembled.
#[derive(Clone, Copy, Debug)]
pub(super) struct For<'a> {
    pub(super) team: TeamId,
    /// The word of the platform.
    pub(super) platform: &'a str,
    /// Labels in order; none to leave them out of account: every query and pack of the team is there, and no layer for
    /// labels, of which only some hosts have each.
    pub(super) labels: Option<&'a [LabelId]>,
}

/// Assembles a configuration.
///
/// Members keep their order, for other bytes make an agent rebuild its schedule, and numbers are integers, for it
/// misreads others. `schedule` is there although it is empty: an agent must see that this is on purpose.
pub(super) fn assemble(material: &Material, whose: For<'_>, check_in_interval_s: u64) -> Assembled {
    let mut assembled = Assembled::default();
    let Assembled { document, origins } = &mut assembled;
    merge::lay_over(document, &ours(check_in_interval_s), 0, origins);
    let layers = material.layers_for(whose.team, whose.platform).into_iter().map(|(_, layer)| layer);
    let over = label_layers_for(material, whose).map(|layer| &layer.document);
    for (number, layer) in layers.chain(over).enumerate() {
        merge::lay_over(document, layer, number + 1, origins);
    }
    let schedule = queries(material, whose, PackId::NONE);
    document.insert("schedule".to_owned(), Value::Object(schedule));
    let packs = packs(material, whose);
    if !packs.is_empty() {
        document.insert("packs".to_owned(), Value::Object(packs));
    }
    assembled
}

/// The layers for labels that a configuration has, in the order in which they are laid over each other.
pub(super) fn label_layers_for<'a>(
    material: &'a Material,
    whose: For<'a>,
) -> impl Iterator<Item = &'a LabelLayer> {
    let meets = move |layer: &&LabelLayer| whose.labels.is_some_and(|labels| layer.scope.meets(labels));
    material.label_layers_of(whose.team, whose.platform).filter(meets)
}

/// What separates the parts of the names of packs, in a configuration: the same for hosts with other labels.
pub(super) fn delimiter(document: &Map<String, Value>) -> &str {
    let set = document.get(OPTIONS).and_then(|options| options.get("pack_delimiter"));
    set.and_then(Value::as_str).unwrap_or(DELIMITER)
}

/// The name under which hosts of a query's team, or of none, log it.
pub(in crate::fleet) fn logged_name(material: &Material, query: &SavedQuery, pack: Option<&str>) -> String {
    let mut document = Map::new();
    for (_, layer) in material.layers_for(query.team_id, super::material::ALL) {
        merge::lay_over(&mut document, layer, 0_usize, &mut BTreeMap::new());
    }
    names::logged(pack, &query.name, delimiter(&document))
}

/// The queries of a configuration, by the names under which an agent logs their results.
pub(super) fn logged_queries(
    material: &Material,
    whose: For<'_>,
    document: &Map<String, Value>,
) -> HashMap<String, Scheduled> {
    let delimiter = delimiter(document);
    let packs = material.packs_for(whose.team).filter(|pack| is_for(whose, &pack.label_scope));
    let places = packs.map(|pack| (pack.id, Some(pack))).chain([(PackId::NONE, None)]);
    let mut logged = HashMap::new();
    for (id, pack) in places {
        let name = pack.map(|pack| pack.name.as_str());
        let of_pack = pack.is_none_or(|pack| names::runs_on(pack.platform.as_deref(), whose.platform));
        let own = material.queries_of(whose.team, id);
        for query in own.filter(|query| is_for(whose, &query.label_scope)) {
            let runs = of_pack && names::runs_on(query.platform.as_deref(), whose.platform);
            let scheduled = Scheduled { query: query.id, discard: query.discard_data, runs };
            logged.entry(names::logged(name, &query.name, delimiter)).or_insert(scheduled);
        }
    }
    logged
}

/// What every host is told so that it finds this server.
fn ours(check_in_interval_s: u64) -> Map<String, Value> {
    let options = json!({
        "disable_distributed": false,
        "distributed_plugin": "tls",
        "distributed_interval": check_in_interval_s.max(1),
        "distributed_tls_read_endpoint": "/api/osquery/distributed/read",
        "distributed_tls_write_endpoint": "/api/osquery/distributed/write",
        "distributed_tls_max_attempts": 3,
        "logger_tls_endpoint": "/api/osquery/log",
        "logger_tls_period": LOGGER_PERIOD_S,
    });
    Map::from_iter([(OPTIONS.to_owned(), options)])
}

fn packs(material: &Material, whose: For<'_>) -> Map<String, Value> {
    let mut packs = Map::new();
    for pack in material.packs_for(whose.team).filter(|pack| is_for(whose, &pack.label_scope)) {
        let queries = queries(material, whose, pack.id);
        if !queries.is_empty() {
            packs.entry(pack.name.clone()).or_insert_with(|| pack_member(pack, queries));
        }
    }
    packs
}

fn pack_member(pack: &Pack, queries: Map<String, Value>) -> Value {
    let mut member = Map::new();
    conditions(&mut member, pack.platform.as_deref(), pack.min_osquery_version.as_deref(), pack.shard);
    let discovery: Vec<String> = serde_json::from_str(&pack.discovery).unwrap_or_default();
    if !discovery.is_empty() {
        member.insert("discovery".to_owned(), discovery.into());
    }
    member.insert("queries".to_owned(), Value::Object(queries));
    Value::Object(member)
}

fn queries(material: &Material, whose: For<'_>, pack: PackId) -> Map<String, Value> {
    let mut queries = Map::new();
    let own = material.queries_of(whose.team, pack);
    for query in own.filter(|query| is_for(whose, &query.label_scope)) {
        queries.entry(query.name.clone()).or_insert_with(|| query_member(query));
    }
    queries
}

fn query_member(query: &SavedQuery) -> Value {
    let mut member = Map::new();
    member.insert("query".to_owned(), query.sql.clone().into());
    member.insert("interval".to_owned(), query.interval_s.into());
    match query.logging {
        ScheduleLogging::Snapshot => {
            member.insert("snapshot".to_owned(), true.into());
        }
        ScheduleLogging::Differential => {}
        ScheduleLogging::DifferentialIgnoreRemovals => {
            member.insert("removed".to_owned(), false.into());
        }
    }
    if !query.denylist {
        member.insert("denylist".to_owned(), false.into());
    }
    conditions(&mut member, query.platform.as_deref(), query.min_osquery_version.as_deref(), query.shard);
    Value::Object(member)
}

fn conditions(
    member: &mut Map<String, Value>,
    platform: Option<&str>,
    version: Option<&str>,
    shard: Option<i32>,
) {
    if let Some(platform) = platform {
        member.insert("platform".to_owned(), platform.into());
    }
    if let Some(version) = version {
        member.insert("version".to_owned(), version.into());
    }
    if let Some(shard) = shard {
        member.insert("shard".to_owned(), shard.into());
    }
}

fn is_for(whose: For<'_>, scope: &str) -> bool {
    whose.labels.is_none_or(|labels| LabelScope::stored(scope).meets(labels))
}
