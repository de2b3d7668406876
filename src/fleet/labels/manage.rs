//! Making and changing labels.

use entity::id::{PublicId, TeamId};
use entity::kind::{ChangeKind, Platform};
use entity::labels::ActiveModel;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DatabaseTransaction, IntoActiveModel};
use serde_json::json;

use super::affected::{Affected, leave_unasked};
use super::{Label, LabelChange, LabelKind, NewLabel};
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::idempotency::{Keyed, start_over_once};
use crate::fleet::saved_queries::Mistakes;
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{Action, Actor, Scope, allow};
use crate::sql;
use crate::store::{changes, label_failures, labels};

impl Fleet {
    /// Makes a label, without members: hosts are asked soon, or put in by hand. The same `idempotency_key` by the same
    /// caller answers the first one again.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `description`, `teamId`, `sql`, `platforms`, `idempotencyKey`); unavailable.
    pub async fn create_label(
        &self,
        actor: &Actor,
        mut new: NewLabel,
        idempotency_key: Option<&str>,
    ) -> Result<Label, FleetError> {
        let team = self.place(actor, Action::ManageLabels, new.team.as_ref()).await?;
        let request = Keyed {
            operation: "createLabel",
            key: idempotency_key,
            input: json!(new).to_string().into_bytes(),
        };
        let mut mistakes = Mistakes::default();
        new.name = mistakes.note(input::name(&new.name, "name"))?.unwrap_or_default();
        mistakes.note(input::description(new.description.as_deref()))?;
        mistakes.note(new.sql.as_deref().map_or(Ok(()), checked_sql))?;
        if new.sql.is_none() && !new.platforms.is_empty() {
            mistakes.note(Err::<(), _>(by_hand("platforms")))?;
        }
        mistakes.into_result()?;
        start_over_once(|| self.store_label(actor, &new, team, &request)).await
    }

    /// Changes a label. When its SQL or platforms change, hosts are asked anew soon, and stay what they are until they
    /// answer; those of platforms that are not asked any more leave at once.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `expectedVersion`, and as when it is made); unavailable.
    pub async fn update_label(
        &self,
        actor: &Actor,
        id: &PublicId,
        mut change: LabelChange,
    ) -> Result<Label, FleetError> {
        allow(actor, Action::ManageLabels, None)?;
        let mut mistakes = Mistakes::default();
        if let Some(name) = change.name {
            change.name = mistakes.note(input::name(&name, "name"))?;
        }
        mistakes.note(input::description(change.description.as_ref().and_then(Option::as_deref)))?;
        mistakes.note(change.sql.as_deref().map_or(Ok(()), checked_sql))?;
        mistakes.into_result()?;
        start_over_once(|| self.store_label_change(actor, id, &change)).await
    }

    async fn store_label(
        &self,
        actor: &Actor,
        new: &NewLabel,
        team: TeamId,
        request: &Keyed<'_>,
    ) -> Result<Label, FleetError> {
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let scope = allow(actor, Action::ManageLabels, None)?;
            let first = labels::by_public_ids(&tx, &scope, &[first]).await?.pop();
            return first.ok_or(FleetError::NotFound("label"));
        }
        let label = self.insert_label(&tx, actor, new, team).await?;
        self.remember(&tx, actor, request, &label.public_id).await?;
        self.commit_label(tx, &label, Affected::Nobody).await?;
        Ok(label)
    }

    /// Stores a new label whose input was checked.
    pub(in crate::fleet) async fn insert_label(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        new: &NewLabel,
        team: TeamId,
    ) -> Result<Label, FleetError> {
        refuse_taken(tx, team, &new.name).await?;
        self.refuse_forbidden(tx, team, ("sql", new.sql.as_deref().unwrap_or_default())).await?;
        let row = self.label_row(actor, new, team, self.asked_since(tx).await?);
        let label = labels::insert(tx, row).await?;
        self.record_of_label(tx, actor, "label.created", &label).await?;
        Ok(label)
    }

    /// Since when a label that is made or changed now asks what it asks: later than any other, also by a clock that stands
    /// or is behind another server's, so that no host takes it for one that it has answered.
    async fn asked_since(&self, tx: &DatabaseTransaction) -> Result<Timestamp, FleetError> {
        let newest = labels::newest_since(tx).await?;
        Ok(newest.map_or(self.clock.now(), |newest| self.clock.now().max(Timestamp(newest.0 + 1))))
    }

    fn label_row(&self, actor: &Actor, new: &NewLabel, team: TeamId, since: Timestamp) -> ActiveModel {
        let now = self.clock.now();
        ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("lbl")),
            name: Set(new.name.clone()),
            kind: Set(if new.sql.is_some() { LabelKind::Dynamic } else { LabelKind::Manual }),
            team_id: Set(team),
            platform: Set(None),
            created_at: Set(now),
            description: Set(new.description.clone()),
            sql: Set(new.sql.clone()),
            platforms: Set(platform_words(&new.platforms)),
            asked_since: Set(since),
            created_by: Set(actor.user_id()),
            updated_at: Set(now),
            version: Set(1),
        }
    }

    async fn store_label_change(
        &self,
        actor: &Actor,
        id: &PublicId,
        change: &LabelChange,
    ) -> Result<Label, FleetError> {
        let tx = self.store.begin().await?;
        let label = managed(&tx, actor, id).await?;
        if change.expected_version.is_some_and(|version| version != label.version) {
            let message = format!("the label has version {} now", label.version);
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        let (label, affected) = self.change_label(&tx, actor, label, change).await?;
        self.commit_label(tx, &label, affected).await?;
        Ok(label)
    }

    /// Stores a change, whose input was checked, of a label that is locked.
    pub(in crate::fleet) async fn change_label(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        label: Label,
        change: &LabelChange,
    ) -> Result<(Label, Affected), FleetError> {
        if label.kind == LabelKind::Manual {
            let platforms = change.platforms.as_ref().filter(|list| !list.is_empty());
            let path = change.sql.as_ref().map(|_| "sql").or(platforms.map(|_| "platforms"));
            path.map_or(Ok(()), |path| Err(by_hand(path)))?;
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != label.name) {
            refuse_taken(tx, label.team_id, name).await?;
        }
        let sql = change.sql.as_deref().unwrap_or_default();
        self.refuse_forbidden(tx, label.team_id, ("sql", sql)).await?;
        let before = label.asked_since;
        let since = self.asked_since(tx).await?;
        let label = labels::update(tx, self.changed_label(label, change, since)).await?;
        let affected = if label.asked_since == before {
            Affected::Nobody
        } else {
            label_failures::forget_label(tx, label.id).await?;
            leave_unasked(tx, &label).await?
        };
        self.record_of_label(tx, actor, "label.updated", &label).await?;
        Ok((label, affected))
    }

    fn changed_label(&self, label: Label, change: &LabelChange, since: Timestamp) -> ActiveModel {
        let now = self.clock.now();
        let words = change.platforms.as_ref().map(|platforms| platform_words(platforms));
        let asks_anew = change.sql.as_ref().is_some_and(|sql| label.sql.as_ref() != Some(sql))
            || words.as_ref().is_some_and(|words| *words != label.platforms);
        let version = label.version.saturating_add(1);
        let mut row = label.into_active_model();
        if let Some(name) = &change.name {
            row.name = Set(name.clone());
        }
        if let Some(description) = &change.description {
            row.description = Set(description.clone());
        }
        if let Some(sql) = &change.sql {
            row.sql = Set(Some(sql.clone()));
        }
        if let Some(words) = words {
            row.platforms = Set(words);
        }
        if asks_anew {
            row.asked_since = Set(since);
        }
        row.updated_at = Set(now);
        row.version = Set(version);
        row
    }

    /// Commits a change of a label, and tells every server.
    pub(super) async fn commit_label(
        &self,
        tx: DatabaseTransaction,
        label: &Label,
        affected: Affected,
    ) -> Result<(), FleetError> {
        let settled = affected.settle(&tx, &[]).await?;
        let mut told = [affected.changes(), settled.changes()].concat();
        told.push((ChangeKind::Labels, label.id.0));
        changes::record_all(&tx, &told, &settled.policy_changes()).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(())
    }

    pub(super) async fn record_of_label(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        label: &Label,
    ) -> Result<(), FleetError> {
        let details = json!({
            "name": label.name, "version": label.version, "kind": label.kind, "sql": label.sql,
        });
        let (team, subject) = (Some(label.team_id), Some(&label.public_id));
        self.record_activity(tx, actor, NewActivity { kind, team, subject, details }).await
    }
}

/// Checks the SQL of a label.
///
/// # Errors
/// Rejected (`sql`).
pub(in crate::fleet) fn checked_sql(text: &str) -> Result<(), FleetError> {
    sql::lint(text).map_err(|issue| FleetError::sql("sql", issue))
}

/// Platforms as a column has them.
pub(in crate::fleet) fn platform_words(platforms: &[Platform]) -> String {
    let wanted = Platform::ALL.iter().filter(|platform| platforms.contains(platform));
    wanted.map(|platform| platform.as_str()).collect::<Vec<_>>().join(",")
}

fn by_hand(path: &'static str) -> FleetError {
    let message = "this label has its members by hand: it asks hosts nothing";
    FleetError::rejected(RejectionCode::Invalid, path, message)
}

async fn refuse_taken(tx: &DatabaseTransaction, team: TeamId, name: &str) -> Result<(), FleetError> {
    if labels::named(tx, &Scope::system(), team, name).await?.is_some() {
        return Err(FleetError::rejected(RejectionCode::NotUnique, "name", "this name is taken"));
    }
    Ok(())
}

/// The label of this id, locked; the actor sees and manages it, and the server did not make it.
pub(super) async fn managed(
    tx: &DatabaseTransaction,
    actor: &Actor,
    id: &PublicId,
) -> Result<Label, FleetError> {
    let scope = allow(actor, Action::ManageLabels, None)?;
    let found = labels::lock(tx, &scope, id).await?;
    let not_found = || FleetError::rejected(RejectionCode::NotFound, "id", "label not found");
    let found = found.ok_or_else(not_found)?;
    allow(actor, Action::ManageLabels, Some(found.team_id))?;
    if found.kind == LabelKind::BuiltIn {
        let message = "the server made this label; it stays as it is";
        return Err(FleetError::rejected(RejectionCode::NotAllowed, "id", message));
    }
    Ok(found)
}
