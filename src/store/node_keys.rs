//! Table `node_keys`.

use entity::id::{HostId, NodeKeyId, PublicId, TeamId};
use entity::kind::Platform;
use entity::{hosts, node_keys, teams};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult,
    JoinType, PaginatorTrait, QueryFilter, QuerySelect,
};

use super::hosts::{ANSWERED, Answered};
use super::{StoreError, scoped};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// A node key and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct HostOfKey {
    /// The key.
    pub key_id: NodeKeyId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it was first used.
    pub first_used_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its host.
    pub host_id: HostId,
    /// Its host's outside id.
    pub host_public_id: PublicId,
    /// Its host's team; 0 for none.
    pub team_id: TeamId,
    /// Outside id of that team.
    pub team_public_id: Option<PublicId>,
    /// Its host's name.
    pub hostname: String,
    /// Its host's operating system family.
    pub platform: Platform,
    /// When its host last answered what is due.
    #[sea_orm(nested)]
    pub answered: Answered,
}

impl HostOfKey {
    /// Whether the key still waits for its first use.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.first_used_at.is_none() && self.ended_at.is_none()
    }

    /// Whether the key was used and stands for its host.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.first_used_at.is_some() && self.ended_at.is_none()
    }
}

/// The key of this hash, used or not, ended or not.
///
/// # Errors
/// When the database fails.
pub async fn by_hash<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    key_hash: &[u8],
) -> Result<Option<HostOfKey>, StoreError> {
    let host = node_keys::Entity::belongs_to(hosts::Entity)
        .from(node_keys::Column::HostId)
        .to(hosts::Column::Id)
        .into();
    let team =
        hosts::Entity::belongs_to(teams::Entity).from(hosts::Column::TeamId).to(teams::Column::Id).into();
    let found = node_keys::Entity::find()
        .select_only()
        .column_as(node_keys::Column::Id, "key_id")
        .columns([
            node_keys::Column::IssuedAt,
            node_keys::Column::FirstUsedAt,
            node_keys::Column::EndedAt,
            node_keys::Column::HostId,
        ])
        .column_as(hosts::Column::PublicId, "host_public_id")
        .columns([hosts::Column::TeamId, hosts::Column::Hostname, hosts::Column::Platform])
        .columns(ANSWERED)
        .column_as(teams::Column::PublicId, "team_public_id")
        .join(JoinType::InnerJoin, host)
        .join(JoinType::LeftJoin, team)
        .filter(node_keys::Column::KeyHash.eq(key_hash.to_vec()))
        .filter(scoped(hosts::Column::TeamId, scope))
        .into_model::<HostOfKey>()
        .one(db)
        .await?;
    Ok(found)
}

/// What the first use of a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstUse {
    /// Nothing: it was used or ended already.
    Late,
    /// It was noted; its host had no other key.
    OfOnlyKey,
    /// It was noted, and ended the keys issued to its host before it.
    EndedOthers,
}

/// Notes the first use of a key and ends the keys issued to its host before it.
///
/// # Errors
/// When the database fails.
pub async fn mark_used(
    tx: &DatabaseTransaction,
    host: HostId,
    key: NodeKeyId,
    now: Timestamp,
) -> Result<FirstUse, StoreError> {
    let marked = node_keys::Entity::update_many()
        .set(node_keys::ActiveModel { first_used_at: Set(Some(now)), ..Default::default() })
        .filter(node_keys::Column::Id.eq(key))
        .filter(node_keys::Column::FirstUsedAt.is_null())
        .filter(node_keys::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    if marked.rows_affected == 0 {
        return Ok(FirstUse::Late);
    }
    let ended = node_keys::Entity::update_many()
        .set(node_keys::ActiveModel { ended_at: Set(Some(now)), ..Default::default() })
        .filter(node_keys::Column::HostId.eq(host))
        .filter(node_keys::Column::Id.lt(key))
        .filter(node_keys::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(if ended.rows_affected == 0 { FirstUse::OfOnlyKey } else { FirstUse::EndedOthers })
}

/// Issues a key.
///
/// # Errors
/// When the database fails.
pub async fn issue(
    tx: &DatabaseTransaction,
    host: HostId,
    key_hash: &[u8],
    instance: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = node_keys::ActiveModel {
        host_id: Set(host),
        key_hash: Set(key_hash.to_vec()),
        issued_at: Set(now),
        instance_id: Set(instance.map(str::to_owned)),
        ..Default::default()
    };
    node_keys::Entity::insert(key).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether a key of the host was issued to this installation of osquery before.
///
/// # Errors
/// When the database fails.
pub async fn was_issued_to<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    host: HostId,
    instance: &str,
) -> Result<bool, StoreError> {
    let issued = node_keys::Entity::find()
        .filter(node_keys::Column::HostId.eq(host))
        .filter(node_keys::Column::InstanceId.eq(instance));
    Ok(issued.count(db).await? > 0)
}

/// How many keys were issued to a host after `since`.
///
/// # Errors
/// When the database fails.
pub async fn count_issued<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    host: HostId,
    since: Timestamp,
) -> Result<u64, StoreError> {
    let issued = node_keys::Entity::find()
        .filter(node_keys::Column::HostId.eq(host))
        .filter(node_keys::Column::IssuedAt.gt(since));
    Ok(issued.count(db).await?)
}
