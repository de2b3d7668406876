//! The user behind an API token in the audit trail, who runs the tasks that one server runs at a time, and an index for
//! the retention of events.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text, text_null};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0006_acting_user"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text_null("acting_user");
        manager.alter_table(Table::alter().table("activities").add_column(column).take()).await?;
        manager.create_index(by_user()).await?;
        manager.create_index(by_end()).await?;
        let leases = Table::create()
            .table("leases")
            .col(text("name").primary_key().take())
            .col(text("holder"))
            .col(big_integer("ends_at"))
            .take();
        manager.create_table(leases).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("leases").take()).await?;
        let mut index = Index::drop();
        manager.drop_index(index.name(BY_END).table("campaigns").to_owned()).await?;
        let mut index = Index::drop();
        manager.drop_index(index.name(BY_USER).table("activities").to_owned()).await?;
        manager.alter_table(Table::alter().table("activities").drop_column("acting_user").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const BY_USER: &str = "ix_activities_acting_user_id";
const BY_END: &str = "ix_campaigns_events_purged_at_ended_at";

fn by_user() -> IndexCreateStatement {
    Index::create().name(BY_USER).table("activities").col("acting_user").col("id").take()
}

fn by_end() -> IndexCreateStatement {
    Index::create().name(BY_END).table("campaigns").col("events_purged_at").col("ended_at").take()
}
