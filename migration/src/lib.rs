//! How Muster's tables came to be: frozen steps, up and down.
//!
//! A step never changes after a release and never imports `entity`: entities move on, steps do not. Every step runs
//! in a transaction on both databases.

mod m0001_initial;
mod m0002_enrolled_team;
mod m0003_accounts;
mod m0004_access;

pub use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait};

/// The steps in order.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_initial::Step),
            Box::new(m0002_enrolled_team::Step),
            Box::new(m0003_accounts::Step),
            Box::new(m0004_access::Step),
        ]
    }
}
