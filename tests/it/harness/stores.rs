//! A database without a server: for the laws of migrations and of the store's reads.

use std::future::Future;

use muster::clock::Clock;
use muster::store::{Store, StoreSettings};

use super::block_on;
use super::server::Backend;
use super::services::{not_run, postgres::postgres};

/// Makes each law a test on SQLite and one on PostgreSQL, on an empty database of its own.
macro_rules! on_both_stores {
    ($($(#[$doc:meta])* async fn $name:ident($($store:tt)*) $law:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn law($($store)*) $law

            #[test]
            fn sqlite() {
                $crate::harness::stores::run($crate::harness::server::Backend::Sqlite, module_path!(), law);
            }

            #[test]
            fn postgres() {
                $crate::harness::stores::run($crate::harness::server::Backend::Postgres, module_path!(), law);
            }
        }
    )*};
}
pub(crate) use on_both_stores;

/// Runs a law on an empty database; where the server is missing, says so.
pub fn run<F, Fut>(backend: Backend, test: &str, law: F)
where
    F: FnOnce(Store) -> Fut,
    Fut: Future<Output = ()>,
{
    block_on(async {
        match backend {
            Backend::Sqlite => {
                let directory = tempfile::tempdir().expect("the system's temporary directory can be written");
                let path = directory.path().join("muster.db");
                law(connect(format!("sqlite://{}?mode=rwc", path.display())).await).await;
            }
            Backend::Postgres => match postgres() {
                Ok(server) => {
                    let database = server.database().await;
                    law(connect(database.url.clone()).await).await;
                    database.remove().await;
                }
                Err(missing) => not_run(&format!("{test}::postgres"), &missing),
            },
        }
    });
}

async fn connect(url: String) -> Store {
    let settings = StoreSettings { url, max_connections: 4 };
    Store::connect(&settings, Clock::System).await.expect("the database of the test can be reached")
}
