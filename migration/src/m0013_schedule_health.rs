//! How a schedule fares on its hosts: the configuration that each says it runs, since when queries are denylisted, and
//! what queries cost that hosts are asked.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len, text, text_null};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0013_schedule_health"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table("hosts").add_column(text_null("config_hash")).take())
            .await?;
        let since = big_integer_null(SINCE);
        manager.alter_table(Table::alter().table("host_schedule").add_column(since).take()).await?;
        // Of those that are denylisted already, what was told last is all that is known.
        let known = format!("UPDATE host_schedule SET {SINCE} = updated_at WHERE is_denylisted");
        manager.get_connection().execute_unprepared(&known).await?;
        manager.create_table(query_costs()).await?;
        let by_query = Index::create()
            .name("ix_query_costs_kind_key")
            .table("query_costs")
            .col("kind")
            .col("key")
            .take();
        manager.create_index(by_query).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("query_costs").take()).await?;
        manager.alter_table(Table::alter().table("host_schedule").drop_column(SINCE).take()).await?;
        manager.alter_table(Table::alter().table("hosts").drop_column("config_hash").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Since when osquery refuses to run a query.
const SINCE: &str = "denylisted_since";

fn query_costs() -> TableCreateStatement {
    let host = ForeignKey::create()
        .name("fk_query_costs_host_id")
        .from("query_costs", "host_id")
        .to("hosts", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("query_costs")
        .col(big_integer("host_id"))
        .col(string_len("kind", 32))
        .col(text("key"))
        .col(big_integer("executions"))
        .col(big_integer("wall_time_ms"))
        .col(big_integer("user_time_ms"))
        .col(big_integer("system_time_ms"))
        .col(big_integer("memory_bytes"))
        .col(big_integer("last_executed_at"))
        .primary_key(Index::create().col("host_id").col("kind").col("key"))
        .foreign_key(&mut host.clone())
        .take()
}
