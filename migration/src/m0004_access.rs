//! Invitations, and what SQL may name on the hosts of a team.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, blob_uniq, string_len, text, text_uniq,
};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0004_access"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let restrictions = text("restrictions").default("[]").take();
        manager.alter_table(Table::alter().table("teams").add_column(restrictions).take()).await?;
        manager.create_table(invitations()).await?;
        let by_team = Index::create()
            .name("ix_invitations_team_id")
            .table("invitations")
            .col("team_id")
            .col("id")
            .take();
        manager.create_index(by_team).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("invitations").take()).await?;
        manager.alter_table(Table::alter().table("teams").drop_column("restrictions").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn invitations() -> TableCreateStatement {
    Table::create()
        .table("invitations")
        .col(big_pk_auto("id"))
        .col(text_uniq("public_id"))
        .col(text("email"))
        .col(big_integer("team_id"))
        .col(string_len("role", 32))
        .col(blob_uniq("token_hash"))
        .col(big_integer_null("created_by"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("closed_at"))
        .take()
}
