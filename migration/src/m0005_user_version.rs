//! The version of a user, for changes that name the one they read.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer;

const TABLE: &str = "users";
const COLUMN: &str = "version";

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0005_user_version"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = integer(COLUMN).default(1).take();
        manager.alter_table(Table::alter().table(TABLE).add_column(column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(TABLE).drop_column(COLUMN).take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
