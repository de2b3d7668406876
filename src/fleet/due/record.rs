//! The transaction that makes reports durable: each kind writes its own, under the locks of the hosts' rows.

use std::collections::{BTreeMap, BTreeSet};

use entity::hosts::Column;
use entity::id::{HostId, PolicyId, TeamId};
use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;

use super::{DueAnswer, DueKind, Lists, Report};
use crate::clock::Timestamp;
use crate::fleet::{labels, policies, vitals};
use crate::policy::Scope;
use crate::store::{StoreError, hosts};

/// What a transaction changed, to be told after its commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNews {
    /// Hosts of which something changed that people see or search.
    pub updated: BTreeSet<HostId>,
    /// Of these, the ones whose name changed, which servers keep in memory.
    pub renamed: BTreeSet<HostId>,
    /// Hosts that joined or left labels.
    pub relabelled: BTreeSet<HostId>,
    /// Those that are to be asked something soon: servers forget how far they were.
    pub asked_anew: BTreeSet<HostId>,
    /// Policies to which hosts of a team stand otherwise, and these hosts; none where only the counts are others.
    pub policies: BTreeMap<(PolicyId, TeamId), BTreeSet<HostId>>,
}

impl HostNews {
    /// The rows of `changes` that the transaction must record, as its last statement.
    #[must_use]
    pub fn changes(&self) -> Vec<(ChangeKind, i64)> {
        let updated = self.updated.iter().map(|host| (ChangeKind::HostUpdated, host.0));
        let forgotten: BTreeSet<&HostId> = self.renamed.union(&self.asked_anew).collect();
        let forgotten = forgotten.into_iter().map(|host| (ChangeKind::Host, host.0));
        let relabelled = self.relabelled.iter().map(|host| (ChangeKind::HostLabels, host.0));
        updated.chain(forgotten).chain(relabelled).collect()
    }

    /// Those of policies, which an id does not tell.
    #[must_use]
    pub fn policy_changes(&self) -> Vec<(ChangeKind, String)> {
        self.policies.iter().map(|(place, hosts)| policies::turned(*place, hosts)).collect()
    }
}

/// A host's answers of one kind.
pub(in crate::fleet) type Told<'a> = (HostId, Vec<&'a DueAnswer>);

/// Writes the reports of hosts that are still there, as far as they answer what is asked; the last report of a host is
/// the one that stays.
///
/// # Errors
/// When the database fails; the caller rolls back.
pub(super) async fn reports(
    tx: &DatabaseTransaction,
    now: Timestamp,
    lists: &Lists,
    reports: &[&Report],
) -> Result<HostNews, StoreError> {
    let ids: BTreeSet<HostId> = reports.iter().map(|report| report.host.id).collect();
    let ids: Vec<HostId> = ids.into_iter().collect();
    let rows = hosts::lock_rows(tx, &Scope::system(), &ids).await?;
    let mut news = HostNews::default();
    for kind in DueKind::ALL {
        let told = of_kind(reports, kind, |report, answer| {
            let is_there = rows.iter().any(|row| row.id == report.host.id);
            is_there && lists.has(kind, &answer.key)
        });
        match kind {
            DueKind::Vital => vitals::record(tx, now, &rows, &told, &mut news).await?,
            DueKind::Label => labels::record(tx, now, &rows, &told, &mut news).await?,
            DueKind::Policy => policies::record(tx, now, &rows, &told, &mut news).await?,
        }
        let ended = reports.iter().filter(|report| report.ends.contains(&(kind, true)));
        let ended: Vec<HostId> = ended.map(|report| report.host.id).collect();
        hosts::set_answered(tx, column_of(kind), &ended, now).await?;
    }
    let relabelled: Vec<HostId> = news.relabelled.iter().copied().collect();
    policies::ask_newcomers(tx, &rows, &relabelled, &mut news).await?;
    Ok(news)
}

/// The answers of one kind by host, in the order of the reports: those that are wanted.
fn of_kind<'a>(
    reports: &[&'a Report],
    kind: DueKind,
    is_wanted: impl Fn(&Report, &DueAnswer) -> bool,
) -> Vec<Told<'a>> {
    let mut told: BTreeMap<HostId, Vec<&DueAnswer>> = BTreeMap::new();
    for report in reports {
        let of_kind = report.answers.iter().filter(|answer| answer.kind == kind);
        let answers: Vec<_> = of_kind.filter(|answer| is_wanted(report, answer)).collect();
        if !answers.is_empty() {
            told.entry(report.host.id).or_default().extend(answers);
        }
    }
    told.into_iter().collect()
}

/// The column of `hosts` that keeps when a host last answered all of a kind.
fn column_of(kind: DueKind) -> Column {
    match kind {
        DueKind::Vital => Column::VitalsAt,
        DueKind::Label => Column::LabelsAt,
        DueKind::Policy => Column::PoliciesAt,
    }
}
