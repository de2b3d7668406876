//! Moving hosts between teams, and deleting them.

use std::collections::{BTreeSet, HashMap};

use entity::hosts::Model;
use entity::id::{HostId, PublicId, TeamId};
use entity::kind::ChangeKind;
use entity::teams::Model as Team;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::json;

use super::{Host, watch};
use crate::fleet::activity::NewActivity;
use crate::fleet::campaigns::Recorded;
use crate::fleet::policies::{self, Unsettled};
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{changes, hosts, label_members, membership_lock_exclusive, teams};

/// Hosts in one call at most.
pub(in crate::fleet) const MAX_HOSTS: usize = 1_000;

impl Fleet {
    /// Moves at most 1,000 hosts to a team, or to none. All or nothing: the actor manages hosts in every source
    /// team and in the target. Campaigns that await a moved host withdraw it. A host that is there already stays as
    /// it is.
    ///
    /// # Errors
    /// Denied; rejected when a host or the team is absent or not visible (`hostIds`, `teamId`); unavailable.
    pub async fn transfer_hosts(
        &self,
        actor: &Actor,
        host_ids: &[PublicId],
        team: Option<&PublicId>,
    ) -> Result<Vec<Host>, FleetError> {
        allow(actor, Action::ManageHosts, None)?;
        let host_ids = distinct(host_ids)?;
        let tx = self.store.begin().await?;
        membership_lock_exclusive(&tx).await?;
        let target = target_team(&tx, actor, team).await?;
        let moving = managed(&tx, actor, Action::ManageHosts, &host_ids).await?;
        self.move_hosts(tx, actor, moving, target.as_ref()).await?;
        let mut moved = self.hosts_by_public_ids(actor, &host_ids).await?;
        Ok(host_ids.iter().filter_map(|id| moved.remove(id)).collect())
    }

    /// Moves hosts that the actor manages to a team where they do, and ends the transaction. It holds the membership
    /// lock.
    pub(super) async fn move_hosts(
        &self,
        tx: DatabaseTransaction,
        actor: &Actor,
        mut moving: Vec<Model>,
        target: Option<&Team>,
    ) -> Result<(), FleetError> {
        let target_id = target.map_or(TeamId::NONE, |team| team.id);
        let target = target.map(|team| &team.public_id);
        moving.retain(|host| host.team_id != target_id);
        let (ids, withdrawn) = self.withdraw_and_lock(&tx, &moving).await?;
        hosts::transfer(&tx, &ids, target_id).await?;
        let counted = policies::settle(&tx, Unsettled::Hosts(&ids)).await?;
        let sources = public_team_ids(&tx, &moving).await?;
        for host in &moving {
            let (from, name) = (sources.get(&host.team_id), &host.hostname);
            let details = json!({ "hostname": name, "from": from, "to": target });
            self.record_of_host(&tx, actor, "host.transferred", host, details).await?;
        }
        self.tell_of_hosts(tx, (ChangeKind::HostMoved, &moving), withdrawn, counted).await
    }

    /// Deletes at most 1,000 hosts, all or nothing, with their node keys and label memberships. Campaigns that
    /// await a deleted host withdraw it.
    ///
    /// # Errors
    /// Denied; rejected when a host is absent or not visible (`hostIds`); unavailable.
    pub async fn delete_hosts(
        &self,
        actor: &Actor,
        host_ids: &[PublicId],
    ) -> Result<Vec<PublicId>, FleetError> {
        allow(actor, Action::ManageHosts, None)?;
        let host_ids = distinct(host_ids)?;
        let tx = self.store.begin().await?;
        membership_lock_exclusive(&tx).await?;
        let doomed = managed(&tx, actor, Action::ManageHosts, &host_ids).await?;
        self.remove_hosts(tx, actor, doomed, "host.deleted").await?;
        Ok(host_ids)
    }

    /// Deletes hosts that the actor manages, and ends the transaction. It holds the membership lock.
    pub(super) async fn remove_hosts(
        &self,
        tx: DatabaseTransaction,
        actor: &Actor,
        doomed: Vec<Model>,
        kind: &'static str,
    ) -> Result<(), FleetError> {
        let (ids, withdrawn) = self.withdraw_and_lock(&tx, &doomed).await?;
        label_members::forget_hosts(&tx, &ids).await?;
        let counted = policies::forget_hosts(&tx, &ids).await?;
        hosts::delete(&tx, &ids).await?;
        for host in &doomed {
            let details = json!({ "hostname": host.hostname });
            self.record_of_host(&tx, actor, kind, host, details).await?;
        }
        self.tell_of_hosts(tx, (ChangeKind::HostDeleted, &doomed), withdrawn, counted).await
    }

    /// Takes the hosts out of the campaigns that await them, then locks their rows: campaigns come first in the
    /// lock order.
    async fn withdraw_and_lock(
        &self,
        tx: &DatabaseTransaction,
        leaving: &[Model],
    ) -> Result<(Vec<HostId>, Recorded), FleetError> {
        let ids: Vec<HostId> = leaving.iter().map(|host| host.id).collect();
        let withdrawn = self.withdraw_hosts(tx, &ids).await?;
        hosts::lock(tx, &Scope::system(), &ids).await?;
        Ok((ids, withdrawn))
    }

    /// Ends a transaction that moved or deleted hosts, as they were before, and tells every server, also of `counted`.
    async fn tell_of_hosts(
        &self,
        tx: DatabaseTransaction,
        (kind, hosts): (ChangeKind, &[Model]),
        withdrawn: Recorded,
        counted: Vec<(ChangeKind, String)>,
    ) -> Result<(), FleetError> {
        let mut told = withdrawn.changes();
        told.extend(hosts.iter().map(|host| (ChangeKind::Host, host.id.0)));
        let left = hosts.iter().map(|host| (kind, watch::left(host)));
        let more: Vec<_> = left.chain(counted).collect();
        changes::record_all(&tx, &told, &more).await?;
        tx.commit().await?;
        self.tell(withdrawn).await;
        self.announce().await;
        Ok(())
    }

    pub(super) async fn record_of_host(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        host: &Model,
        details: serde_json::Value,
    ) -> Result<(), FleetError> {
        let (team, subject) = (Some(host.team_id), Some(&host.public_id));
        self.record_activity(tx, actor, NewActivity { kind, team, subject, details }).await
    }
}

/// The ids without repetitions, in their order.
pub(super) fn distinct(ids: &[PublicId]) -> Result<Vec<PublicId>, FleetError> {
    let mut seen = BTreeSet::new();
    let ids: Vec<PublicId> = ids.iter().filter(|id| seen.insert(*id)).cloned().collect();
    match ids.len() {
        0 => Err(FleetError::rejected(RejectionCode::Invalid, "hostIds", "no host is named")),
        1..=MAX_HOSTS => Ok(ids),
        _ => Err(FleetError::rejected(
            RejectionCode::LimitExceeded,
            "hostIds",
            "at most 1,000 hosts in one call",
        )),
    }
}

/// The team that hosts go to; none stands for no team. The actor manages hosts there.
pub(super) async fn target_team<C: ConnectionTrait>(
    db: &C,
    actor: &Actor,
    team: Option<&PublicId>,
) -> Result<Option<Team>, FleetError> {
    let Some(team) = team else {
        allow(actor, Action::ManageHosts, Some(TeamId::NONE))?;
        return Ok(None);
    };
    let scope = allow(actor, Action::ReadTeams, None)?;
    let found = teams::by_public_ids(db, &scope, std::slice::from_ref(team)).await?.pop();
    let not_found = || FleetError::rejected(RejectionCode::NotFound, "teamId", "team not found");
    let found = found.ok_or_else(not_found)?;
    allow(actor, Action::ManageHosts, Some(found.id))?;
    Ok(Some(found))
}

/// The hosts of these ids, all of them; the actor sees each and may do this to it.
pub(in crate::fleet) async fn managed<C: ConnectionTrait>(
    db: &C,
    actor: &Actor,
    action: Action,
    ids: &[PublicId],
) -> Result<Vec<Model>, FleetError> {
    let scope = allow(actor, Action::ReadHosts, None)?;
    let found = hosts::find(db, &scope, hosts::HostSelection::PublicIds(ids)).await?;
    let known: BTreeSet<&PublicId> = found.iter().map(|host| &host.public_id).collect();
    if let Some(unknown) = ids.iter().find(|id| !known.contains(id)) {
        let message = format!("host {unknown} not found");
        return Err(FleetError::rejected(RejectionCode::NotFound, "hostIds", message));
    }
    let teams: BTreeSet<TeamId> = found.iter().map(|host| host.team_id).collect();
    for team in teams {
        allow(actor, action, Some(team))?;
    }
    Ok(found)
}

/// Outside ids of the teams that hosts are in.
async fn public_team_ids<C: ConnectionTrait>(
    db: &C,
    hosts: &[Model],
) -> Result<HashMap<TeamId, PublicId>, FleetError> {
    let ids: BTreeSet<TeamId> = hosts.iter().map(|host| host.team_id).collect();
    let ids: Vec<TeamId> = ids.into_iter().collect();
    let found = teams::by_ids(db, &Scope::system(), &ids).await?;
    Ok(found.into_iter().map(|team| (team.id, team.public_id)).collect())
}
