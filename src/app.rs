//! The composition root: configuration → adapters → [`Fleet`] → faces and tasks.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::{join_all, pending};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent;
use crate::auth::Keys;
use crate::bus::{Bus, BusError, LocalBus, RedisBus, RedisSettings};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::tls::ClientAuth;
use crate::fleet::{Fleet, Ports};
use crate::graphql;
use crate::graphql::transport::TransportSettings;
use crate::http::tls::{Clients, Tls, TlsError};
use crate::http::{Door, Front, Lifecycle, Places, Scrape};
use crate::spool::{Spool, SpoolError};
use crate::store::{Store, StoreError, StoreSettings};
use crate::telemetry::PrometheusHandle;
use crate::{http, tasks, telemetry};

pub mod listeners;

mod agents;
mod secret;
mod settings;
mod tls;

pub use crate::http::descriptors::raise as raise_descriptor_limit;
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
    /// Hears SIGHUP from the build on: unheard it would end the process.
    hangup: Option<Signal>,
    patience: http::Patience,
    places: Places,
    lifecycle: Lifecycle,
    metrics: PrometheusHandle,
    intervals: tasks::Intervals,
    sockets: Sockets,
}

/// How often what was measured is folded.
const UPKEEP: Duration = Duration::from_secs(5);

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
        let proxies = config.http.trusted_proxies.clone();
        let front = Front::new(proxies.clone(), config.tls.client_auth == ClientAuth::Required);
        let lifecycle = Lifecycle::default();
        let scrape = Scrape { metrics: metrics.clone(), token: config.metrics.token.clone() };
        let operator = (fleet.clone(), lifecycle.clone(), scrape);
        Ok(Self {
            agent_router: http::agent_router(&front, agent.clone()),
            router: http::router(&front, operator, agent, graphql),
            fleet,
            tls,
            reload_interval: config.tls.reload_interval,
            // Without the signal the files are followed all the same.
            hangup: signal(SignalKind::hangup()).ok(),
            patience: settings::patience(config),
            places: Places::new(settings::limits(config), proxies),
            lifecycle,
            metrics,
            intervals: settings::intervals(config),
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

    /// The `HOST:PORT` that agents reach the server by: as configured, else where it listens; where that is every
    /// address, by what this machine calls itself.
    #[must_use]
    pub fn agent_address(config: &Config) -> String {
        let listen = config.agent.listen.or(config.https.listen).unwrap_or(config.http.listen);
        config.http.public_address.clone().unwrap_or_else(|| match tls::host_name() {
            Some(name) if listen.ip().is_unspecified() => format!("{name}:{}", listen.port()),
            _ => listen.to_string(),
        })
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
        Ok(Fleet::new(Ports { store, bus, spool, keys, clock }, settings::core(config)))
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
        self.lifecycle.begin(shutdown.clone());
        let doors = self.doors(listeners.into());
        let Self {
            fleet, tls, reload_interval, hangup, patience, places, intervals, sockets, metrics, ..
        } = self;
        let background = tasks::run(fleet.clone(), intervals, shutdown.clone());
        let measuring = shutdown.run_until_cancelled(refresh(&metrics));
        let goodbye = sockets.close(shutdown.clone(), patience.drain);
        let reloading = shutdown.run_until_cancelled(follow_files(tls, reload_interval, hangup));
        let open = |door| http::run(door, patience, places.clone(), shutdown.clone());
        let foreground = join_all(doors.into_iter().map(open));
        tokio::join!(background, measuring, foreground, goodbye, reloading);
        // Last: until here an agent may still wait for its answer to become durable.
        fleet.stop_engine().await;
    }

    /// What is served on each listener.
    fn doors(&self, listeners: Listeners) -> Vec<Door> {
        let Listeners { http, https, agent } = listeners;
        let for_all =
            |listener, tls| Door { listener, tls, clients: Clients::All, router: self.router.clone() };
        let for_agents = |listener| Door {
            listener,
            tls: self.tls.clone(),
            clients: Clients::Agents,
            router: self.agent_router.clone(),
        };
        let plain = for_all(http, None);
        let https = https.zip(self.tls.clone()).map(|(listener, tls)| for_all(listener, Some(tls)));
        [Some(plain), https, agent.map(for_agents)].into_iter().flatten().collect()
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

/// Folds what was measured, every few seconds: without a scrape it would pile up.
async fn refresh(metrics: &PrometheusHandle) {
    let mut ticks = interval(UPKEEP);
    loop {
        ticks.tick().await;
        telemetry::refresh(metrics);
    }
}

/// Reads the files again that may be replaced under a running server, at SIGHUP and every so often. Without TLS there
/// are none, and the signal, which would end the process, does nothing.
async fn follow_files(tls: Option<Arc<Tls>>, every: Duration, mut hangup: Option<Signal>) {
    if let Some(tls) = tls {
        return tls.watch(every, hangup).await;
    }
    while let Some(hangup) = &mut hangup
        && hangup.recv().await.is_some()
    {
        tracing::info!("SIGHUP: there is no certificate to be read again");
    }
    pending::<()>().await;
}
