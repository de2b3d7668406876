//! Table `host_terms`.

use sea_orm::entity::prelude::*;

use crate::id::HostId;
use crate::kind::TermKind;

/// A text that a host is found by beside its names: an address or a user. Goes with its host.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "host_terms")]
pub struct Model {
    /// The text, in lower case.
    #[sea_orm(primary_key, auto_increment = false)]
    pub term: String,
    /// What it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: TermKind,
    /// The host.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
}

impl ActiveModelBehavior for ActiveModel {}
