//! When and where something runs, in osquery's spelling, which most forms share.

use super::fields::Fields;
use super::model::{Conditions, Logging, Schedule};
use super::place::{At, Notes, Place};

/// Seconds between two runs at most, a week.
const MAX_INTERVAL_S: i64 = 604_800;

/// What a query is for; osquery's `value` says what it is worth, and is kept with it.
pub(super) fn description(fields: &mut Fields<'_>, notes: &mut Notes) -> Option<String> {
    let description = fields.words("description", notes);
    let Some(value) = fields.words("value", notes) else { return description };
    match description {
        Some(description) if description != value => Some(format!("{description}\nValue: {value}")),
        _ => Some(value),
    }
}

/// The seconds between two runs: a number, perhaps as a text; agents read `"60s"` as 60.
pub(super) fn interval(fields: &mut Fields<'_>, notes: &mut Notes) -> Option<At<i64>> {
    let node = fields.node("interval")?;
    if let Some(text) = node.text().map(str::trim) {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = text[digits..].trim();
        if digits > 0 && matches!(unit, "s" | "sec" | "seconds") {
            notes.warn(&node.place, format!("the interval `{text}` is taken as {} seconds", &text[..digits]));
            return text[..digits].parse().ok().map(|seconds| At::new(node.place.clone(), seconds));
        }
    }
    fields.integer("interval", notes)
}

/// Whether agents skip a scheduled query of this interval; it is said, and so it is left out here too.
pub(super) fn never_runs(name: &str, interval: &At<i64>, notes: &mut Notes) -> bool {
    let runs = (1..=MAX_INTERVAL_S).contains(&interval.value);
    if !runs {
        let message = format!(
            "query `{name}` has an interval of {}: agents skip any but 1 to {MAX_INTERVAL_S} seconds; left out",
            interval.value
        );
        notes.warn(&interval.place, message);
    }
    !runs
}

/// The schedule of a query in osquery's spelling.
pub(super) fn schedule(interval_s: At<i64>, fields: &mut Fields<'_>, notes: &mut Notes) -> Schedule {
    let is_snapshot = fields.truth("snapshot", notes).unwrap_or(false);
    let has_removed = fields.truth("removed", notes).unwrap_or(true);
    let logging = match (is_snapshot, has_removed) {
        (true, _) => Logging::Snapshot,
        (false, true) => Logging::Differential,
        (false, false) => Logging::DifferentialIgnoreRemovals,
    };
    let old = fields.truth("blacklist", notes);
    Schedule {
        interval_s,
        logging,
        conditions: conditions(fields, notes),
        denylist: fields.truth("denylist", notes).or(old).unwrap_or(true),
        discard_data: false,
        automations: true,
    }
}

/// Where something runs, in osquery's spelling.
pub(super) fn conditions(fields: &mut Fields<'_>, notes: &mut Notes) -> Conditions {
    Conditions {
        platform: platforms(fields, "platform", notes),
        min_osquery_version: fields.text("version", notes),
        shard: fields.integer("shard", notes).filter(|shard| shard.value != 0),
        include_any: Vec::new(),
        exclude_any: Vec::new(),
    }
}

/// Platforms as a text with commas; a list of them is one too. Empty, `any` and `all` are no condition.
pub(super) fn platforms(
    fields: &mut Fields<'_>,
    name: &'static str,
    notes: &mut Notes,
) -> Option<At<String>> {
    let texts = fields.texts(name, notes);
    let place: Place = texts.first()?.place.clone();
    let words =
        texts.iter().flat_map(|text| text.value.split(',')).map(|word| word.trim().to_ascii_lowercase());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    let is_everywhere = words.is_empty() || words.iter().any(|word| word == "any" || word == "all");
    (!is_everywhere).then(|| At::new(place, words.join(",")))
}
