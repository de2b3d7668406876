//! The core: `impl Fleet`, verbs by noun. No protocol and no SQL text.
//!
//! Both faces hold one [`Fleet`] and call one verb of it. A verb asks `policy` first, then does one thing.

pub mod error;

pub mod enrollment;
pub mod roster;
pub mod check_in;
pub mod due;
pub mod vitals;
pub mod presence;
pub mod osquery_config;
pub mod logs;
pub mod destinations;

pub mod hosts;
pub mod labels;
pub mod saved_queries;
pub mod schedule;
pub mod packs;
pub mod import;
pub mod export;
pub mod reports;
pub mod query_costs;
pub mod policies;
pub mod campaigns;

pub mod sessions;
pub mod users;
pub mod invitations;
pub mod teams;
pub mod enroll_secrets;
pub mod guard;

pub mod activity;
pub mod idempotency;
pub mod offload;
mod group;
pub mod changes;
mod watch;
pub mod spending;
pub mod lease;
pub mod health;
mod input;
mod memory;
#[cfg(test)]
mod people_tests;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

pub use error::{FleetError, Rejection, RejectionCode};

use crate::auth::{Keys, Passwords};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::destination::Shipping;
use crate::spool::Spool;
use crate::store::Store;

/// The core of Muster; a cheap handle.
#[derive(Clone)]
pub struct Fleet(Arc<Parts>);

/// What the core is made of.
pub struct Parts {
    pub(crate) store: Store,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) spool: Spool,
    pub(crate) shipping: Shipping,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) roster: roster::Roster,
    pub(crate) presence: presence::Presence,
    pub(crate) due: due::Due,
    pub(crate) host_watchers: watch::Watchers<hosts::HostMark>,
    pub(crate) policy_watchers: watch::Watchers<policies::PolicyMark>,
    /// When this server started, by the calendar.
    pub(crate) started_at: crate::clock::Timestamp,
    pub(crate) enroll_guard: enrollment::Guard,
    /// Enrollments at the same time, at most: a storm of them, which may all wait for the order of changes, leaves
    /// connections for everybody who is in.
    pub(crate) enroll_places: Semaphore,
    pub(crate) passwords: Passwords,
    pub(crate) sessions: sessions::SessionCache,
    pub(crate) signing_keys: sessions::SigningKeys,
    pub(crate) activity_pulse: activity::Pulse,
    pub(crate) campaign_readers: activity::Readers,
    pub(crate) enroll_secrets: enroll_secrets::SecretCache,
    pub(crate) campaigns: campaigns::Engine,
    pub(crate) configurations: osquery_config::Configurations,
    pub(crate) reports: reports::Reports,
    pub(crate) query_costs: query_costs::QueryCosts,
    pub(crate) changes: changes::Reader,
    pub(crate) lease: lease::Lease,
}

/// What the core stands on: the adapters that the composition root chose.
pub struct Ports {
    /// The database.
    pub store: Store,
    /// Publish and subscribe between servers.
    pub bus: Arc<dyn Bus>,
    /// The durable queue of log lines.
    pub spool: Spool,
    /// What ships them to their destinations.
    pub shipping: Shipping,
    /// Keys of the installation.
    pub keys: Keys,
    /// Calendar time.
    pub clock: Clock,
}

impl Fleet {
    /// A core with empty memory; the first [`Fleet::catch_up`] fills its board.
    #[must_use]
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let Ports { store, bus, spool, shipping, keys, clock } = ports;
        let started_at = clock.now();
        let enroll_places = Semaphore::new((store.max_connections() / 2).max(1));
        Self(Arc::new(Parts {
            store,
            bus,
            spool,
            shipping,
            keys,
            clock,
            roster: roster::Roster::new(),
            presence: presence::Presence::new(),
            due: due::Due::default(),
            host_watchers: watch::Watchers::default(),
            policy_watchers: watch::Watchers::default(),
            started_at,
            enroll_guard: enrollment::Guard::new(settings.enroll_failures),
            enroll_places,
            passwords: Passwords::new(settings.argon2_memory_kib),
            sessions: sessions::SessionCache::new(),
            signing_keys: sessions::SigningKeys::default(),
            activity_pulse: activity::Pulse::default(),
            campaign_readers: activity::Readers::default(),
            enroll_secrets: enroll_secrets::SecretCache::new(),
            campaigns: campaigns::Engine::default(),
            configurations: osquery_config::Configurations::default(),
            reports: reports::Reports::default(),
            query_costs: query_costs::QueryCosts::default(),
            changes: changes::Reader::default(),
            lease: lease::Lease::new(),
            settings,
        }))
    }
}

impl std::ops::Deref for Fleet {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Fleet {
    /// The keys of the installation, for what a face seals.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Password hashes that were computed so far: what sign-ins cost, whoever tries.
    #[must_use]
    pub fn password_hashes(&self) -> u64 {
        self.passwords.computed()
    }
}

/// What can be set of the core, with the numbers of the design as defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seconds between check-ins, as the served configuration tells agents.
    pub check_in_interval: Duration,
    /// A host is online when it was seen within its own interval and this.
    pub online_grace: Duration,
    /// A host is missing when it was not seen for this long.
    pub missing_after: Duration,
    /// A host's last-seen time is written at most this often.
    pub presence_write_interval: Duration,
    /// Wrong enroll secrets from one address in a minute, before it must show one that is known.
    pub enroll_failures: u32,
    /// How long an unknown node key or enroll secret is remembered.
    pub unknown_credential_memory: Duration,
    /// Running campaigns at most.
    pub max_running_campaigns: u64,
    /// Outstanding targets of all running campaigns at most.
    pub max_outstanding_targets: u64,
    /// Queries handed out in one check-in at most.
    pub max_offers: usize,
    /// How often a host is asked for its vitals; zero for never.
    pub vitals_interval: Duration,
    /// How often a host is asked for its labels by SQL; zero for never.
    pub labels_interval: Duration,
    /// How often a host is asked for its policies; zero for never.
    pub policies_interval: Duration,
    /// How long is kept how hosts stood to policies before.
    pub policy_history: Duration,
    /// Queries that are due and handed out in one check-in at most.
    pub max_due: usize,
    /// Rows and bytes kept of one campaign at most.
    pub max_campaign_rows: i64,
    /// Bytes of events kept of one campaign at most.
    pub max_campaign_bytes: i64,
    /// Bytes of events kept in memory for the viewers of one campaign.
    pub ring_bytes: usize,
    /// Answers in one group commit at most.
    pub group_answers: usize,
    /// Bytes in one group commit at most.
    pub group_bytes: usize,
    /// How long the first answer of a group waits for others.
    pub group_delay: Duration,
    /// How long an answer may take to become durable before the agent is told to send it again.
    pub answer_deadline: Duration,
    /// `accelerate` told to agents while a campaign wants them, in seconds.
    pub accelerate_s: u32,
    /// Life of an access token.
    pub access_token_ttl: Duration,
    /// Life of a refresh token.
    pub refresh_token_ttl: Duration,
    /// argon2id memory in KiB; lower only in tests.
    pub argon2_memory_kib: u32,
    /// How long entries of the audit trail are kept.
    pub activity_retention: Duration,
    /// How long a report is kept to which no line comes.
    pub report_retention: Duration,
    /// Rows of one report at most.
    pub report_rows: usize,
    /// Log destinations of the configuration.
    pub destinations: Vec<destinations::Definition>,
    /// How long events of a campaign are kept after its end.
    pub event_retention: Duration,
    /// How long a server that keeps house may be silent before another one takes over.
    pub lease: Duration,
    /// When an agent is thanked for its lines.
    pub acknowledge: logs::Acknowledge,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            check_in_interval: Duration::from_secs(10),
            online_grace: Duration::from_secs(90),
            missing_after: Duration::from_hours(30 * 24),
            presence_write_interval: Duration::from_secs(30),
            enroll_failures: 100,
            unknown_credential_memory: Duration::from_secs(30),
            max_running_campaigns: 10_000,
            max_outstanding_targets: 50_000_000,
            max_offers: 20,
            vitals_interval: Duration::from_hours(1),
            labels_interval: Duration::from_hours(1),
            policies_interval: Duration::from_hours(1),
            policy_history: Duration::from_hours(90 * 24),
            max_due: 60,
            max_campaign_rows: 10_000_000,
            max_campaign_bytes: 4 << 30,
            ring_bytes: 4 << 20,
            group_answers: 512,
            group_bytes: 4 << 20,
            group_delay: Duration::from_millis(5),
            answer_deadline: Duration::from_secs(8),
            accelerate_s: 60,
            access_token_ttl: Duration::from_mins(15),
            refresh_token_ttl: Duration::from_hours(30 * 24),
            argon2_memory_kib: 19_456,
            activity_retention: Duration::from_hours(365 * 24),
            report_retention: Duration::from_hours(30 * 24),
            report_rows: 10_000,
            destinations: vec![destinations::Definition::files()],
            event_retention: Duration::from_hours(30 * 24),
            lease: Duration::from_secs(15),
            acknowledge: logs::Acknowledge::default(),
        }
    }
}
