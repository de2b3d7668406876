//! Deleting labels.

use entity::id::{PolicyId, PublicId};
use sea_orm::DatabaseTransaction;

use super::Label;
use super::affected::Affected;
use super::manage::managed;
use crate::fleet::schedule::LabelScope;
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{configuration_lock, label_layers, labels, packs, policies, policies_lock, saved_queries};

impl Fleet {
    /// Deletes a label that no scheduled query, pack, layer of configuration or policy asks for. Campaigns keep their
    /// targets.
    ///
    /// # Errors
    /// Denied; rejected (`id`): absent, built-in, or in use; unavailable.
    pub async fn delete_label(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        allow(actor, Action::ManageLabels, None)?;
        let tx = self.store.begin().await?;
        // Whoever writes a condition on labels holds one of these, so nobody begins to use the label meanwhile.
        configuration_lock(&tx).await?;
        let label = managed(&tx, actor, id).await?;
        policies_lock(&tx).await?;
        refuse_used(&tx, &label).await?;
        labels::delete(&tx, label.id).await?;
        self.record_of_label(&tx, actor, "label.deleted", &label).await?;
        self.commit_label(tx, &label, Affected::Everybody).await?;
        Ok(label.public_id)
    }
}

/// Refuses to delete a label that a schedule, a pack, a layer of configuration or a policy asks for: to be a condition
/// that no host meets, or every one, is nothing that somebody would want to happen on the side.
async fn refuse_used(tx: &DatabaseTransaction, label: &Label) -> Result<(), FleetError> {
    let system = Scope::system();
    let asks = |scope: &str| LabelScope::stored(scope).labels().any(|one| one == label.id);
    let queries = saved_queries::scheduled(tx, &system).await?;
    let queries = queries.iter().filter(|query| asks(&query.label_scope));
    let packs = packs::all(tx, &system).await?;
    let packs = packs.iter().filter(|pack| asks(&pack.label_scope));
    let layers = label_layers::all(tx, &system).await?;
    let layers = layers.iter().filter(|layer| asks(&layer.label_scope));
    let narrowed = policies::labels_of(tx, &system, None).await?;
    let narrowed = narrowed.into_iter().filter(|(_, labels)| labels.iter().any(|(one, _)| *one == label.id));
    let narrowed: Vec<PolicyId> = narrowed.map(|(policy, _)| policy).collect();
    let narrowed = policies::by_ids(tx, &system, &narrowed).await?;
    let users: Vec<String> = queries
        .map(|query| format!("the saved query `{}`", query.name))
        .chain(packs.map(|pack| format!("the pack `{}`", pack.name)))
        .chain(layers.map(|layer| format!("the layer `{}` of configuration", layer.name)))
        .chain(narrowed.iter().map(|policy| format!("the policy `{}`", policy.name)))
        .collect();
    let message = match users.as_slice() {
        [] => return Ok(()),
        [one] => format!("the label is in use by {one}"),
        [one, rest @ ..] => format!("the label is in use by {one} and {} more", rest.len()),
    };
    Err(FleetError::rejected(RejectionCode::InUse, "id", message))
}
