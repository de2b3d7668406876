//! Writing what hosts answered to policies, in the transaction of all that was due.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::hosts::{Column, Model};
use entity::id::{HostId, LabelId, PolicyChangeId, PolicyId};
use entity::policy_results::Model as Stored;
use sea_orm::DatabaseTransaction;

use super::due::of_key;
use super::{Known, PolicyState, PolicyTurn};
use crate::clock::Timestamp;
use crate::fleet::due::{DueAnswer, HostNews, Told};
use crate::policy::Scope;
use crate::store::policy_counts::Deltas;
use crate::store::{StoreError, hosts, labels, policies, policies_lock, policy_changes, policy_results};

/// Characters of an error that are kept.
const MAX_ERROR: usize = 1_000;

/// Writes the answers of hosts whose rows are locked: those to the policies as they are now, of hosts that they are about.
///
/// # Errors
/// When the database fails.
pub(in crate::fleet) async fn record(
    tx: &DatabaseTransaction,
    now: Timestamp,
    rows: &[Model],
    told: &[Told<'_>],
    news: &mut HostNews,
) -> Result<(), StoreError> {
    if told.is_empty() {
        return Ok(());
    }
    policies_lock(tx).await?;
    let ids: BTreeSet<PolicyId> = told
        .iter()
        .flat_map(|(_, answers)| answers)
        .filter_map(|answer| asked(answer))
        .map(|(id, _)| id)
        .collect();
    let ids: Vec<PolicyId> = ids.into_iter().collect();
    let known = read_known(tx, &ids).await?;
    let known: BTreeMap<PolicyId, Known> = known.into_iter().map(|known| (known.policy.id, known)).collect();
    let hosts: Vec<HostId> = told.iter().map(|(host, _)| *host).collect();
    let has = labels_of(tx, known.values(), &hosts).await?;
    let stored = policy_results::of_hosts(tx, &Scope::system(), &hosts, Some(&ids)).await?;
    let mut writing = Writing {
        now,
        stored: stored.into_iter().map(|row| ((row.host_id, row.policy_id), row)).collect(),
        written: BTreeMap::new(),
        turns: Vec::new(),
        deltas: Deltas::default(),
    };
    let rows: BTreeMap<HostId, &Model> = rows.iter().map(|row| (row.id, row)).collect();
    for (host, answers) in told {
        let Some(row) = rows.get(host) else { continue };
        let labels = has.get(host).map(Vec::as_slice).unwrap_or_default();
        for answer in answers {
            let Some((id, revision)) = asked(answer) else { continue };
            let Some(known) = known.get(&id).filter(|known| known.policy.revision == revision) else {
                continue;
            };
            if known.is_about(row.team_id, row.platform, labels) && writing.take(row, id, answer) {
                news.updated.insert(*host);
                news.policies.entry((id, row.team_id)).or_default().insert(*host);
            }
        }
    }
    policy_results::write(tx, writing.written.into_values().collect(), &writing.deltas).await?;
    policy_changes::insert(tx, writing.turns).await
}

/// Has hosts that have just told their labels asked soon what policies by these labels they never answered. What they
/// answered to others, by labels that they do not have any more, goes.
///
/// # Errors
/// When the database fails.
pub(in crate::fleet) async fn ask_newcomers(
    tx: &DatabaseTransaction,
    rows: &[Model],
    hosts: &[HostId],
    news: &mut HostNews,
) -> Result<(), StoreError> {
    if hosts.is_empty() {
        return Ok(());
    }
    let narrowed = policies::labels_of(tx, &Scope::system(), None).await?;
    if narrowed.is_empty() {
        return Ok(());
    }
    policies_lock(tx).await?;
    for place in policy_results::settle(tx, policy_results::Unsettled::Hosts(hosts)).await? {
        news.policies.entry(place).or_default();
    }
    let ids: Vec<PolicyId> = narrowed.into_keys().collect();
    let known = read_known(tx, &ids).await?;
    let has = labels_of(tx, known.iter(), hosts).await?;
    let answered = policy_results::of_hosts(tx, &Scope::system(), hosts, Some(&ids)).await?;
    let answered: BTreeSet<_> = answered.into_iter().map(|row| (row.host_id, row.policy_id)).collect();
    let is_new = |row: &&Model| {
        let labels = has.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        let owes = |known: &Known| {
            known.is_about(row.team_id, row.platform, labels)
                && !answered.contains(&(row.id, known.policy.id))
        };
        hosts.contains(&row.id) && known.iter().any(owes)
    };
    let new: Vec<HostId> = rows.iter().filter(is_new).map(|row| row.id).collect();
    hosts::clear_answered(tx, Column::PoliciesAt, &new).await?;
    news.asked_anew.extend(new);
    Ok(())
}

/// What a host answered that stays, and how that differs from before.
struct Writing {
    now: Timestamp,
    stored: HashMap<(HostId, PolicyId), Stored>,
    written: BTreeMap<(HostId, PolicyId), Stored>,
    turns: Vec<PolicyTurn>,
    deltas: Deltas,
}

impl Writing {
    /// Takes an answer; whether the host stands otherwise to the policy than before.
    fn take(&mut self, row: &Model, policy: PolicyId, answer: &DueAnswer) -> bool {
        let place = (row.id, policy);
        let before = self.written.get(&place).or_else(|| self.stored.get(&place));
        let before = before.map(|before| (before.state, before.since, before.team_id));
        let (state, error) = outcome(answer);
        let since = before.filter(|(was, ..)| *was == state).map_or(self.now, |(_, since, _)| since);
        if let Some((was, _, team)) = before {
            self.deltas.add(policy, team, was, -1);
        }
        self.deltas.add(policy, row.team_id, state, 1);
        let has_turned = before.is_none_or(|(was, ..)| was != state);
        if has_turned {
            self.turns.push(PolicyTurn {
                id: PolicyChangeId(0),
                policy_id: policy,
                host_id: row.id,
                state,
                before: before.map(|(was, ..)| was),
                changed_at: self.now,
                error: error.clone(),
            });
        }
        let (host_id, team_id, checked_at) = (row.id, row.team_id, self.now);
        let written = Stored { host_id, policy_id: policy, team_id, state, since, checked_at, error };
        self.written.insert(place, written);
        has_turned
    }
}

/// How an answer is taken: a row or more passes.
fn outcome(answer: &DueAnswer) -> (PolicyState, Option<String>) {
    match answer.row_count() {
        None => {
            let why: String = answer.failure().unwrap_or_default().chars().take(MAX_ERROR).collect();
            (PolicyState::Error, Some(why))
        }
        Some(0) => (PolicyState::Fail, None),
        Some(_) => (PolicyState::Pass, None),
    }
}

fn asked(answer: &DueAnswer) -> Option<(PolicyId, i32)> {
    of_key(&answer.key)
}

/// These policies with their labels.
async fn read_known(tx: &DatabaseTransaction, ids: &[PolicyId]) -> Result<Vec<Known>, StoreError> {
    let system = Scope::system();
    let policies = policies::by_ids(tx, &system, ids).await?;
    let labels = policies::labels_of(tx, &system, Some(ids)).await?;
    Ok(Known::all(policies, &labels))
}

/// The labels of hosts, as far as these policies ask for some.
async fn labels_of<'a>(
    tx: &DatabaseTransaction,
    policies: impl Iterator<Item = &'a Known>,
    hosts: &[HostId],
) -> Result<HashMap<HostId, Vec<LabelId>>, StoreError> {
    let mut has: HashMap<HostId, Vec<LabelId>> = HashMap::new();
    if policies.map(|known| &known.labels).all(|labels| labels.labels().next().is_none()) {
        return Ok(has);
    }
    for (host, label) in labels::of_hosts(tx, &Scope::system(), hosts).await? {
        has.entry(host).or_default().push(label);
    }
    Ok(has)
}
