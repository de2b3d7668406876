//! Table `label_members`.

use entity::id::{HostId, LabelId};
use entity::kind::{LabelKind, Platform};
use entity::{label_members, labels};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
};

use super::StoreError;

/// Makes the host a member of exactly those built-in labels that fit it: all hosts, and its platform's.
///
/// # Errors
/// When the database fails.
pub async fn set_built_in(
    tx: &DatabaseTransaction,
    host: HostId,
    platform: Platform,
) -> Result<(), StoreError> {
    let built_in: Vec<(LabelId, Option<Platform>)> = labels::Entity::find()
        .select_only()
        .columns([labels::Column::Id, labels::Column::Platform])
        .filter(labels::Column::Kind.eq(LabelKind::BuiltIn))
        .into_tuple()
        .all(tx)
        .await?;
    let (fit, unfit): (Vec<_>, Vec<_>) =
        built_in.into_iter().partition(|(_, of)| of.is_none_or(|of| of == platform));
    label_members::Entity::delete_many()
        .filter(
            Condition::all()
                .add(label_members::Column::HostId.eq(host))
                .add(label_members::Column::LabelId.is_in(unfit.into_iter().map(|(label, _)| label))),
        )
        .exec(tx)
        .await?;
    let members = fit
        .into_iter()
        .map(|(label, _)| label_members::ActiveModel { label_id: Set(label), host_id: Set(host) });
    label_members::Entity::insert_many(members)
        .on_conflict(
            OnConflict::columns([label_members::Column::LabelId, label_members::Column::HostId])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
