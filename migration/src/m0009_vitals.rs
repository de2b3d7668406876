//! Hosts known in depth: when each was last asked and heard of, what it told, and how its schedule fares.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer_null, string_len, text, text_null,
};
use sea_orm_migration::sea_orm::DbBackend;

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0009_vitals"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in added() {
            // SQLite adds one column at a time.
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager.create_table(host_vitals()).await?;
        manager.create_table(host_schedule()).await?;
        manager.create_table(host_terms(manager)).await?;
        index(manager, "hosts", &["status", "id"]).await?;
        index(manager, "hosts", &["instance_id"]).await?;
        index(manager, "host_schedule", &["name", "host_id"]).await?;
        index(manager, "host_terms", &["host_id"]).await?;
        expression_index(manager, "ix_hosts_free_disk", "coalesce(disk_free_bytes, -1)").await?;
        expression_index(manager, "ix_hosts_booted", "coalesce(booted_at, -1)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ix_hosts_free_disk", "ix_hosts_booted", "ix_hosts_status_id", "ix_hosts_instance_id"] {
            manager.drop_index(Index::drop().name(name).table("hosts").to_owned()).await?;
        }
        for table in ["host_terms", "host_schedule", "host_vitals"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        for (table, column) in added().into_iter().rev() {
            let name = column.get_column_name().clone();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// The columns that older tables get.
fn added() -> Vec<(&'static str, ColumnDef)> {
    let mut columns: Vec<(&'static str, ColumnDef)> = Vec::new();
    let times = ["vitals_at", "labels_at", "policies_at", "refetch_at"];
    let contacts = ["checked_in_at", "config_at", "logged_at", "unanswered_since"];
    let numbers = ["booted_at", "disk_total_bytes", "disk_free_bytes"];
    for name in times.into_iter().chain(contacts).chain(numbers) {
        columns.push(("hosts", big_integer_null(name)));
    }
    for name in ["config_interval_s", "log_interval_s", "cpu_cores"] {
        columns.push(("hosts", integer_null(name)));
    }
    let texts =
        ["instance_id", "hardware_vendor", "hardware_model", "cpu_brand", "primary_address", "primary_mac"];
    for name in texts {
        columns.push(("hosts", text_null(name)));
    }
    columns.push(("hosts", boolean("is_pinned").default(false).take()));
    columns.push(("hosts", string_len("status", 32).default("online").take()));
    columns.push(("node_keys", text_null("instance_id")));
    columns.push(("teams", integer_null("host_expiry_days")));
    columns
}

fn host_vitals() -> TableCreateStatement {
    Table::create()
        .table("host_vitals")
        .col(big_integer("host_id"))
        .col(text("key"))
        .col(text("rows"))
        .col(text_null("error"))
        .col(big_integer("updated_at"))
        .primary_key(Index::create().col("host_id").col("key"))
        .foreign_key(&mut of_host("host_vitals"))
        .take()
}

fn host_schedule() -> TableCreateStatement {
    let mut table = Table::create()
        .table("host_schedule")
        .col(big_integer("host_id"))
        .col(text("name"))
        .col(big_integer_null("last_executed_at"))
        .col(boolean("is_denylisted"))
        .primary_key(Index::create().col("host_id").col("name"))
        .foreign_key(&mut of_host("host_schedule"))
        .take();
    for name in [
        "interval_s",
        "executions",
        "wall_time_ms",
        "user_time_ms",
        "system_time_ms",
        "average_memory_bytes",
        "output_bytes",
        "updated_at",
    ] {
        table.col(big_integer(name));
    }
    table
}

fn host_terms(manager: &SchemaManager) -> TableCreateStatement {
    let mut term = text("term");
    if manager.get_database_backend() == DbBackend::Postgres {
        term.extra("COLLATE \"C\"");
    }
    Table::create()
        .table("host_terms")
        .col(term)
        .col(string_len("kind", 32))
        .col(big_integer("host_id"))
        .primary_key(Index::create().col("term").col("host_id").col("kind"))
        .foreign_key(&mut of_host("host_terms"))
        .take()
}

/// A foreign key whose rows go with their host.
fn of_host(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_host_id"))
        .from(table, "host_id")
        .to("hosts", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

/// An index of hosts over an expression, then the id; sea-query has no such index for SQLite.
async fn expression_index(manager: &SchemaManager<'_>, name: &str, by: &str) -> Result<(), DbErr> {
    let sql = format!("CREATE INDEX {name} ON hosts (({by}), id)");
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}
