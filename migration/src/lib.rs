//! How Muster's tables came to be: frozen steps, up and down.
//!
//! A step never changes after a release and never imports `entity`: entities move on, steps do not. Every step runs
//! in a transaction on both databases.

mod m0001_initial;
mod m0002_enrolled_team;
mod m0003_accounts;
mod m0004_access;
mod m0005_user_version;
mod m0006_acting_user;
mod m0009_vitals;
mod m0010_schedule;
mod m0010_reports;
mod m0011_labels;
mod m0012_policies;
mod m0013_schedule_health;
mod m0014_label_layers;

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
            Box::new(m0005_user_version::Step),
            Box::new(m0006_acting_user::Step),
            Box::new(m0009_vitals::Step),
            Box::new(m0010_schedule::Step),
            Box::new(m0010_reports::Step),
            Box::new(m0011_labels::Step),
            Box::new(m0012_policies::Step),
            Box::new(m0013_schedule_health::Step),
            Box::new(m0014_label_layers::Step),
        ]
    }
}
