//! Saved queries, campaigns, and what hosts answered.
//!
//! Neither hosts nor teams nor saved queries are parents here: what a campaign asked and heard outlives them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, boolean, integer, text, text_null};

use super::columns::{
    id, in_byte_order, index, owned_by, primary_key, public_id, sorted_text, time, unique_index, word,
    word_null,
};

/// The tables, parents first.
pub(super) const TABLES: &[&str] = &[
    "saved_queries",
    "campaigns",
    "campaign_targets",
    "campaign_teams",
    "campaign_answers",
    "campaign_events",
];

/// Creates the tables.
pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    saved_queries(manager).await?;
    campaigns(manager).await?;
    targets(manager).await?;
    teams(manager).await?;
    answers(manager).await?;
    events(manager).await
}

async fn saved_queries(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("saved_queries")
        .col(id("id"))
        .col(public_id())
        .col(sorted_text(manager, "name"))
        .col(text("sql"))
        .col(text_null("description"))
        .col(boolean("observer_can_run"))
        .col(big_integer("team_id"))
        .col(big_integer_null("created_by"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .col(integer("version"))
        .take();
    manager.create_table(table).await?;
    unique_index(manager, "saved_queries", &["team_id", "name"]).await
}

async fn campaigns(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("campaigns")
        .col(id("id"))
        .col(public_id())
        .col(in_byte_order(manager, text_null("name")))
        .col(sorted_text(manager, "sql"))
        .col(big_integer_null("saved_query_id"))
        .col(big_integer_null("rerun_of"))
        .col(big_integer_null("created_by"))
        .col(big_integer_null("created_by_token"))
        .col(word("status"))
        .col(text("selection"))
        .col(time("created_at"))
        .col(time("expires_at"))
        .col(big_integer_null("ended_at"))
        .col(big_integer("last_position"))
        .col(big_integer("targeted"))
        .col(big_integer("outstanding"))
        .col(big_integer("rows"))
        .col(big_integer("bytes"))
        .col(big_integer_null("events_purged_at"))
        .take();
    manager.create_table(table).await?;
    index(manager, "campaigns", &["status", "expires_at"]).await?;
    index(manager, "campaigns", &["saved_query_id", "id"]).await
}

async fn targets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("campaign_targets")
        .col(big_integer("campaign_id"))
        .col(big_integer("team_id"))
        .col(blob("hosts"))
        .primary_key(&mut primary_key(&["campaign_id", "team_id"]))
        .foreign_key(&mut owned_by("campaign_targets", "campaign_id", "campaigns"))
        .take();
    manager.create_table(table).await
}

async fn teams(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("campaign_teams")
        .col(big_integer("campaign_id"))
        .col(big_integer("team_id"))
        .col(big_integer("targeted"))
        .col(big_integer("succeeded"))
        .col(big_integer("failed"))
        .col(big_integer("rows"))
        .col(big_integer("rows_dropped"))
        .primary_key(&mut primary_key(&["campaign_id", "team_id"]))
        .foreign_key(&mut owned_by("campaign_teams", "campaign_id", "campaigns"))
        .take();
    manager.create_table(table).await?;
    index(manager, "campaign_teams", &["team_id", "campaign_id"]).await
}

async fn answers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("campaign_answers")
        .col(big_integer("campaign_id"))
        .col(big_integer("host_id"))
        .col(big_integer("team_id"))
        .col(text("host_public_id"))
        .col(sorted_text(manager, "hostname"))
        .col(word_null("error_code"))
        .col(text_null("error_message"))
        .col(big_integer("rows"))
        .col(big_integer("rows_dropped"))
        .col(big_integer_null("duration_ms"))
        .col(time("responded_at"))
        .col(big_integer("first_position"))
        .col(big_integer("last_position"))
        .primary_key(&mut primary_key(&["campaign_id", "host_id"]))
        .foreign_key(&mut owned_by("campaign_answers", "campaign_id", "campaigns"))
        .take();
    manager.create_table(table).await?;
    index(manager, "campaign_answers", &["host_id", "campaign_id"]).await?;
    index(manager, "campaign_answers", &["campaign_id", "last_position"]).await
}

async fn events(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("campaign_events")
        .col(big_integer("campaign_id"))
        .col(big_integer("position"))
        .col(word("kind"))
        .col(big_integer_null("team_id"))
        .col(big_integer_null("host_id"))
        .col(time("occurred_at"))
        .col(blob("body"))
        .primary_key(&mut primary_key(&["campaign_id", "position"]))
        .foreign_key(&mut owned_by("campaign_events", "campaign_id", "campaigns"))
        .take();
    manager.create_table(table).await
}
