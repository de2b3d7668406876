//! The first tables: hosts, people, campaigns, and what holds the installation together.

mod campaigns;
mod columns;
mod hosts;
mod housekeeping;
mod people;
mod seed;

use sea_orm_migration::prelude::*;

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0001_initial"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        people::up(manager).await?;
        hosts::up(manager).await?;
        campaigns::up(manager).await?;
        housekeeping::up(manager).await?;
        seed::built_in_labels(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for tables in [housekeeping::TABLES, campaigns::TABLES, hosts::TABLES, people::TABLES] {
            for table in tables.iter().rev() {
                manager.drop_table(Table::drop().table(*table).take()).await?;
            }
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
