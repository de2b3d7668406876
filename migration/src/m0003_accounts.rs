//! Accounts: where sessions, failures and activities come from, what API tokens may do, signing keys, password resets,
//! and who read a campaign. From here on an activity never changes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, blob, blob_uniq, boolean, string_len, text, text_null,
};
use sea_orm_migration::sea_orm::DbBackend;

const TABLES: &[&str] = &["login_failures", "signing_keys", "password_resets", "campaign_readers"];

const INDICES: &[(&str, &[&str])] = &[
    ("activities", &["actor", "id"]),
    ("activities", &["kind", "id"]),
    ("activities", &["subject", "id"]),
    ("activities", &["team_id", "id"]),
    ("login_failures", &["source", "failed_at"]),
    ("password_resets", &["user_id"]),
];

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0003_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        login_failures(manager).await?;
        signing_keys(manager).await?;
        password_resets(manager).await?;
        campaign_readers(manager).await?;
        for (table, columns) in INDICES {
            manager.create_index(index(table, columns)).await?;
        }
        for statement in trigger(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in no_trigger(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        for (table, columns) in INDICES.iter().filter(|(table, _)| *table == "activities") {
            let mut index = Index::drop();
            manager.drop_index(index.name(name(table, columns)).table(*table).to_owned()).await?;
        }
        for table in TABLES.iter().rev() {
            manager.drop_table(Table::drop().table(*table).take()).await?;
        }
        for (table, column) in columns() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(column).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// New columns of tables that are there. A token that was made before there were scopes keeps its user's roles.
fn columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("sessions", text_null("source")),
        ("sessions", text_null("agent")),
        ("sessions", boolean("by_cookie").default(false).take()),
        ("api_tokens", string_len("scope", 32).default("admin").take()),
        ("api_tokens", big_integer_null("team_id")),
        ("activities", text_null("source")),
    ]
}

async fn login_failures(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("login_failures")
        .col(big_pk_auto("id"))
        .col(blob("account"))
        .col(text("source"))
        .col(big_integer("failed_at"))
        .take();
    manager.create_table(table).await
}

async fn signing_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("signing_keys")
        .col(big_pk_auto("id"))
        .col(big_integer("created_at"))
        .col(big_integer("earlier_until"))
        .take();
    manager.create_table(table).await
}

async fn password_resets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let user = ForeignKey::create()
        .name("fk_password_resets_user_id")
        .from("password_resets", "user_id")
        .to("users", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    let table = Table::create()
        .table("password_resets")
        .col(big_pk_auto("id"))
        .col(big_integer("user_id"))
        .col(text("email"))
        .col(blob_uniq("token_hash"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut user.clone())
        .take();
    manager.create_table(table).await
}

async fn campaign_readers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let campaign = ForeignKey::create()
        .name("fk_campaign_readers_campaign_id")
        .from("campaign_readers", "campaign_id")
        .to("campaigns", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    let table = Table::create()
        .table("campaign_readers")
        .col(big_integer("campaign_id"))
        .col(text("reader"))
        .col(big_integer("first_read_at"))
        .primary_key(Index::create().col("campaign_id").col("reader"))
        .foreign_key(&mut campaign.clone())
        .take();
    manager.create_table(table).await
}

fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name(table, columns)).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

fn name(table: &str, columns: &[&str]) -> String {
    format!("ix_{table}_{}", columns.join("_"))
}

/// Refuses every change of an activity; only retention deletes.
fn trigger(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &[
            "CREATE FUNCTION activities_stay() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'an activity never changes'; END $$",
            "CREATE TRIGGER activities_stay BEFORE UPDATE ON activities \
             FOR EACH ROW EXECUTE FUNCTION activities_stay()",
        ],
        _ => &["CREATE TRIGGER activities_stay BEFORE UPDATE ON activities \
                BEGIN SELECT RAISE(ABORT, 'an activity never changes'); END"],
    }
}

fn no_trigger(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => {
            &["DROP TRIGGER activities_stay ON activities", "DROP FUNCTION activities_stay()"]
        }
        _ => &["DROP TRIGGER activities_stay"],
    }
}
