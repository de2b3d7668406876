//! Hosts, what they prove themselves with, and their labels.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, blob_uniq, integer, text_null};

use super::columns::{
    id, in_byte_order, index, lower_index, owned_by, primary_key, public_id, sorted_text, time, unique_index,
    word, word_null,
};

/// The tables, parents first.
pub(super) const TABLES: &[&str] = &["hosts", "node_keys", "enroll_secrets", "labels", "label_members"];

/// Creates the tables.
pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    hosts(manager).await?;
    node_keys(manager).await?;
    enroll_secrets(manager).await?;
    labels(manager).await?;
    label_members(manager).await
}

async fn hosts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("hosts")
        .col(id("id"))
        .col(public_id())
        .col(big_integer("team_id"))
        .col(sorted_text(manager, "host_identifier"))
        .col(sorted_text(manager, "hardware_uuid"))
        .col(sorted_text(manager, "hostname"))
        .col(in_byte_order(manager, text_null("serial_number")))
        .col(word("platform"))
        .col(text_null("os_version"))
        .col(text_null("osquery_version"))
        .col(big_integer_null("memory_bytes"))
        .col(integer("check_in_interval_s"))
        .col(time("enrolled_at"))
        .col(time("last_enrolled_at"))
        .col(time("last_seen_at"))
        .col(big_integer_null("clone_suspected_at"))
        .col(big_integer_null("foreign_secret_at"))
        .take();
    manager.create_table(table).await?;
    index(manager, "hosts", &["team_id", "id"]).await?;
    index(manager, "hosts", &["host_identifier"]).await?;
    index(manager, "hosts", &["last_seen_at", "id"]).await?;
    index(manager, "hosts", &["enrolled_at", "id"]).await?;
    for searched in ["hostname", "host_identifier", "serial_number", "hardware_uuid"] {
        lower_index(manager, "hosts", searched).await?;
    }
    Ok(())
}

async fn node_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("node_keys")
        .col(id("id"))
        .col(big_integer("host_id"))
        .col(blob_uniq("key_hash"))
        .col(time("issued_at"))
        .col(big_integer_null("first_used_at"))
        .col(big_integer_null("ended_at"))
        .foreign_key(&mut owned_by("node_keys", "host_id", "hosts"))
        .take();
    manager.create_table(table).await?;
    index(manager, "node_keys", &["host_id"]).await
}

async fn enroll_secrets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("enroll_secrets")
        .col(id("id"))
        .col(public_id())
        .col(text_null("name"))
        .col(big_integer("team_id"))
        .col(blob_uniq("secret_hash"))
        .col(big_integer_null("created_by"))
        .col(time("created_at"))
        .col(big_integer_null("expires_at"))
        .col(big_integer_null("revoked_at"))
        .take();
    manager.create_table(table).await
}

async fn labels(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("labels")
        .col(id("id"))
        .col(public_id())
        .col(sorted_text(manager, "name"))
        .col(word("kind"))
        .col(big_integer("team_id"))
        .col(word_null("platform"))
        .col(time("created_at"))
        .take();
    manager.create_table(table).await?;
    unique_index(manager, "labels", &["team_id", "name"]).await
}

async fn label_members(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("label_members")
        .col(big_integer("label_id"))
        .col(big_integer("host_id"))
        .primary_key(&mut primary_key(&["label_id", "host_id"]))
        .foreign_key(&mut owned_by("label_members", "label_id", "labels"))
        .foreign_key(&mut owned_by("label_members", "host_id", "hosts"))
        .take();
    manager.create_table(table).await?;
    index(manager, "label_members", &["host_id", "label_id"]).await
}
