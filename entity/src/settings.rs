//! Table `settings`.

use sea_orm::entity::prelude::*;

/// A value of the installation.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settings")]
pub struct Model {
    /// Name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Value, in the form its reader chose.
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
