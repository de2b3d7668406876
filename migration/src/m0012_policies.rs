//! Policies: yes/no queries about every host, their results, how these changed, and how many there are.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, integer, string_len, string_len_null, text,
    text_null, text_uniq,
};

/// The step.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "m0012_policies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [policies(), policy_labels(), policy_results(), policy_changes(), policy_counts()] {
            manager.create_table(table).await?;
        }
        index(manager, "policies", &["team_id", "name"], true).await?;
        index(manager, "policy_labels", &["label_id"], false).await?;
        index(manager, "policy_results", &["policy_id", "state", "host_id"], false).await?;
        index(manager, "policy_changes", &["policy_id", "host_id", "id"], false).await?;
        index(manager, "policy_changes", &["host_id"], false).await?;
        index(manager, "policy_changes", &["changed_at"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["policy_counts", "policy_changes", "policy_results", "policy_labels", "policies"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn policies() -> TableCreateStatement {
    Table::create()
        .table("policies")
        .col(big_pk_auto("id"))
        .col(text_uniq("public_id"))
        .col(text("name"))
        .col(text("sql"))
        .col(text_null("description"))
        .col(text_null("resolution"))
        .col(boolean("critical"))
        .col(big_integer("team_id"))
        .col(text("platforms"))
        .col(integer("revision"))
        .col(big_integer("asked_since"))
        .col(big_integer_null("created_by"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(integer("version"))
        .take()
}

fn policy_labels() -> TableCreateStatement {
    Table::create()
        .table("policy_labels")
        .col(big_integer("policy_id"))
        .col(big_integer("label_id"))
        .col(boolean("is_excluded"))
        .primary_key(Index::create().col("policy_id").col("label_id").col("is_excluded"))
        .foreign_key(&mut owned_by("policy_labels", "policy_id", "policies"))
        .take()
}

fn policy_results() -> TableCreateStatement {
    Table::create()
        .table("policy_results")
        .col(big_integer("host_id"))
        .col(big_integer("policy_id"))
        .col(big_integer("team_id"))
        .col(string_len("state", 32))
        .col(big_integer("since"))
        .col(big_integer("checked_at"))
        .col(text_null("error"))
        .primary_key(Index::create().col("host_id").col("policy_id"))
        .foreign_key(&mut owned_by("policy_results", "host_id", "hosts"))
        .foreign_key(&mut owned_by("policy_results", "policy_id", "policies"))
        .take()
}

fn policy_changes() -> TableCreateStatement {
    Table::create()
        .table("policy_changes")
        .col(big_pk_auto("id"))
        .col(big_integer("policy_id"))
        .col(big_integer("host_id"))
        .col(string_len("state", 32))
        .col(string_len_null("before", 32))
        .col(big_integer("changed_at"))
        .col(text_null("error"))
        .foreign_key(&mut owned_by("policy_changes", "host_id", "hosts"))
        .foreign_key(&mut owned_by("policy_changes", "policy_id", "policies"))
        .take()
}

fn policy_counts() -> TableCreateStatement {
    Table::create()
        .table("policy_counts")
        .col(big_integer("policy_id"))
        .col(big_integer("team_id"))
        .col(big_integer("passing"))
        .col(big_integer("failing"))
        .col(big_integer("erring"))
        .primary_key(Index::create().col("policy_id").col("team_id"))
        .foreign_key(&mut owned_by("policy_counts", "policy_id", "policies"))
        .take()
}

/// A foreign key whose rows go with what it refers to.
fn owned_by(table: &'static str, column: &'static str, parent: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(parent, "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
    is_unique: bool,
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    if is_unique {
        index.unique();
    }
    manager.create_index(index).await
}
