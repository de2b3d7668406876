//! Changing policies, and what that means for what hosts answered.

use entity::id::PolicyId;
use entity::policies::ActiveModel;
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseTransaction, IntoActiveModel};

use super::manage::{EXCLUDE_ANY, INCLUDE_ANY, each, refuse_taken};
use super::{Policy, PolicyEdit, Unsettled, label_scope, platforms_text};
use crate::fleet::schedule::{LabelScope, label_ids};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Actor, Scope};
use crate::store::{policies, policy_results};

/// What an edit means for what hosts answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    None,
    /// It is about other hosts: those are asked soon, and what others answered goes.
    OtherHosts,
    /// It is another question: everything begins anew.
    OtherQuestion,
}

impl Fleet {
    /// Stores a change whose texts are checked, of a policy that is locked; the caller records it.
    ///
    /// # Errors
    /// Rejected (`name`, `labelsIncludeAny`, `labelsExcludeAny`); unavailable.
    pub(in crate::fleet) async fn edit_policy(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        policy: Policy,
        edit: &PolicyEdit,
    ) -> Result<Policy, FleetError> {
        if let Some(name) = edit.name.as_ref().filter(|name| **name != policy.name) {
            refuse_taken(tx, policy.team_id, name).await?;
        }
        let before = labels_of(tx, policy.id).await?;
        let mut labels = before.clone();
        if let Some(ids) = &edit.include_any {
            labels.include_any = label_ids(tx, ids, policy.team_id, INCLUDE_ANY).await?;
        }
        if let Some(ids) = &edit.exclude_any {
            labels.exclude_any = label_ids(tx, ids, policy.team_id, EXCLUDE_ANY).await?;
        }
        let platforms = edit.platforms.as_deref().map(platforms_text);
        let effect = if edit.sql.as_ref().is_some_and(|sql| *sql != policy.sql) {
            Effect::OtherQuestion
        } else if labels != before || platforms.is_some_and(|platforms| platforms != policy.platforms) {
            Effect::OtherHosts
        } else {
            Effect::None
        };
        let mut edited = self.edited(policy, edit, effect);
        if effect != Effect::None {
            edited.asked_since = Set(self.policy_asked_since(tx).await?);
        }
        let policy = policies::update(tx, edited).await?;
        if labels != before {
            policies::set_labels(tx, policy.id, each(&labels)).await?;
        }
        match effect {
            Effect::None => {}
            Effect::OtherHosts => {
                policy_results::settle(tx, Unsettled::Policy(policy.id)).await?;
            }
            Effect::OtherQuestion => policy_results::clear(tx, policy.id).await?,
        }
        self.record_of_policy(tx, actor, "policy.updated", &policy).await?;
        Ok(policy)
    }

    fn edited(&self, policy: Policy, edit: &PolicyEdit, effect: Effect) -> ActiveModel {
        let now = self.clock.now();
        let (revision, version) = (policy.revision, policy.version.saturating_add(1));
        let mut row = policy.into_active_model();
        if let Some(name) = &edit.name {
            row.name = Set(name.clone());
        }
        if let Some(sql) = &edit.sql {
            row.sql = Set(sql.clone());
        }
        if let Some(description) = &edit.description {
            row.description = Set(description.clone());
        }
        if let Some(resolution) = &edit.resolution {
            row.resolution = Set(resolution.clone());
        }
        if let Some(critical) = edit.critical {
            row.critical = Set(critical);
        }
        if let Some(platforms) = &edit.platforms {
            row.platforms = Set(platforms_text(platforms));
        }
        if effect == Effect::OtherQuestion {
            row.revision = Set(revision.saturating_add(1));
        }
        row.updated_at = Set(now);
        row.version = Set(version);
        row
    }
}

async fn labels_of(tx: &DatabaseTransaction, policy: PolicyId) -> Result<LabelScope, FleetError> {
    let labels = policies::labels_of(tx, &Scope::system(), Some(&[policy])).await?;
    Ok(labels.get(&policy).map(|labels| label_scope(labels)).unwrap_or_default())
}
