//! Teams, users, and how users prove themselves.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, blob_null, blob_uniq, integer, text, text_null,
};

use super::columns::{
    id, index, owned_by, primary_key, public_id, sorted_text, time, unique_index, word, word_null,
};

/// The tables, parents first.
pub(super) const TABLES: &[&str] = &["teams", "users", "team_members", "sessions", "api_tokens"];

/// Creates the tables.
pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    teams(manager).await?;
    users(manager).await?;
    team_members(manager).await?;
    sessions(manager).await?;
    api_tokens(manager).await
}

async fn teams(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("teams")
        .col(id("id"))
        .col(public_id())
        .col(sorted_text(manager, "name"))
        .col(text_null("description"))
        .col(time("created_at"))
        .col(integer("version"))
        .take();
    manager.create_table(table).await?;
    unique_index(manager, "teams", &["name"]).await
}

async fn users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("users")
        .col(id("id"))
        .col(public_id())
        .col(sorted_text(manager, "email"))
        .col(text("name"))
        .col(text("password_hash"))
        .col(word_null("role"))
        .col(time("created_at"))
        .col(big_integer_null("disabled_at"))
        .take();
    manager.create_table(table).await?;
    unique_index(manager, "users", &["email"]).await
}

async fn team_members(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("team_members")
        .col(big_integer("user_id"))
        .col(big_integer("team_id"))
        .col(word("role"))
        .primary_key(&mut primary_key(&["user_id", "team_id"]))
        .foreign_key(&mut owned_by("team_members", "user_id", "users"))
        .foreign_key(&mut owned_by("team_members", "team_id", "teams"))
        .take();
    manager.create_table(table).await?;
    index(manager, "team_members", &["team_id"]).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("sessions")
        .col(id("id"))
        .col(public_id())
        .col(big_integer("user_id"))
        .col(blob_uniq("refresh_hash"))
        .col(blob_null("previous_refresh_hash"))
        .col(time("created_at"))
        .col(time("refreshed_at"))
        .col(time("expires_at"))
        .col(big_integer_null("ended_at"))
        .foreign_key(&mut owned_by("sessions", "user_id", "users"))
        .take();
    manager.create_table(table).await?;
    index(manager, "sessions", &["user_id"]).await?;
    index(manager, "sessions", &["previous_refresh_hash"]).await
}

async fn api_tokens(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("api_tokens")
        .col(id("id"))
        .col(public_id())
        .col(big_integer("user_id"))
        .col(text("name"))
        .col(blob_uniq("token_hash"))
        .col(time("created_at"))
        .col(time("expires_at"))
        .col(big_integer_null("revoked_at"))
        .col(big_integer_null("last_used_at"))
        .foreign_key(&mut owned_by("api_tokens", "user_id", "users"))
        .take();
    manager.create_table(table).await?;
    index(manager, "api_tokens", &["user_id"]).await
}
