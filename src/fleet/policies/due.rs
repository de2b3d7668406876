//! What hosts are asked, and its name on the wire: which policy, and which text of it.

use entity::id::PolicyId;

use super::{Known, platforms};
use crate::fleet::due::DueItem;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::policies;

/// The key of a policy within what is due: in the order of ids.
fn key(id: PolicyId, revision: i32) -> String {
    format!("{:012}_{revision}", id.0)
}

/// The policy and the revision of a key.
pub(super) fn of_key(key: &str) -> Option<(PolicyId, i32)> {
    let (id, revision) = key.split_once('_')?;
    Some((PolicyId(id.parse().ok()?), revision.parse().ok()?))
}

impl Fleet {
    /// What hosts are asked.
    ///
    /// # Errors
    /// Unavailable.
    pub(in crate::fleet) async fn policies_due(&self) -> Result<Vec<DueItem>, FleetError> {
        let (db, scope) = (self.store.reader(), Scope::system());
        let all = policies::all(db, &scope).await?;
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let labels = policies::labels_of(db, &scope, None).await?;
        let item = |known: Known| DueItem {
            key: key(known.policy.id, known.policy.revision).into(),
            sql: known.policy.sql.as_str().into(),
            platforms: platforms(&known.policy),
            team: known.policy.team_id.some(),
            labels: known.labels,
            since: known.policy.asked_since,
        };
        Ok(Known::all(all, &labels).into_iter().map(item).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_policy_and_revision_and_is_in_the_order_of_ids() {
        assert_eq!(of_key(&key(PolicyId(7), 3)), Some((PolicyId(7), 3)));
        assert!(key(PolicyId(9), 20) < key(PolicyId(10), 1));
        for wrong in ["", "7", "7_", "_3", "seven_3", "7_3_1"] {
            assert_eq!(of_key(wrong), None, "{wrong}");
        }
    }
}
