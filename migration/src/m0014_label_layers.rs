//! Layers of configuration for hosts with labels.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, string_len, text};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0014_label_layers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("label_layers")
            .col(big_integer("team_id"))
            .col(text("name"))
            .col(string_len("audience", 32))
            .col(integer("priority"))
            .col(text("label_scope"))
            .col(text("document"))
            .col(big_integer_null("updated_by"))
            .col(big_integer("updated_at"))
            .col(integer("version"))
            .primary_key(Index::create().col("team_id").col("name"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("label_layers").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
