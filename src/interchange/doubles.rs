//! What several texts say of one thing: settled so that a name is there once.

use std::collections::HashMap;

use super::model::{Collection, Layer, Pack, TeamName};
use super::node::{Member, Node, Value};
use super::place::{At, Notes, Place};

/// A collection that is being read.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) collection: Collection,
    /// The schedules of osquery's configurations: each as the pack that it becomes when several disagree.
    pub(super) schedules: Vec<Pack>,
}

impl Draft {
    /// The collection, with each name once in its team. Of two that differ the later one stays, as it would when the
    /// texts were applied one after another; of two schedules, each becomes a pack, so that no query is lost.
    pub(super) fn settle(mut self, notes: &mut Notes) -> Collection {
        let disagree: Vec<bool> = self.schedules.iter().map(|one| self.disagrees(one)).collect();
        for (schedule, disagrees) in std::mem::take(&mut self.schedules).into_iter().zip(disagree) {
            if disagrees {
                let message = format!(
                    "another file schedules other queries under the same names: this schedule becomes a pack, `{}`",
                    schedule.name.value
                );
                notes.warn(&schedule.name.place, message);
                self.collection.packs.push(schedule);
            } else {
                self.collection.queries.extend(schedule.queries);
            }
        }
        let Collection { labels, layers, queries, packs, policies } = self.collection;
        let mut packs = once(packs, "pack", |pack| (&pack.team, &pack.name), notes);
        for pack in &mut packs {
            let queries = std::mem::take(&mut pack.queries);
            pack.queries = once(queries, "query", |query| (&query.team, &query.name), notes);
        }
        Collection {
            labels: once(labels, "label", |label| (&label.team, &label.name), notes),
            layers: merged(layers, notes),
            queries: once(queries, "query", |query| (&query.team, &query.name), notes),
            packs,
            policies: once(policies, "policy", |policy| (&policy.team, &policy.name), notes),
        }
    }

    /// Whether another schedule has another query under a name of this one.
    fn disagrees(&self, one: &Pack) -> bool {
        let others = self.schedules.iter().filter(|other| other.name.place != one.name.place);
        others.filter(|other| other.team == one.team).any(|other| {
            let known: HashMap<&str, _> =
                other.queries.iter().map(|query| (query.name.value.as_str(), query)).collect();
            one.queries
                .iter()
                .any(|query| known.get(query.name.value.as_str()).is_some_and(|it| *it != query))
        })
    }
}

/// Each name once in its team: of those that differ the last, at the place of the first.
fn once<T: PartialEq>(
    things: Vec<T>,
    what: &str,
    key: impl Fn(&T) -> (&TeamName, &At<String>),
    notes: &mut Notes,
) -> Vec<T> {
    let mut known: HashMap<(Option<String>, String), usize> = HashMap::new();
    let mut kept: Vec<T> = Vec::new();
    for thing in things {
        let (team, name) = key(&thing);
        let id = (team.as_ref().map(|team| team.value.clone()), name.value.clone());
        match known.get(&id).and_then(|at| kept.get_mut(*at)) {
            None => {
                known.insert(id, kept.len());
                kept.push(thing);
            }
            Some(first) if *first == thing => {}
            Some(first) => {
                let message = format!(
                    "{what} `{}` is here again, and different: this one takes the place of that at {}",
                    name.value,
                    key(first).1.place
                );
                notes.warn(&name.place, message);
                *first = thing;
            }
        }
    }
    kept
}

/// One layer a team and platform, and one a team and name: members of later ones are laid over those of earlier ones.
fn merged(layers: Vec<Layer>, notes: &mut Notes) -> Vec<Layer> {
    let mut kept: Vec<Layer> = Vec::new();
    for layer in layers {
        match kept.iter_mut().find(|other| is_same(other, &layer)) {
            None => kept.push(layer),
            Some(first) => {
                tell_of_labels(first, &layer, notes);
                let Layer { team: _, platform, for_labels, document } = layer;
                (first.platform, first.for_labels) = (platform, for_labels);
                lay_over(&mut first.document, document, "", notes);
            }
        }
    }
    kept
}

/// Whether two texts say something of one layer.
fn is_same(one: &Layer, other: &Layer) -> bool {
    let name = |layer: &Layer| layer.for_labels.as_ref().map(|labels| labels.name.value.clone());
    let is_place_same = name(one).is_some() || one.platform == other.platform;
    one.team == other.team && name(one) == name(other) && is_place_same
}

/// Says where a later text has one layer for others than an earlier one.
fn tell_of_labels(first: &Layer, later: &Layer, notes: &mut Notes) {
    let Some(labels) = &later.for_labels else { return };
    if (&first.for_labels, &first.platform) != (&later.for_labels, &later.platform) {
        let (name, place) = (&labels.name.value, &first.document.place);
        let message = format!(
            "configuration `{name}` is here again, for other hosts: for these, and not those of {place}"
        );
        notes.warn(&labels.name.place, message);
    }
}

fn lay_over(base: &mut Node, over: Node, path: &str, notes: &mut Notes) {
    let place = over.place.clone();
    match (&mut base.value, over.value) {
        (Value::Object(members), Value::Object(others)) => {
            for Member { name, node } in others {
                let path =
                    if path.is_empty() { name.value.clone() } else { format!("{path}.{}", name.value) };
                match members.iter_mut().find(|member| member.name == name) {
                    None => members.push(Member { name, node }),
                    Some(member) => lay_over(&mut member.node, node, &path, notes),
                }
            }
        }
        (value, other) if *value == other => {}
        (value, other) => {
            tell(path, &base.place, &place, notes);
            *value = other;
            base.place = place;
        }
    }
}

fn tell(path: &str, first: &Place, place: &Place, notes: &mut Notes) {
    let message =
        format!("`{path}` is here again, and different: this one takes the place of that at {first}");
    notes.warn(place, message);
}
