//! The kinds of columns that this step uses, and short forms for its indices and foreign keys.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, string_len, string_len_null, text, text_uniq};
use sea_orm_migration::sea_orm::DbBackend;

/// An inside id that is never given twice: AUTOINCREMENT on SQLite, an identity column on PostgreSQL.
pub(super) fn id(name: &'static str) -> ColumnDef {
    big_pk_auto(name)
}

/// An outside id.
pub(super) fn public_id() -> ColumnDef {
    text_uniq("public_id")
}

/// A word of a closed set.
pub(super) fn word(name: &'static str) -> ColumnDef {
    string_len(name, 32)
}

/// A word of a closed set, or none.
pub(super) fn word_null(name: &'static str) -> ColumnDef {
    string_len_null(name, 32)
}

/// A point in time: milliseconds since 1970-01-01 UTC.
pub(super) fn time(name: &'static str) -> ColumnDef {
    big_integer(name)
}

/// A text that is sorted or searched by its bytes on both databases, whatever the locale of PostgreSQL.
pub(super) fn sorted_text(manager: &SchemaManager, name: &'static str) -> ColumnDef {
    in_byte_order(manager, text(name))
}

/// Makes a column of text compare by its bytes; SQLite's do so by themselves.
pub(super) fn in_byte_order(manager: &SchemaManager, mut column: ColumnDef) -> ColumnDef {
    if manager.get_database_backend() == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

/// The primary key of several columns.
pub(super) fn primary_key(columns: &[&'static str]) -> IndexCreateStatement {
    let mut key = Index::create();
    for column in columns {
        key.col(*column);
    }
    key
}

/// A foreign key to `parent.id` whose rows go with the parent.
pub(super) fn owned_by(
    table: &'static str,
    column: &'static str,
    parent: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(parent, "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

/// Creates an index over plain columns.
pub(super) async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager.create_index(over(table, columns)).await
}

/// Creates an index over plain columns that together are unique.
pub(super) async fn unique_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager.create_index(over(table, columns).unique().take()).await
}

/// Creates an index over a text in lower case, then the id; sea-query has no such index for SQLite.
pub(super) async fn lower_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let sql = format!("CREATE INDEX ix_{table}_lower_{column} ON {table} (lower({column}), id)");
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

fn over(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
