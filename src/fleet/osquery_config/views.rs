//! The rules that concern a configuration as a whole: checked over every team and platform when anything changes.

use std::collections::{BTreeMap, BTreeSet};

use entity::id::TeamId;
use sea_orm::DatabaseTransaction;
use serde_json::{Map, Value};

use super::assemble::{For, assemble, delimiter};
use super::material::{LabelLayer, Material};
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::osquery::{names, text};
use crate::policy::Scope;

/// Room that a configuration leaves below the limit of an agent, for its etag.
const SPARE: usize = 256;

/// Every configuration that is served, as it will be after a change that is not committed yet.
pub(in crate::fleet) struct Views;

impl Views {
    /// Refuses a change by which some host of `team` (of any team, for [`TeamId::NONE`]) would be sent what its agent
    /// drops: too much, too deep, or two queries under one name.
    ///
    /// # Errors
    /// Rejected at `path`; unavailable.
    pub(in crate::fleet) async fn check(
        fleet: &Fleet,
        tx: &DatabaseTransaction,
        team: TeamId,
        path: &'static str,
    ) -> Result<(), FleetError> {
        let scope = if team == TeamId::NONE { Scope::system() } else { Scope::of_host(team) };
        let material = Material::read(tx, &scope).await?;
        let teams = if team == TeamId::NONE { material.teams() } else { BTreeSet::from([team]) };
        for team in teams {
            for platform in material.audiences() {
                let whose = For { team, platform, labels: None };
                let interval = fleet.settings.check_in_interval.as_secs();
                let document = assemble(&material, whose, interval).document;
                let problem = problem(document.clone())
                    .or_else(|| too_much(document, material.label_layers_of(team, platform)))
                    .or_else(|| doubled(&material, team));
                if let Some((code, message)) = problem {
                    return Err(FleetError::rejected(code, path, message));
                }
            }
        }
        Ok(())
    }
}

/// What an agent would drop of a configuration.
pub(super) fn problem(document: Map<String, Value>) -> Option<(RejectionCode, String)> {
    if let Some((one, other, name)) = collision(&document) {
        let message = format!("{one} and {other} would both be logged as `{name}`");
        return Some((RejectionCode::NotUnique, message));
    }
    let value = Value::Object(document);
    let (depth, bytes) = (text::depth(&value), text::compact(&value).len());
    if depth > text::MAX_DEPTH {
        let message =
            format!("the configuration would nest {depth} deep; an agent takes {}", text::MAX_DEPTH);
        return Some((RejectionCode::LimitExceeded, message));
    }
    if bytes > text::MAX_BYTES - SPARE {
        let message = format!(
            "the configuration of some hosts would have {bytes} bytes; an agent takes {}",
            text::MAX_BYTES
        );
        return Some((RejectionCode::LimitExceeded, message));
    }
    None
}

/// What an agent would drop when it has every label, for none has more: a configuration is at most as large as its layers
/// together, and as deep as the deepest. Whichever of them a host gets, it is sound then.
fn too_much<'a>(
    document: Map<String, Value>,
    over: impl Iterator<Item = &'a LabelLayer>,
) -> Option<(RejectionCode, String)> {
    let mut bytes = text::compact(&Value::Object(document)).len();
    for layer in over {
        let value = Value::Object(layer.document.clone());
        bytes += text::compact(&value).len();
        if text::depth(&value) > text::MAX_DEPTH {
            let message = format!("a configuration nests at most {} deep", text::MAX_DEPTH);
            return Some((RejectionCode::LimitExceeded, message));
        }
    }
    (bytes > text::MAX_BYTES - SPARE).then(|| {
        let message = format!(
            "with all layers for labels the configuration of some hosts could have {bytes} bytes; an agent takes {}",
            text::MAX_BYTES
        );
        (RejectionCode::LimitExceeded, message)
    })
}

/// Two queries that an agent would log under one name.
fn collision(document: &Map<String, Value>) -> Option<(String, String, String)> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let delimiter = delimiter(document);
    let packs = document.get("packs").and_then(Value::as_object);
    let in_packs =
        packs.into_iter().flatten().map(|(pack, member)| (Some(pack.as_str()), member.get("queries")));
    for (pack, queries) in in_packs.chain([(None, document.get("schedule"))]) {
        for query in queries.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            let name = names::logged(pack, query, delimiter);
            let shown =
                pack.map_or(format!("query `{query}`"), |pack| format!("query `{query}` of pack `{pack}`"));
            if let Some(other) = known.insert(name.clone(), shown.clone()) {
                return Some((other, shown, name));
            }
        }
    }
    None
}

/// Two of the same name that are for the same hosts, one global and one of the team.
fn doubled(material: &Material, team: TeamId) -> Option<(RejectionCode, String)> {
    let mut known = BTreeSet::new();
    let queries = material.queries_of(team, entity::id::PackId::NONE);
    if let Some(query) = queries.into_iter().find(|query| !known.insert(query.name.as_str())) {
        let message =
            format!("a scheduled query `{}` is there already, global or in a team of such hosts", query.name);
        return Some((RejectionCode::NotUnique, message));
    }
    let mut known = BTreeSet::new();
    let pack = material.packs_for(team).find(|pack| !known.insert(pack.name.as_str()))?;
    let message = format!("a pack `{}` is there already, global or in a team of such hosts", pack.name);
    Some((RejectionCode::NotUnique, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem_of(document: Value) -> Option<RejectionCode> {
        let Value::Object(document) = document else { panic!("an object") };
        problem(document).map(|(code, _)| code)
    }

    /// Case C07.
    #[test]
    fn c07_names_that_collide() {
        let packs = json!({ "a_b": { "queries": { "c": {} } }, "a": { "queries": { "b_c": {} } } });
        assert_eq!(problem_of(json!({ "schedule": {}, "packs": packs })), Some(RejectionCode::NotUnique));
        let options = json!({ "pack_delimiter": "/" });
        assert_eq!(problem_of(json!({ "options": options, "schedule": {}, "packs": packs })), None);
        let schedule = json!({ "pack_a_b": {} });
        let packs = json!({ "a": { "queries": { "b": {} } } });
        assert_eq!(
            problem_of(json!({ "schedule": schedule, "packs": packs })),
            Some(RejectionCode::NotUnique)
        );
    }

    /// Case C11.
    #[test]
    fn c11_too_large_or_too_deep() {
        let large = json!({ "views": { "v": "x".repeat(text::MAX_BYTES) }, "schedule": {} });
        assert_eq!(problem_of(large), Some(RejectionCode::LimitExceeded));
        let mut deep = json!({});
        for _ in 0..31 {
            deep = json!({ "a": deep });
        }
        assert_eq!(problem_of(json!({ "options": deep.clone() })), Some(RejectionCode::LimitExceeded));
        assert_eq!(problem_of(json!({ "options": deep["a"] })), None);
    }
}
