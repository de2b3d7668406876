//! Labels by SQL: what hosts are asked, and what becomes of their answers.
//!
//! A host is a member when the SQL returns a row there. Answers change memberships by deltas, in the transaction that
//! makes them durable; a failure changes none, and is kept until the next success.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::hosts::Model as HostRow;
use entity::id::{HostId, LabelId, TeamId};
use sea_orm::DatabaseTransaction;

use super::{Label, LabelFailure, LabelKind, platforms};
use crate::clock::Timestamp;
use crate::fleet::due::{DueAnswer, DueItem, HostNews};
use crate::fleet::schedule::LabelScope;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::label_sets::Delta;
use crate::store::{StoreError, label_failures, label_members, labels};

/// A host's answers.
type Told<'a> = (HostId, Vec<&'a DueAnswer>);

/// What hosts answered last, by label and host: since when the label is as it was when they were asked, and whether there
/// was a row, or why not.
type Answers<'a> = BTreeMap<(LabelId, HostId), (Timestamp, Result<bool, &'a str>)>;

impl Fleet {
    /// What hosts are asked for their labels.
    ///
    /// # Errors
    /// Unavailable.
    pub(in crate::fleet) async fn label_queries(&self) -> Result<Vec<DueItem>, FleetError> {
        let dynamic = labels::dynamic(self.store.reader(), &Scope::system()).await?;
        Ok(dynamic.iter().filter_map(item).collect())
    }
}

fn item(label: &Label) -> Option<DueItem> {
    Some(DueItem {
        key: key_of(label).into(),
        sql: label.sql.as_deref()?.into(),
        platforms: platforms(label),
        team: label.team_id.some(),
        labels: LabelScope::default(),
        since: label.asked_since,
    })
}

/// A label's key: with the time since when it asks what it asks, so that an answer to other SQL is none of it.
fn key_of(label: &Label) -> String {
    format!("{}_{}", label.id.0, label.asked_since.0)
}

fn of_key(key: &str) -> Option<(LabelId, Timestamp)> {
    let (label, since) = key.split_once('_')?;
    Some((LabelId(label.parse().ok()?), Timestamp(since.parse().ok()?)))
}

/// Writes who joins and who leaves, of hosts whose rows are locked.
///
/// # Errors
/// When the database fails.
pub(in crate::fleet) async fn record(
    tx: &DatabaseTransaction,
    now: Timestamp,
    rows: &[HostRow],
    told: &[Told<'_>],
    news: &mut HostNews,
) -> Result<(), StoreError> {
    let answers = last_answers(told);
    if answers.is_empty() {
        return Ok(());
    }
    let Differences { turned, failing, healed } = compare(tx, &answers).await?;
    let concerned: BTreeSet<LabelId> = turned.iter().chain(&failing).map(|(label, _)| *label).collect();
    if !concerned.is_empty() {
        let locked = labels::lock_for_members(tx, concerned).await?;
        let valid = Valid {
            labels: locked.into_iter().map(|label| (label.id, label)).collect(),
            hosts: rows.iter().map(|row| (row.id, row)).collect(),
        };
        let delta = delta(&answers, &turned, &valid);
        label_members::apply(tx, &delta).await?;
        label_failures::write(tx, failures(&answers, &failing, &valid, now)).await?;
        news.relabelled.extend(delta.hosts());
    }
    label_failures::forget(tx, &healed).await
}

fn last_answers<'a>(told: &[Told<'a>]) -> Answers<'a> {
    let mut last = Answers::new();
    for (host, answers) in told {
        for answer in answers {
            let Some((label, since)) = of_key(&answer.key) else { continue };
            let outcome = match (answer.row_count(), answer.failure()) {
                (Some(rows), _) => Ok(rows > 0),
                (None, failure) => Err(failure.unwrap_or_default()),
            };
            last.insert((label, *host), (since, outcome));
        }
    }
    last
}

/// What of the answers is another thing than is stored.
#[derive(Default)]
struct Differences {
    /// Who joins or leaves.
    turned: Vec<(LabelId, HostId)>,
    /// Where it fails, or with another message.
    failing: Vec<(LabelId, HostId)>,
    /// Where it failed and does not any more.
    healed: BTreeMap<LabelId, Vec<HostId>>,
}

async fn compare(tx: &DatabaseTransaction, answers: &Answers<'_>) -> Result<Differences, StoreError> {
    let labels: BTreeSet<LabelId> = answers.keys().map(|(label, _)| *label).collect();
    let hosts: BTreeSet<HostId> = answers.keys().map(|(_, host)| *host).collect();
    let (labels, hosts): (Vec<_>, Vec<_>) = (labels.into_iter().collect(), hosts.into_iter().collect());
    let members = label_members::among(tx, &Scope::system(), &labels, &hosts).await?;
    let failed = label_failures::among(tx, &Scope::system(), &labels, &hosts).await?;
    let failed: HashMap<(LabelId, HostId), String> =
        failed.into_iter().map(|row| ((row.label_id, row.host_id), row.message)).collect();
    let mut found = Differences::default();
    for (place, (_, outcome)) in answers {
        match outcome {
            Ok(is_member) => {
                found.turned.extend((*is_member != members.contains(place)).then_some(*place));
                if failed.contains_key(place) {
                    found.healed.entry(place.0).or_default().push(place.1);
                }
            }
            Err(message) => {
                let is_known = failed.get(place).is_some_and(|known| known == message);
                found.failing.extend((!is_known).then_some(*place));
            }
        }
    }
    Ok(found)
}

/// Labels and hosts as they are under their locks.
struct Valid<'a> {
    labels: HashMap<LabelId, Label>,
    hosts: HashMap<HostId, &'a HostRow>,
}

impl Valid<'_> {
    /// The team of a host that the label still asks what it was asked.
    fn team(&self, (label, host): (LabelId, HostId), since: Timestamp) -> Option<TeamId> {
        let (label, host) = (self.labels.get(&label)?, self.hosts.get(&host)?);
        let asked = platforms(label);
        let is_asked = label.kind == LabelKind::Dynamic
            && label.asked_since == since
            && label.team_id.some().is_none_or(|team| team == host.team_id)
            && (asked.is_empty() || asked.contains(&host.platform));
        is_asked.then_some(host.team_id)
    }
}

fn delta(answers: &Answers<'_>, turned: &[(LabelId, HostId)], valid: &Valid<'_>) -> Delta {
    let mut delta = Delta::default();
    for place in turned {
        let Some((since, Ok(is_member))) = answers.get(place) else { continue };
        let Some(team) = valid.team(*place, *since) else { continue };
        if *is_member {
            delta.join(place.0, place.1, team);
        } else {
            delta.leave(place.0, place.1, team);
        }
    }
    delta
}

fn failures(
    answers: &Answers<'_>,
    failing: &[(LabelId, HostId)],
    valid: &Valid<'_>,
    now: Timestamp,
) -> Vec<LabelFailure> {
    let failure = |place: &(LabelId, HostId)| {
        let (since, Err(message)) = answers.get(place)? else { return None };
        valid.team(*place, *since)?;
        let (label_id, host_id) = *place;
        Some(LabelFailure { label_id, host_id, message: (*message).to_owned(), failed_at: now })
    };
    failing.iter().filter_map(failure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_which_label_as_of_when() {
        assert_eq!(of_key("17_1795348000000"), Some((LabelId(17), Timestamp(1_795_348_000_000))));
        for wrong in ["", "17", "_1", "17_", "x_1", "1_x"] {
            assert_eq!(of_key(wrong), None, "{wrong}");
        }
    }
}
