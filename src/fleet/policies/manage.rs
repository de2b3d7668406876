//! Making and deleting policies, and what their inputs must keep to; [`super::edit`] changes them.

use entity::id::{LabelId, PublicId, TeamId};
use entity::kind::ChangeKind;
use entity::policies::ActiveModel;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::{NewPolicy, Policy, PolicyEdit, platforms_text};
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::idempotency::{Keyed, start_over_once};
use crate::fleet::saved_queries::Mistakes;
use crate::fleet::schedule::{LabelScope, label_ids};
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{Action, Actor, Scope, allow};
use crate::sql;
use crate::store::{changes, policies, policies_lock};

/// Where labels are in an input.
pub(super) const INCLUDE_ANY: &str = "labelsIncludeAny";
/// As [`INCLUDE_ANY`].
pub(super) const EXCLUDE_ANY: &str = "labelsExcludeAny";

impl Fleet {
    /// Makes a policy; hosts that it is about are asked within a minute of being there. The same `idempotency_key` by the
    /// same caller answers the first one again.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `sql`, `description`, `resolution`, `teamId`, `labelsIncludeAny`, `labelsExcludeAny`,
    /// `idempotencyKey`); unavailable.
    pub async fn create_policy(
        &self,
        actor: &Actor,
        mut new: NewPolicy,
        idempotency_key: Option<&str>,
    ) -> Result<Policy, FleetError> {
        let team = self.place(actor, Action::ManagePolicies, new.team.as_ref()).await?;
        let input = json!(new).to_string().into_bytes();
        let request = Keyed { operation: "createPolicy", key: idempotency_key, input };
        let mut mistakes = Mistakes::default();
        new.name = mistakes.note(input::name(&new.name, "name"))?.unwrap_or_default();
        mistakes.note(check_sql(&new.sql))?;
        mistakes.note(input::description(new.description.as_deref()))?;
        mistakes.note(input::long_text(new.resolution.as_deref(), "resolution"))?;
        mistakes.into_result()?;
        start_over_once(|| self.store_policy(actor, &new, team, &request)).await
    }

    /// Changes a policy. Another SQL is another question: what hosts answered before is forgotten.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `expectedVersion`, `name`, `sql`, `description`, `resolution`, `labelsIncludeAny`,
    /// `labelsExcludeAny`); unavailable.
    pub async fn update_policy(
        &self,
        actor: &Actor,
        id: &PublicId,
        mut edit: PolicyEdit,
    ) -> Result<Policy, FleetError> {
        allow(actor, Action::ManagePolicies, None)?;
        let mut mistakes = Mistakes::default();
        if let Some(name) = edit.name {
            edit.name = mistakes.note(input::name(&name, "name"))?;
        }
        if let Some(sql) = &edit.sql {
            mistakes.note(check_sql(sql))?;
        }
        mistakes.note(input::description(edit.description.as_ref().and_then(Option::as_deref)))?;
        let resolution = edit.resolution.as_ref().and_then(Option::as_deref);
        mistakes.note(input::long_text(resolution, "resolution"))?;
        mistakes.into_result()?;
        start_over_once(|| self.store_policy_edit(actor, id, &edit)).await
    }

    /// Deletes a policy, and with it its results and their history.
    ///
    /// # Errors
    /// Denied; rejected (`id`); unavailable.
    pub async fn delete_policy(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        allow(actor, Action::ManagePolicies, None)?;
        let tx = self.store.begin().await?;
        policies_lock(&tx).await?;
        let policy = managed(&tx, actor, id).await?;
        policies::delete(&tx, policy.id).await?;
        self.record_of_policy(&tx, actor, "policy.deleted", &policy).await?;
        changes::record_all(&tx, &[], &[deleted(&policy)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(policy.public_id)
    }

    async fn store_policy(
        &self,
        actor: &Actor,
        new: &NewPolicy,
        team: TeamId,
        request: &Keyed<'_>,
    ) -> Result<Policy, FleetError> {
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let scope = allow(actor, Action::ReadPolicies, None)?;
            let first = policies::by_public_ids(&tx, &scope, &[first]).await?.pop();
            return first.ok_or(FleetError::NotFound("policy"));
        }
        let policy = self.insert_policy(&tx, actor, new, team).await?;
        self.remember(&tx, actor, request, &policy.public_id).await?;
        changes::record(&tx, &[(ChangeKind::Policy, policy.id.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(policy)
    }

    /// Stores a policy whose texts are checked; the caller records the change.
    ///
    /// # Errors
    /// Rejected (`name`, `labelsIncludeAny`, `labelsExcludeAny`); unavailable.
    pub(in crate::fleet) async fn insert_policy(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        new: &NewPolicy,
        team: TeamId,
    ) -> Result<Policy, FleetError> {
        policies_lock(tx).await?;
        refuse_taken(tx, team, &new.name).await?;
        let labels = LabelScope {
            include_any: label_ids(tx, &new.include_any, team, INCLUDE_ANY).await?,
            exclude_any: label_ids(tx, &new.exclude_any, team, EXCLUDE_ANY).await?,
        };
        let now = self.clock.now();
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("pol")),
            name: Set(new.name.clone()),
            sql: Set(new.sql.clone()),
            description: Set(new.description.clone()),
            resolution: Set(new.resolution.clone()),
            critical: Set(new.critical),
            team_id: Set(team),
            platforms: Set(platforms_text(&new.platforms)),
            revision: Set(1),
            asked_since: Set(self.policy_asked_since(tx).await?),
            created_by: Set(actor.user_id()),
            created_at: Set(now),
            updated_at: Set(now),
            version: Set(1),
        };
        let policy = policies::insert(tx, row).await?;
        policies::set_labels(tx, policy.id, each(&labels)).await?;
        self.record_of_policy(tx, actor, "policy.created", &policy).await?;
        Ok(policy)
    }

    /// Since when a policy that is made or changed now asks what it asks: later than any other, also by a clock that stands
    /// or is behind another server's, so that no host takes it for one that it has answered.
    pub(super) async fn policy_asked_since(&self, tx: &DatabaseTransaction) -> Result<Timestamp, FleetError> {
        let newest = policies::newest_since(tx).await?;
        Ok(newest.map_or(self.clock.now(), |newest| self.clock.now().max(Timestamp(newest.0 + 1))))
    }

    async fn store_policy_edit(
        &self,
        actor: &Actor,
        id: &PublicId,
        edit: &PolicyEdit,
    ) -> Result<Policy, FleetError> {
        let tx = self.store.begin().await?;
        policies_lock(&tx).await?;
        let policy = managed(&tx, actor, id).await?;
        if edit.expected_version.is_some_and(|version| version != policy.version) {
            let message = format!("the policy has version {} now", policy.version);
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        let policy = self.edit_policy(&tx, actor, policy, edit).await?;
        changes::record(&tx, &[(ChangeKind::Policy, policy.id.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(policy)
    }

    /// Deletes the policies of a team, and answers what to tell of it.
    ///
    /// # Errors
    /// Unavailable.
    pub(in crate::fleet) async fn delete_policies_of_team(
        &self,
        tx: &DatabaseTransaction,
        team: TeamId,
    ) -> Result<Vec<(ChangeKind, String)>, FleetError> {
        let doomed = policies::of_team(tx, &Scope::system(), team).await?;
        for policy in &doomed {
            policies::delete(tx, policy.id).await?;
        }
        Ok(doomed.iter().map(deleted).collect())
    }

    pub(super) async fn record_of_policy(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        policy: &Policy,
    ) -> Result<(), FleetError> {
        let activity = NewActivity {
            kind,
            team: Some(policy.team_id),
            subject: Some(&policy.public_id),
            details: json!({ "name": policy.name, "version": policy.version, "critical": policy.critical }),
        };
        self.record_activity(tx, actor, activity).await
    }
}

/// What is told of a policy that is gone.
fn deleted(policy: &Policy) -> (ChangeKind, String) {
    (ChangeKind::PolicyDeleted, format!("{} {} {}", policy.id, policy.team_id, policy.public_id))
}

/// Labels as rows: each with whether hosts that have it are left out.
pub(super) fn each(labels: &LabelScope) -> Vec<(LabelId, bool)> {
    let included = labels.include_any.iter().map(|label| (*label, false));
    included.chain(labels.exclude_any.iter().map(|label| (*label, true))).collect()
}

/// Refuses SQL that no agent would run.
///
/// # Errors
/// Rejected (`sql`).
pub(in crate::fleet) fn check_sql(text: &str) -> Result<(), FleetError> {
    sql::lint(text).map_err(|issue| FleetError::sql("sql", issue))
}

/// Refuses a name that another policy of the team has.
///
/// # Errors
/// Rejected (`name`); unavailable.
pub(super) async fn refuse_taken(
    tx: &DatabaseTransaction,
    team: TeamId,
    name: &str,
) -> Result<(), FleetError> {
    if policies::by_name(tx, &Scope::system(), team, name).await?.is_some() {
        return Err(FleetError::rejected(RejectionCode::NotUnique, "name", "this name is taken"));
    }
    Ok(())
}

/// The policy of this id, locked; the actor sees and manages it.
async fn managed(tx: &DatabaseTransaction, actor: &Actor, id: &PublicId) -> Result<Policy, FleetError> {
    let scope = allow(actor, Action::ReadPolicies, None)?;
    let found = policies::lock(tx, &scope, id).await?;
    let not_found = || FleetError::rejected(RejectionCode::NotFound, "id", "policy not found");
    let found = found.ok_or_else(not_found)?;
    allow(actor, Action::ManagePolicies, Some(found.team_id))?;
    Ok(found)
}
