//! What is noted of an enrollment: flags on hosts, and the audit trail.

use std::net::IpAddr;
use std::time::Instant;

use entity::hosts;
use entity::id::{HostId, PublicId, TeamId};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::rows;
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Actor;

/// A host that was just made.
pub(super) struct Added<'a> {
    pub(super) id: HostId,
    pub(super) public_id: &'a PublicId,
    pub(super) team: TeamId,
    pub(super) now: Timestamp,
}

impl Added<'_> {
    /// The ids of these hosts and of the new one, in order: its id is the largest.
    fn with(&self, hosts: &[&hosts::Model]) -> Vec<HostId> {
        hosts.iter().map(|host| host.id).chain([self.id]).collect()
    }
}

impl Fleet {
    /// Notes an enrollment.
    pub(super) async fn record_enrolled(
        &self,
        tx: &DatabaseTransaction,
        host: HostId,
        public_id: &PublicId,
        team: TeamId,
    ) -> Result<(), FleetError> {
        let activity = NewActivity {
            kind: "host.enrolled",
            team: team.some(),
            subject: Some(public_id),
            details: json!({}),
        };
        self.record_activity(tx, &Actor::Host(host), activity).await
    }

    /// Flags and notes that the new host has the identifier of other machines.
    pub(super) async fn flag_clones(
        &self,
        tx: &DatabaseTransaction,
        added: &Added<'_>,
        clones_of: &[&hosts::Model],
    ) -> Result<(), FleetError> {
        if clones_of.is_empty() {
            return Ok(());
        }
        rows::flag_clones(tx, &added.with(clones_of), added.now).await?;
        let activity = NewActivity {
            kind: "host.clone_suspected",
            team: added.team.some(),
            subject: Some(added.public_id),
            details: json!({ "hosts": public_ids(clones_of) }),
        };
        self.record_activity(tx, &Actor::Host(added.id), activity).await
    }

    /// Flags and notes that the new host is the machine of hosts of other teams; each team is told of its own only.
    pub(super) async fn flag_foreign_secret(
        &self,
        tx: &DatabaseTransaction,
        added: &Added<'_>,
        foreign_to: &[&hosts::Model],
    ) -> Result<(), FleetError> {
        if foreign_to.is_empty() {
            return Ok(());
        }
        rows::flag_foreign_secret(tx, &added.with(foreign_to), added.now).await?;
        let theirs = foreign_to.iter().map(|host| (&host.public_id, host.team_id));
        for (subject, team) in std::iter::once((added.public_id, added.team)).chain(theirs) {
            let activity = NewActivity {
                kind: "host.foreign_secret",
                team: team.some(),
                subject: Some(subject),
                details: json!({}),
            };
            self.record_activity(tx, &Actor::Host(added.id), activity).await?;
        }
        Ok(())
    }

    /// Counts a wrong secret, and notes it in the audit trail at most once a minute per source. That it can't be
    /// noted does not change the answer.
    pub(super) async fn refuse_enrollment(&self, source: IpAddr) {
        if !self.enroll_guard.failed(source, Instant::now()) {
            return;
        }
        if let Err(error) = self.record_refusal(source).await {
            tracing::warn!(%error, "a refused enrollment could not be noted in the audit trail");
        }
    }

    async fn record_refusal(&self, source: IpAddr) -> Result<(), FleetError> {
        let tx = self.store.begin().await?;
        let activity = NewActivity { kind: "enroll.refused", team: None, subject: None, details: json!({}) };
        self.record_activity_from(&tx, &Actor::Anonymous, Some(source), activity).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn public_ids<'a>(hosts: &[&'a hosts::Model]) -> Vec<&'a str> {
    hosts.iter().map(|host| host.public_id.0.as_str()).collect()
}
