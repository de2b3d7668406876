//! The audit trail: what was done, by whom.

use entity::id::{PublicId, TeamId};
use sea_orm::DatabaseTransaction;

use super::{Fleet, FleetError};
use crate::policy::Actor;

/// An entry to record in the transaction of the thing itself.
#[derive(Clone, Debug)]
pub(crate) struct NewActivity<'a> {
    /// What was done, as `noun.verb`.
    pub(crate) kind: &'static str,
    /// Team it concerns; none for the whole installation.
    pub(crate) team: Option<TeamId>,
    /// The object.
    pub(crate) subject: Option<&'a PublicId>,
    /// More; never a secret.
    pub(crate) details: serde_json::Value,
}

impl Fleet {
    /// Records an entry in `tx`.
    pub(crate) async fn record_activity(
        &self,
        _tx: &DatabaseTransaction,
        _actor: &Actor,
        _activity: NewActivity<'_>,
    ) -> Result<(), FleetError> {
        todo!()
    }
}
