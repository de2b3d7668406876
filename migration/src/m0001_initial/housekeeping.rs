//! What one server tells the others, the audit trail, idempotency, and settings.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, blob, text, text_null};

use super::columns::{id, index, primary_key, public_id, time, word};

/// The tables.
pub(super) const TABLES: &[&str] = &["changes", "activities", "idempotency_keys", "settings"];

/// Creates the tables.
pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    changes(manager).await?;
    activities(manager).await?;
    idempotency_keys(manager).await?;
    settings(manager).await
}

async fn changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("changes")
        .col(id("seq"))
        .col(word("kind"))
        .col(text("key"))
        .col(time("created_at"))
        .take();
    manager.create_table(table).await
}

async fn activities(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("activities")
        .col(id("id"))
        .col(public_id())
        .col(time("occurred_at"))
        .col(text("actor"))
        .col(text("actor_name"))
        .col(text("kind"))
        .col(big_integer_null("team_id"))
        .col(text_null("subject"))
        .col(text("details"))
        .take();
    manager.create_table(table).await?;
    index(manager, "activities", &["occurred_at"]).await
}

async fn idempotency_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("idempotency_keys")
        .col(text("actor"))
        .col(text("key"))
        .col(text("operation"))
        .col(blob("input_hash"))
        .col(text("result"))
        .col(time("created_at"))
        .primary_key(&mut primary_key(&["actor", "key"]))
        .take();
    manager.create_table(table).await?;
    index(manager, "idempotency_keys", &["created_at"]).await
}

async fn settings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table =
        Table::create().table("settings").col(text("key").primary_key().take()).col(text("value")).take();
    manager.create_table(table).await
}
