//! A core on a new SQLite file, for unit tests; the whole application is tested from outside.

use std::sync::Arc;

use tempfile::TempDir;

use super::users::{NewUser, User};
use super::{Fleet, FleetError, Ports, RejectionCode, Settings};
use crate::auth::Keys;
use crate::bus::LocalBus;
use crate::clock::{Clock, FixedClock, Timestamp};
use crate::destination::{Egress, Shipping, ShippingSettings};
use crate::policy::{Actor, Role};
use crate::spool::{Spool, SpoolSettings};
use crate::store::{Store, StoreSettings};

/// The password of every user made here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A core with a clock that is moved by hand; its files go when it is dropped.
pub(crate) struct TestFleet {
    pub(crate) fleet: Fleet,
    pub(crate) clock: FixedClock,
    directory: TempDir,
}

impl std::ops::Deref for TestFleet {
    type Target = Fleet;

    fn deref(&self) -> &Fleet {
        &self.fleet
    }
}

impl TestFleet {
    /// A core with an empty database.
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let clock = FixedClock::at(Timestamp(1_800_000_000_000));
        let fleet = core(&directory, &clock, Settings { argon2_memory_kib: 8, ..Settings::default() }).await;
        Self { fleet, clock, directory }
    }

    /// Another server on the same database, which has not looked at it yet.
    pub(crate) async fn starting(&self) -> Fleet {
        ignorant(&self.directory, &self.clock, self.settings.clone()).await
    }

    /// Another server on the same database, with these settings changed.
    pub(crate) async fn another(&self, change: impl FnOnce(&mut Settings)) -> Fleet {
        let mut settings = self.settings.clone();
        change(&mut settings);
        core(&self.directory, &self.clock, settings).await
    }

    /// Makes a user with one role, in a team or global.
    pub(crate) async fn user(&self, email: &str, role: Role, team: Option<&entity::teams::Model>) -> User {
        let new = NewUser {
            email: email.to_owned(),
            name: "Ada".to_owned(),
            password: PASSWORD.to_owned(),
            role,
            team: team.map(|team| team.public_id.clone()),
        };
        self.create_user(&Actor::System, new).await.expect("the user is new")
    }
}

/// The codes of a rejection, with their paths.
pub(crate) fn rejections<T: std::fmt::Debug>(
    outcome: Result<T, FleetError>,
) -> Vec<(RejectionCode, &'static str)> {
    match outcome {
        Err(FleetError::Rejected(rejections)) => rejections.iter().map(|r| (r.code, r.path)).collect(),
        other => panic!("this was not rejected: {other:?}"),
    }
}

/// A core that has not looked at its database.
async fn ignorant(directory: &TempDir, clock: &FixedClock, settings: Settings) -> Fleet {
    let clock = Clock::Fixed(clock.clone());
    let url = format!("sqlite://{}?mode=rwc", directory.path().join("muster.db").display());
    let store = Store::connect(&StoreSettings { url, max_connections: 4 }, clock.clone()).await;
    let store = store.expect("the file can be opened");
    store.migrate().await.expect("the schema is made");
    let spool = Spool::open(&directory.path().join("spool"), SpoolSettings::default(), clock.clone());
    let spool = spool.expect("the directory is writable");
    let shipping = ShippingSettings { data: directory.path().to_owned(), egress: Egress::new(|_| true) };
    let shipping = Shipping::new(spool.clone(), clock.clone(), shipping);
    let keys = Keys::derive(&[7; 32]);
    Fleet::new(Ports { store, bus: Arc::new(LocalBus::default()), spool, shipping, keys, clock }, settings)
}

/// A core that knows what its database has.
async fn core(directory: &TempDir, clock: &FixedClock, settings: Settings) -> Fleet {
    let fleet = ignorant(directory, clock, settings).await;
    fleet.catch_up().await.expect("the database answers");
    fleet
}
