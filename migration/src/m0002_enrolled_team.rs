//! The team whose secret let a host in, which stays when the host moves to another team.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;

const TABLE: &str = "hosts";
const COLUMN: &str = "enrolled_team_id";

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0002_enrolled_team"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer(COLUMN).default(0).take();
        manager.alter_table(Table::alter().table(TABLE).add_column(column).take()).await?;
        // Who is there already is taken to have enrolled where it is.
        let update = Query::update().table(TABLE).value(COLUMN, Expr::col("team_id")).take();
        manager.execute(update).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(TABLE).drop_column(COLUMN).take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
