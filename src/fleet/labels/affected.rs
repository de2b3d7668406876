//! Whose labels change with a label.

use entity::hosts::Model as Host;
use entity::id::HostId;
use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;

use super::{Label, platforms};
use crate::fleet::due::HostNews;
use crate::fleet::{FleetError, policies};
use crate::store::{StoreError, label_members};

/// Whose labels change with a label.
pub(in crate::fleet) enum Affected {
    /// Nobody's.
    Nobody,
    /// These hosts'.
    These(Vec<HostId>),
    /// Perhaps everybody's.
    Everybody,
}

impl Affected {
    /// Hosts told one by one at most.
    const MANY: usize = 1_000;

    /// The rows of `changes` that tell of it.
    pub(in crate::fleet) fn changes(&self) -> Vec<(ChangeKind, i64)> {
        match self {
            Self::Nobody => Vec::new(),
            Self::These(hosts) if hosts.len() <= Self::MANY => {
                hosts.iter().map(|host| (ChangeKind::HostLabels, host.0)).collect()
            }
            Self::These(_) | Self::Everybody => vec![(ChangeKind::HostLabels, 0)],
        }
    }
}

impl Affected {
    /// Has policies follow the labels of the hosts: takes away what they answered to those that are not about them any
    /// more, and has those of the `joined`, whose rows are locked, asked soon that are new. Answers what to tell.
    ///
    /// # Errors
    /// When the database fails.
    pub(in crate::fleet) async fn settle(
        &self,
        tx: &DatabaseTransaction,
        joined: &[Host],
    ) -> Result<HostNews, StoreError> {
        let mut news = HostNews::default();
        if let Self::These(hosts) = self {
            policies::ask_newcomers(tx, joined, hosts, &mut news).await?;
        }
        Ok(news)
    }
}

/// Takes the members out of a label, which is locked, whose platform is not asked any more.
pub(super) async fn leave_unasked(tx: &DatabaseTransaction, label: &Label) -> Result<Affected, FleetError> {
    let asked = platforms(label);
    if asked.is_empty() {
        return Ok(Affected::Nobody);
    }
    let delta = label_members::not_of(tx, label.id, &asked).await?;
    label_members::apply(tx, &delta).await?;
    Ok(Affected::These(delta.hosts().into_iter().collect()))
}
