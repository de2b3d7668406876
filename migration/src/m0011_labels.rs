//! Labels that people make: by SQL and by hand, their members as bitmaps, and what failed on which host.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, integer, text, text_null};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0011_labels"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("labels").add_column(column).take()).await?;
        }
        // Before this step the server made all labels itself; of those there are no bitmaps, for their members follow
        // from the rows of hosts.
        manager.get_connection().execute_unprepared("UPDATE labels SET updated_at = created_at").await?;
        manager.create_table(label_sets()).await?;
        manager.create_table(label_failures()).await?;
        let by_host =
            Index::create().name("ix_label_failures_host_id").table("label_failures").col("host_id").take();
        manager.create_index(by_host).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["label_failures", "label_sets"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        for column in columns() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table("labels").drop_column(column).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// New columns of labels.
fn columns() -> Vec<ColumnDef> {
    vec![
        text_null("description"),
        text_null("sql"),
        text("platforms").default("").take(),
        big_integer("asked_since").default(0).take(),
        big_integer_null("created_by"),
        big_integer("updated_at").default(0).take(),
        integer("version").default(1).take(),
    ]
}

fn label_sets() -> TableCreateStatement {
    Table::create()
        .table("label_sets")
        .col(big_integer("label_id"))
        .col(big_integer("team_id"))
        .col(blob("hosts"))
        .col(big_integer("host_count"))
        .primary_key(Index::create().col("label_id").col("team_id"))
        .foreign_key(&mut owned_by("label_sets", "label_id", "labels"))
        .take()
}

fn label_failures() -> TableCreateStatement {
    Table::create()
        .table("label_failures")
        .col(big_integer("label_id"))
        .col(big_integer("host_id"))
        .col(text("message"))
        .col(big_integer("failed_at"))
        .primary_key(Index::create().col("label_id").col("host_id"))
        .foreign_key(&mut owned_by("label_failures", "label_id", "labels"))
        .foreign_key(&mut owned_by("label_failures", "host_id", "hosts"))
        .take()
}

fn owned_by(table: &'static str, column: &'static str, owner: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(owner, "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}
