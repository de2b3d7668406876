//! Doing something to the hosts that meet a filter, 1,000 at a time, and wanting everything of hosts anew.

use entity::hosts::Model;
use entity::id::{PublicId, TeamId};
use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::manage::{MAX_HOSTS, distinct, managed, target_team};
use super::{Host, HostFilter};
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, allow};
use crate::store::hosts::{self, Choice};
use crate::store::{changes, membership_lock_exclusive};

/// What was done to some of the hosts that meet a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<T> {
    /// Those it was done to now.
    pub done: Vec<T>,
    /// How many more meet the filter: another call goes on with them.
    pub remaining: u64,
}

impl Fleet {
    /// Moves hosts that meet a filter, and that the actor manages, to a team or to none: at most 1,000 a call, and
    /// those first that are not there yet.
    ///
    /// # Errors
    /// Denied; rejected when the filter has no condition (`filter`) or the team is absent or not visible (`teamId`);
    /// unavailable.
    pub async fn transfer_hosts_where(
        &self,
        actor: &Actor,
        filter: &HostFilter,
        team: Option<&PublicId>,
    ) -> Result<Part<Host>, FleetError> {
        let tx = self.store.begin().await?;
        membership_lock_exclusive(&tx).await?;
        let target = target_team(&tx, actor, team).await?;
        let outside = Choice::OutsideOf(target.as_ref().map_or(TeamId::NONE, |team| team.id));
        let Part { done, remaining } = self.chosen(&tx, actor, Action::ManageHosts, filter, outside).await?;
        let ids: Vec<PublicId> = done.iter().map(|host| host.public_id.clone()).collect();
        self.move_hosts(tx, actor, done, target.as_ref()).await?;
        let mut moved = self.hosts_by_public_ids(actor, &ids).await?;
        Ok(Part { done: ids.iter().filter_map(|id| moved.remove(id)).collect(), remaining })
    }

    /// Deletes hosts that meet a filter, and that the actor manages, at most 1,000 a call.
    ///
    /// # Errors
    /// Denied; rejected when the filter has no condition (`filter`); unavailable.
    pub async fn delete_hosts_where(
        &self,
        actor: &Actor,
        filter: &HostFilter,
    ) -> Result<Part<PublicId>, FleetError> {
        let tx = self.store.begin().await?;
        membership_lock_exclusive(&tx).await?;
        let every = Choice::Every;
        let Part { done, remaining } = self.chosen(&tx, actor, Action::ManageHosts, filter, every).await?;
        let ids = done.iter().map(|host| host.public_id.clone()).collect();
        self.remove_hosts(tx, actor, done, "host.deleted").await?;
        Ok(Part { done: ids, remaining })
    }

    /// Wants everything of at most 1,000 hosts anew: vitals, labels and policies, at their next check-in. All or
    /// nothing.
    ///
    /// # Errors
    /// Denied; rejected when a host is absent or not visible (`hostIds`); unavailable.
    pub async fn refetch_hosts(&self, actor: &Actor, ids: &[PublicId]) -> Result<Vec<Host>, FleetError> {
        allow(actor, Action::RefetchHosts, None)?;
        let ids = distinct(ids)?;
        let tx = self.store.begin().await?;
        let wanted = managed(&tx, actor, Action::RefetchHosts, &ids).await?;
        self.want_anew(tx, actor, wanted).await?;
        let mut found = self.hosts_by_public_ids(actor, &ids).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Wants everything anew of hosts that meet a filter, at most 1,000 a call, and those first of which nobody waits
    /// for it already. A filter without conditions means every host.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn refetch_hosts_where(
        &self,
        actor: &Actor,
        filter: &HostFilter,
    ) -> Result<Part<PublicId>, FleetError> {
        let scope = allow(actor, Action::RefetchHosts, None)?;
        let tx = self.store.begin().await?;
        let resolved = self.resolve_host_filter(&tx, &scope, filter).await?;
        let limit = MAX_HOSTS as u64;
        let (done, all) = hosts::some_of(&tx, &scope, &resolved, Choice::NotAwaited, limit).await?;
        let remaining = all.saturating_sub(done.len() as u64);
        let ids = done.iter().map(|host| host.public_id.clone()).collect();
        self.want_anew(tx, actor, done).await?;
        Ok(Part { done: ids, remaining })
    }

    async fn want_anew(
        &self,
        tx: DatabaseTransaction,
        actor: &Actor,
        wanted: Vec<Model>,
    ) -> Result<(), FleetError> {
        let ids: Vec<_> = wanted.iter().map(|host| host.id).collect();
        hosts::lock(&tx, &crate::policy::Scope::system(), &ids).await?;
        hosts::want_refetch(&tx, &ids, self.clock.now()).await?;
        for host in &wanted {
            let details = json!({ "hostname": host.hostname });
            self.record_of_host(&tx, actor, "host.refetched", host, details).await?;
        }
        let told: Vec<_> = ids.iter().map(|id| (ChangeKind::Host, id.0)).collect();
        changes::record(&tx, &told).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(())
    }

    /// Some hosts that meet a filter and that the actor may do this to.
    async fn chosen(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        action: Action,
        filter: &HostFilter,
        choice: Choice,
    ) -> Result<Part<Model>, FleetError> {
        let scope = allow(actor, action, None)?;
        if *filter == HostFilter::default() {
            let message = "a filter without conditions would mean every host";
            return Err(FleetError::rejected(RejectionCode::Invalid, "filter", message));
        }
        let resolved = self.resolve_host_filter(tx, &scope, filter).await?;
        let (done, all) = hosts::some_of(tx, &scope, &resolved, choice, MAX_HOSTS as u64).await?;
        let remaining = all.saturating_sub(done.len() as u64);
        Ok(Part { done, remaining })
    }
}
