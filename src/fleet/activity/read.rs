//! Reading the audit trail, each within what they may see.

use std::collections::HashMap;

use entity::id::PublicId;

use super::{Activity, ActivityFilter};
use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::activities;

impl Fleet {
    /// A page of visible entries, newest first. What concerns no team is for those who may see every team's.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn activities(
        &self,
        actor: &Actor,
        filter: &ActivityFilter,
        page: PageRequest,
    ) -> Result<Page<Activity>, FleetError> {
        let scope = allow(actor, Action::ReadActivities, None)?;
        Ok(activities::page(self.store.reader(), &scope, filter, &page).await?)
    }

    /// Visible entries by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn activities_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Activity>, FleetError> {
        let scope = allow(actor, Action::ReadActivities, None)?;
        let found = activities::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|entry| (entry.public_id.clone(), entry)).collect())
    }
}
