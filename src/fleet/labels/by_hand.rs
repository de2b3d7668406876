//! Putting hosts into labels by hand, and taking them out.

use std::collections::BTreeSet;

use entity::hosts::Model as HostRow;
use entity::id::{HostId, PublicId};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::affected::Affected;
use super::{Label, LabelKind};
use crate::fleet::activity::NewActivity;
use crate::fleet::hosts::{MAX_HOSTS, managed};
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::label_sets::Delta;
use crate::store::{changes, hosts, label_members, labels};

/// Which hosts are meant.
#[derive(Clone, Debug, Default)]
pub struct HostsByHand {
    /// By outside id, at most 1,000; each must be there.
    pub ids: Vec<PublicId>,
    /// By host name, identifier, serial or hardware UUID, in any case, at most 1,000; every host of that name.
    pub names: Vec<String>,
}

/// What was done to the members of a label.
#[derive(Clone, Debug)]
pub struct Relabelled {
    /// The label.
    pub label: Label,
    /// How many hosts joined or left.
    pub hosts: u64,
    /// Names that no host has, of those that the label may have and the actor manages.
    pub unmatched: Vec<String>,
}

/// What is done to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Adding,
    Removing,
}

impl Fleet {
    /// Puts hosts into a label by hand. Those of a team's label are in the team.
    ///
    /// # Errors
    /// Denied; rejected: a label that is absent, or has its members by itself (`labelId`); a host that is absent, not
    /// visible, or in another team than the label (`hostIds`); too many (`hostIds`, `names`); unavailable.
    pub async fn add_hosts_to_label(
        &self,
        actor: &Actor,
        label: &PublicId,
        hosts: &HostsByHand,
    ) -> Result<Relabelled, FleetError> {
        self.relabel(actor, label, hosts, Doing::Adding).await
    }

    /// Takes hosts out of a label that has its members by hand.
    ///
    /// # Errors
    /// As [`Self::add_hosts_to_label`].
    pub async fn remove_hosts_from_label(
        &self,
        actor: &Actor,
        label: &PublicId,
        hosts: &HostsByHand,
    ) -> Result<Relabelled, FleetError> {
        self.relabel(actor, label, hosts, Doing::Removing).await
    }

    async fn relabel(
        &self,
        actor: &Actor,
        id: &PublicId,
        by_hand: &HostsByHand,
        doing: Doing,
    ) -> Result<Relabelled, FleetError> {
        allow(actor, Action::ManageHosts, None)?;
        let by_hand = distinct(by_hand)?;
        let tx = self.store.begin().await?;
        let label = label_by_hand(&tx, actor, id).await?;
        let (ids, unmatched) = find(&tx, actor, &label, &by_hand).await?;
        let rows = hosts::lock_rows(&tx, &Scope::system(), &ids).await?;
        refuse_others(&label, &rows)?;
        let delta = relabelled(&tx, &label, &rows, doing).await?;
        let moved = delta.hosts();
        if moved.is_empty() {
            return Ok(Relabelled { label, hosts: 0, unmatched });
        }
        label_members::apply(&tx, &delta).await?;
        self.record_relabelled(&tx, actor, &label, (moved.len(), doing)).await?;
        let affected = Affected::These(moved.iter().copied().collect());
        let told = affected.settle(&tx, &rows).await?;
        changes::record_all(&tx, &[affected.changes(), told.changes()].concat(), &told.policy_changes())
            .await?;
        tx.commit().await?;
        self.announce().await;
        Ok(Relabelled { label, hosts: moved.len() as u64, unmatched })
    }

    async fn record_relabelled(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        label: &Label,
        (hosts, doing): (usize, Doing),
    ) -> Result<(), FleetError> {
        let kind = match doing {
            Doing::Adding => "label.hosts_added",
            Doing::Removing => "label.hosts_removed",
        };
        let details = json!({ "name": label.name, "hosts": hosts });
        let (team, subject) = (Some(label.team_id), Some(&label.public_id));
        self.record_activity(tx, actor, NewActivity { kind, team, subject, details }).await
    }

    /// Makes exactly these hosts the members of a label by hand, which is locked, as far as their rows are.
    pub(in crate::fleet) async fn set_members(
        &self,
        tx: &DatabaseTransaction,
        label: &Label,
        members: &[HostRow],
    ) -> Result<Affected, FleetError> {
        let mut delta = label_members::all_of(tx, label.id).await?;
        for host in members {
            delta.keep_or_join(label.id, host.id, host.team_id);
        }
        let moved: Vec<HostId> = delta.hosts().into_iter().collect();
        label_members::apply(tx, &delta).await?;
        Ok(if moved.is_empty() { Affected::Nobody } else { Affected::These(moved) })
    }
}

/// Ids and names without repetitions, within their bounds.
fn distinct(by_hand: &HostsByHand) -> Result<HostsByHand, FleetError> {
    let HostsByHand { ids, names } = by_hand;
    if ids.is_empty() && names.is_empty() {
        return Err(FleetError::rejected(RejectionCode::Invalid, "hostIds", "no host is named"));
    }
    for (path, number) in [("hostIds", ids.len()), ("names", names.len())] {
        if number > MAX_HOSTS {
            let message = "at most 1,000 hosts in one call";
            return Err(FleetError::rejected(RejectionCode::LimitExceeded, path, message));
        }
    }
    let (mut known, mut called) = (BTreeSet::new(), BTreeSet::new());
    let names = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    Ok(HostsByHand {
        ids: ids.iter().filter(|id| known.insert(*id)).cloned().collect(),
        names: names.filter(|name| called.insert(name.to_ascii_lowercase())).map(str::to_owned).collect(),
    })
}

/// The label of this id, which has its members by hand and which the actor manages.
async fn label_by_hand(tx: &DatabaseTransaction, actor: &Actor, id: &PublicId) -> Result<Label, FleetError> {
    let scope = allow(actor, Action::ReadHosts, None)?;
    let found = labels::by_public_ids(tx, &scope, std::slice::from_ref(id)).await?.pop();
    let not_found = || FleetError::rejected(RejectionCode::NotFound, "labelId", "label not found");
    let found = found.ok_or_else(not_found)?;
    allow(actor, Action::ManageLabels, Some(found.team_id))?;
    if found.kind != LabelKind::Manual {
        let message = "the members of this label follow from what hosts are";
        return Err(FleetError::rejected(RejectionCode::Invalid, "labelId", message));
    }
    Ok(found)
}

/// The hosts that are meant, and the names that none has.
async fn find(
    tx: &DatabaseTransaction,
    actor: &Actor,
    label: &Label,
    by_hand: &HostsByHand,
) -> Result<(Vec<HostId>, Vec<String>), FleetError> {
    let mut ids = BTreeSet::new();
    if !by_hand.ids.is_empty() {
        ids.extend(managed(tx, actor, Action::ManageHosts, &by_hand.ids).await?.iter().map(|host| host.id));
    }
    let scope = allow(actor, Action::ManageHosts, label.team_id.some())?;
    let (named, unmatched) = named(tx, &scope, &by_hand.names).await?;
    ids.extend(named.iter().map(|host| host.id));
    Ok((ids.into_iter().collect(), unmatched))
}

/// Hosts in scope by their names, and the names that none has.
pub(in crate::fleet) async fn named(
    tx: &DatabaseTransaction,
    scope: &Scope,
    names: &[String],
) -> Result<(Vec<HostRow>, Vec<String>), FleetError> {
    let found = hosts::named(tx, scope, names).await?;
    let is_called = |host: &HostRow, name: &str| {
        let own = [&host.hostname, &host.host_identifier, &host.hardware_uuid];
        own.into_iter().chain(host.serial_number.as_ref()).any(|own| own.eq_ignore_ascii_case(name))
    };
    let is_nobody = |name: &&String| !found.iter().any(|host| is_called(host, name));
    let unmatched = names.iter().filter(is_nobody).cloned().collect();
    Ok((found, unmatched))
}

/// Refuses hosts of other teams than that of the label, as their rows are under their locks.
fn refuse_others(label: &Label, rows: &[HostRow]) -> Result<(), FleetError> {
    let Some(team) = label.team_id.some() else { return Ok(()) };
    match rows.iter().find(|host| host.team_id != team) {
        None => Ok(()),
        Some(host) => {
            let message = format!("host {} is not in the team of the label", host.public_id);
            Err(FleetError::rejected(RejectionCode::Invalid, "hostIds", message))
        }
    }
}

/// Who joins or leaves: those of these hosts, whose rows are locked, that are not what they shall be.
async fn relabelled(
    tx: &DatabaseTransaction,
    label: &Label,
    rows: &[HostRow],
    doing: Doing,
) -> Result<Delta, FleetError> {
    let is_there = !labels::lock_for_members(tx, BTreeSet::from([label.id])).await?.is_empty();
    if !is_there {
        return Err(FleetError::rejected(RejectionCode::NotFound, "labelId", "label not found"));
    }
    let ids: Vec<HostId> = rows.iter().map(|host| host.id).collect();
    let members = label_members::among(tx, &Scope::system(), &[label.id], &ids).await?;
    let mut delta = Delta::default();
    for host in rows {
        match (doing, members.contains(&(label.id, host.id))) {
            (Doing::Adding, false) => delta.join(label.id, host.id, host.team_id),
            (Doing::Removing, true) => delta.leave(label.id, host.id, host.team_id),
            (Doing::Adding, true) | (Doing::Removing, false) => {}
        }
    }
    Ok(delta)
}
