//! temp
use crate::policy::Scope; use crate::store::StoreError; use entity::id::HostId; use sea_orm::ConnectionTrait;
pub async fn by_ids<C: ConnectionTrait>(_: &C, _: &Scope, _: &[HostId]) -> Result<Vec<entity::hosts::Model>, StoreError> { todo!() }
