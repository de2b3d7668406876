//! Reports: the latest rows of scheduled queries, by host.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, blob, boolean, text};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0010_reports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(reports()).await?;
        for (name, columns, unique) in [
            ("ix_reports_host_id_name", ["host_id", "name"], true),
            ("ix_reports_saved_query_id_id", ["saved_query_id", "id"], false),
        ] {
            let mut index = Index::create();
            index.name(name).table("reports").col(columns[0]).col(columns[1]);
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        let by_time =
            Index::create().name("ix_reports_received_at").table("reports").col("received_at").take();
        manager.create_index(by_time).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("reports").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn reports() -> TableCreateStatement {
    let host = ForeignKey::create()
        .name("fk_reports_host_id")
        .from("reports", "host_id")
        .to("hosts", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("reports")
        .col(big_pk_auto("id"))
        .col(big_integer("host_id"))
        .col(text("name"))
        .col(big_integer_null("saved_query_id"))
        .col(big_integer("epoch"))
        .col(big_integer("counter"))
        .col(big_integer("baseline_at"))
        .col(big_integer("logged_at"))
        .col(boolean("is_complete"))
        .col(blob("rows"))
        .col(big_integer("row_count"))
        .col(big_integer("dropped"))
        .col(big_integer("received_at"))
        .foreign_key(&mut host.clone())
        .take()
}
