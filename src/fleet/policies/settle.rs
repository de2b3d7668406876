//! Keeping results and counts right when hosts move, go, or get other labels: in the transaction of that, after the rows of
//! the hosts were locked. Each answers what to tell of it.

use std::collections::BTreeSet;

use entity::id::HostId;
use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;

use super::turned;
use crate::store::policy_results::{self, Touched, Unsettled};
use crate::store::{StoreError, policies_lock};

/// Hosts were moved, became another platform, or have other labels; or a label has other members, or is gone.
///
/// # Errors
/// When the database fails.
pub(in crate::fleet) async fn settle(
    tx: &DatabaseTransaction,
    what: Unsettled<'_>,
) -> Result<Vec<(ChangeKind, String)>, StoreError> {
    if what == Unsettled::Hosts(&[]) {
        return Ok(Vec::new());
    }
    policies_lock(tx).await?;
    Ok(told(policy_results::settle(tx, what).await?))
}

/// Hosts are about to be deleted.
///
/// # Errors
/// When the database fails.
pub(in crate::fleet) async fn forget_hosts(
    tx: &DatabaseTransaction,
    hosts: &[HostId],
) -> Result<Vec<(ChangeKind, String)>, StoreError> {
    if hosts.is_empty() {
        return Ok(Vec::new());
    }
    policies_lock(tx).await?;
    Ok(told(policy_results::leave(tx, hosts).await?))
}

fn told(touched: Touched) -> Vec<(ChangeKind, String)> {
    touched.into_iter().map(|place| turned(place, &BTreeSet::new())).collect()
}
