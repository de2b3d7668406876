//! Table `host_vitals`.

use sea_orm::entity::prelude::*;

use crate::id::HostId;
use crate::time::Timestamp;

/// What a host last answered to one of its vitals that has no columns of its own. Goes with its host.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "host_vitals")]
pub struct Model {
    /// The host.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
    /// Which one: `users`, `interfaces` …, or `extra_NAME` for one that an admin added.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Its rows: a JSON array of objects of text. Those of the last success, when it fails now.
    pub rows: String,
    /// Why it failed last time; none when it did not.
    pub error: Option<String>,
    /// When it was answered.
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
