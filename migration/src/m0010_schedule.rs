//! Queries that run on a schedule: when and where, packs of them, and the rest of what a host is configured with.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, integer, integer_null, string_len, text, text_null,
    text_uniq,
};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0010_schedule"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("saved_queries").add_column(column).take()).await?;
        }
        manager.drop_index(Index::drop().name(NAMES).table("saved_queries").to_owned()).await?;
        manager.create_index(unique(NAMES_IN_PACK, "saved_queries", &["team_id", "pack_id", "name"])).await?;
        let by_pack =
            Index::create().name("ix_saved_queries_pack_id").table("saved_queries").col("pack_id").take();
        manager.create_index(by_pack).await?;
        manager.create_table(packs()).await?;
        manager.create_index(unique("ix_packs_team_id_name", "packs", &["team_id", "name"])).await?;
        manager.create_table(osquery_configs()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["osquery_configs", "packs"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        for index in ["ix_saved_queries_pack_id", NAMES_IN_PACK] {
            manager.drop_index(Index::drop().name(index).table("saved_queries").to_owned()).await?;
        }
        // Names were unique in a pack only.
        manager.get_connection().execute_unprepared("DELETE FROM saved_queries WHERE pack_id <> 0").await?;
        for column in columns() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table("saved_queries").drop_column(column).take()).await?;
        }
        manager.create_index(unique(NAMES, "saved_queries", &["team_id", "name"])).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// The index of the first step: names unique in a team.
const NAMES: &str = "ix_saved_queries_team_id_name";
/// Names unique in a team, or in a pack of it.
const NAMES_IN_PACK: &str = "ix_saved_queries_team_id_pack_id_name";

/// New columns of saved queries; one that was made before has no schedule.
fn columns() -> Vec<ColumnDef> {
    vec![
        big_integer("pack_id").default(0).take(),
        integer_null("interval_s"),
        text_null("platform"),
        text_null("min_osquery_version"),
        string_len("logging", 32).default("differential").take(),
        integer_null("shard"),
        boolean("denylist").default(true).take(),
        text("label_scope").default("{}").take(),
        boolean("discard_data").default(false).take(),
        boolean("automations").default(true).take(),
    ]
}

fn packs() -> TableCreateStatement {
    Table::create()
        .table("packs")
        .col(big_pk_auto("id"))
        .col(text_uniq("public_id"))
        .col(text("name"))
        .col(text_null("description"))
        .col(big_integer("team_id"))
        .col(text_null("platform"))
        .col(text_null("min_osquery_version"))
        .col(integer_null("shard"))
        .col(text("discovery"))
        .col(text("label_scope"))
        .col(boolean("enabled"))
        .col(big_integer_null("created_by"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(integer("version"))
        .take()
}

fn osquery_configs() -> TableCreateStatement {
    Table::create()
        .table("osquery_configs")
        .col(big_integer("team_id"))
        .col(string_len("audience", 32))
        .col(text("document"))
        .col(big_integer_null("updated_by"))
        .col(big_integer("updated_at"))
        .col(integer("version"))
        .primary_key(Index::create().col("team_id").col("audience"))
        .take()
}

fn unique(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table).unique();
    for column in columns {
        index.col(*column);
    }
    index
}
