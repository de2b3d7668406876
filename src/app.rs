//! The composition root: configuration → adapters → [`Fleet`] → faces and tasks.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent;
use crate::auth::Keys;
use crate::bus::{Bus, BusError, LocalBus, RedisBus, RedisSettings};
use crate::clock::Clock;
use crate::config::Config;
use crate::fleet::{Fleet, Ports, Settings};
use crate::graphql;
use crate::graphql::transport::TransportSettings;
use crate::http::Door;
use crate::http::tls::{Tls, TlsError};
use crate::spool::{Spool, SpoolError};
use crate::store::{Store, StoreError, StoreSettings};
use crate::telemetry::PrometheusHandle;
use crate::{http, tasks};

pub mod listeners;

mod agents;
mod secret;
mod tls;

pub use listeners::Listeners;

/// The whole application, built and not yet serving.
pub struct App {
    /// The core.
    pub fleet: Fleet,
    /// Everything that is served at one address.
    pub router: Router,
    /// What is served to agents alone.
    pub agent_router: Router,
    /// TLS, when a listener speaks it.
    pub tls: Option<Arc<Tls>>,
    /// How often its certificate is looked at.
    reload_interval: Duration,
    patience: http::Patience,
    intervals: tasks::Intervals,
    sockets: Sockets,
}

/// The WebSockets of the API, which outlive the requests that opened them.
struct Sockets {
    /// When cancelled, they say goodbye.
    goodbye: CancellationToken,
    open: TaskTracker,
}

/// Why the application could not be built. Each message is one sentence for the person who starts it.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory can't be made or written.
    #[error("{} can't be written", path.display())]
    Data {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database can't be used.
    #[error("the database can't be used")]
    Store(#[from] StoreError),
    /// The log files can't be written.
    #[error("the log files can't be written")]
    Spool(#[from] SpoolError),
    /// The bus between servers can't be used.
    #[error("the bus between servers can't be used")]
    Bus(#[from] BusError),
    /// TLS is configured, and has no certificate to speak with.
    #[error("HTTPS can't be served")]
    Tls(#[from] TlsError),
    /// The master secret is missing or too short.
    #[error("{0}")]
    Secret(&'static str),
}

impl App {
    /// Builds everything in order: store, keys, bus, spool, core, faces. The database is migrated; its board is not
    /// loaded yet, so that a server listens at once.
    ///
    /// # Errors
    /// [`AppError`]: what could not be reached or written.
    pub async fn build(config: &Config, clock: Clock, metrics: PrometheusHandle) -> Result<Self, AppError> {
        let tls = Self::tls(config)?;
        let fleet = Self::core(config, clock).await?;
        fleet.start_engine();
        let agent = agent::router(fleet.clone(), agents::settings(config));
        let transport =
            TransportSettings { graphiql: config.graphql.graphiql, ..TransportSettings::default() };
        let sockets = Sockets { goodbye: transport.shutdown.clone(), open: transport.sockets.clone() };
        let graphql = graphql::router::router(&fleet, transport);
        Ok(Self {
            agent_router: http::agent_router(agent.clone()),
            router: http::router(fleet.clone(), metrics, agent, graphql),
            fleet,
            tls,
            reload_interval: config.tls.reload_interval,
            patience: patience(config),
            intervals: intervals(config),
            sockets,
        })
    }

    /// TLS of the configured listeners, none when all are plain. A self-signed certificate is made where it is wanted
    /// and there is none yet.
    ///
    /// # Errors
    /// [`AppError`]: the certificate can't be made, read or used.
    pub fn tls(config: &Config) -> Result<Option<Arc<Tls>>, AppError> {
        tls::tls(config)
    }

    /// Builds the core alone, on a migrated database: for commands that work beside a running server.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn core(config: &Config, clock: Clock) -> Result<Fleet, AppError> {
        let data = data_directory(&config.data.dir)?;
        let store = Self::store(config, clock.clone()).await?;
        store.migrate().await?;
        let keys = Keys::derive(&secret::master(config, data)?);
        let spool = Spool::open(&data.join("logs"))?;
        let bus = bus(config).await?;
        Ok(Fleet::new(Ports { store, bus, spool, keys, clock }, settings(config)))
    }

    /// Connects to the configured database without touching its schema.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn store(config: &Config, clock: Clock) -> Result<Store, AppError> {
        let data = data_directory(&config.data.dir)?;
        let url = match &config.database.url {
            Some(url) => url.reveal().to_owned(),
            None => format!("sqlite://{}?mode=rwc", data.join("muster.db").display()),
        };
        let max_connections = config.database.max_connections;
        Ok(Store::connect(&StoreSettings { url, max_connections }, clock).await?)
    }

    /// Serves on `listeners`, with every task running, until `shutdown`; returns when requests under way have had
    /// their time to finish.
    pub async fn serve(self, listeners: impl Into<Listeners>, shutdown: CancellationToken) {
        let doors = self.doors(listeners.into());
        let Self { fleet, tls, reload_interval, patience, intervals, sockets, .. } = self;
        let background = tasks::run(fleet.clone(), intervals, shutdown.clone());
        let goodbye = sockets.close(shutdown.clone(), patience.drain);
        let certificate = join_all(tls.map(|tls| tls.watch(reload_interval, shutdown.clone())));
        let foreground = join_all(doors.into_iter().map(|door| http::run(door, patience, shutdown.clone())));
        tokio::join!(background, foreground, goodbye, certificate);
        // Last: until here an agent may still wait for its answer to become durable.
        fleet.stop_engine().await;
    }

    /// What is served on each listener.
    fn doors(&self, listeners: Listeners) -> Vec<Door> {
        let Listeners { http, https, agent } = listeners;
        let mut doors = vec![Door { listener: http, tls: None, router: self.router.clone() }];
        let https = https.zip(self.tls.clone());
        doors.extend(https.map(|(listener, tls)| Door {
            listener,
            tls: Some(tls),
            router: self.router.clone(),
        }));
        doors.extend(agent.map(|listener| Door {
            listener,
            tls: self.tls.clone(),
            router: self.agent_router.clone(),
        }));
        doors
    }
}

impl Sockets {
    /// At `shutdown`, tells every socket to close, and gives them `drain` to do so.
    async fn close(self, shutdown: CancellationToken, drain: Duration) {
        shutdown.cancelled().await;
        self.goodbye.cancel();
        self.open.close();
        if timeout(drain, self.open.wait()).await.is_err() {
            tracing::warn!(sockets = self.open.len(), "sockets were cut at the end of the drain");
        }
    }
}

/// The bus: over Redis when it is configured, else inside this server.
async fn bus(config: &Config) -> Result<Arc<dyn Bus>, AppError> {
    let Some(url) = &config.redis.url else { return Ok(Arc::new(LocalBus::default())) };
    let settings = RedisSettings { url: url.reveal().to_owned(), namespace: config.redis.namespace.clone() };
    Ok(Arc::new(RedisBus::start(&settings).await?))
}

/// Makes the data directory, private to this user, unless it is there; and sees that it can be written.
fn data_directory(path: &Path) -> Result<&Path, AppError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| tempfile::tempfile_in(path).map(drop))
        .map_err(|source| AppError::Data { path: path.to_owned(), source })?;
    Ok(path)
}

/// How long listeners wait for clients.
fn patience(config: &Config) -> http::Patience {
    http::Patience {
        headers: config.http.header_timeout,
        idle: config.http.idle_timeout,
        drain: config.http.drain_timeout,
    }
}

/// How often tasks run.
fn intervals(config: &Config) -> tasks::Intervals {
    tasks::Intervals {
        changes: config.tasks.changes_interval,
        presence: config.tasks.presence_interval,
        expiry: config.tasks.expiry_interval,
    }
}

/// The settings of the core, from the sections of the configuration.
fn settings(config: &Config) -> Settings {
    let Config { agent, enroll, campaign, session, activity, .. } = config;
    Settings {
        check_in_interval: agent.check_in_interval,
        online_grace: agent.online_grace,
        missing_after: agent.missing_after,
        presence_write_interval: agent.presence_write_interval,
        enroll_failures: enroll.max_failures,
        unknown_credential_memory: agent.unknown_credential_memory,
        max_running_campaigns: campaign.max_running,
        max_outstanding_targets: campaign.max_outstanding_targets,
        max_offers: campaign.max_offers,
        max_campaign_rows: campaign.max_rows,
        max_campaign_bytes: campaign.max_bytes.stored(),
        ring_bytes: campaign.ring_bytes.in_memory(),
        group_answers: campaign.group_answers,
        group_bytes: campaign.group_bytes.in_memory(),
        group_delay: campaign.group_delay,
        answer_deadline: campaign.answer_deadline,
        accelerate_s: u32::try_from(agent.accelerate.as_secs()).unwrap_or(u32::MAX),
        access_token_ttl: session.access_token_ttl,
        refresh_token_ttl: session.refresh_token_ttl,
        argon2_memory_kib: u32::try_from(session.password_memory.0 >> 10).unwrap_or(u32::MAX),
        activity_retention: activity.retention,
    }
}
