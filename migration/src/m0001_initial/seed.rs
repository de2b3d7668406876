//! The labels that every installation has.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Name and platform of each built-in label; without a platform all hosts have it.
const BUILT_IN: [(&str, Option<&str>); 5] = [
    ("All hosts", None),
    ("macOS", Some("darwin")),
    ("Linux", Some("linux")),
    ("Windows", Some("windows")),
    ("FreeBSD", Some("freebsd")),
];

/// Inserts the built-in labels; the database draws their outside ids and tells the time.
pub(super) async fn built_in_labels(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let (public_id, now) = match manager.get_database_backend() {
        DbBackend::Postgres => (
            "'lbl_' || replace(gen_random_uuid()::text, '-', '')",
            "(extract(epoch from now()) * 1000)::bigint",
        ),
        _ => (
            "'lbl_' || lower(hex(randomblob(16)))",
            "cast((julianday('now') - 2440587.5) * 86400000 as integer)",
        ),
    };
    for (name, platform) in BUILT_IN {
        let insert = Query::insert()
            .into_table("labels")
            .columns(["public_id", "name", "kind", "team_id", "platform", "created_at"])
            .values_panic([
                Expr::cust(public_id),
                name.into(),
                "built_in".into(),
                0_i64.into(),
                platform.into(),
                Expr::cust(now),
            ])
            .take();
        manager.execute(insert).await?;
    }
    Ok(())
}
