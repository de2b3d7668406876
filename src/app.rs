//! The composition root: configuration → adapters → [`Fleet`] → faces and tasks.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent;
use crate::auth::Keys;
use crate::bus::BusError;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::tls::ClientAuth;
use crate::destination::{Egress, Shipping, ShippingSettings};
use crate::fleet::{Fleet, Ports};
use crate::graphql;
use crate::graphql::transport::points::{self, Points};
use crate::http::tls::{Clients, Tls, TlsError};
use crate::http::{Door, Front, Lifecycle, Places, Scrape};
use crate::spool::{Spool, SpoolError};
use crate::store::transfer::transfer;
pub use crate::store::transfer::{Moved, MovedTable};
use crate::store::{Store, StoreError, StoreSettings};
use crate::telemetry::PrometheusHandle;
use crate::{http, tasks};

pub mod listeners;

mod agents;
mod database;
mod ground;
mod secret;
mod settings;
mod tls;
mod upkeep;

pub use crate::http::descriptors::raise as raise_descriptor_limit;
use ground::{bus, data_directory};
pub use listeners::Listeners;
use upkeep::{follow_files, refresh, reopen_log_files};

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
    points: Points,
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
    /// A log destination of the configuration can't be.
    #[error("destination.{0}: {1}")]
    Destination(String, String),
    /// The master secret is missing or too short.
    #[error("{0}")]
    Secret(&'static str),
}

impl App {
    /// Builds everything in order: store, keys, bus, spool, core, faces. The database is migrated, or tried again while
    /// it serves if it is away; its board is not loaded yet, so that a server listens at once.
    ///
    /// # Errors
    /// [`AppError`]: what could not be reached or written.
    pub async fn build(config: &Config, clock: Clock, metrics: PrometheusHandle) -> Result<Self, AppError> {
        let tls = Self::tls(config)?;
        let fleet = Self::assemble(config, clock).await?;
        database::open_or_wait(&fleet).await?;
        fleet.start_engine();
        let agent = agent::router(fleet.clone(), agents::settings(config));
        let transport = settings::transport(config);
        let sockets = Sockets { goodbye: transport.shutdown.clone(), open: transport.sockets.clone() };
        let points = Points::new(&transport.cost, fleet.clock.clone());
        let graphql = graphql::router::router(&fleet, transport, points.clone());
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
            points,
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
        let fleet = Self::assemble(config, clock).await?;
        fleet.open_database().await?;
        Ok(fleet)
    }

    /// The core on its adapters, its database not looked at yet.
    async fn assemble(config: &Config, clock: Clock) -> Result<Fleet, AppError> {
        let data = data_directory(&config.data.dir)?;
        let store = Self::store(config, clock.clone()).await?;
        let keys = Keys::derive(&secret::master(config, data)?);
        let spool = Spool::open(&data.join("spool"), settings::spool(config), clock.clone())?;
        let networks = config.egress.allow.clone();
        let egress = Egress::new(move |address| networks.contains(address));
        let shipping = ShippingSettings { data: data.to_owned(), egress };
        let shipping = Shipping::new(spool.clone(), clock.clone(), shipping);
        let bus = bus(config).await?;
        Ok(Fleet::new(Ports { store, bus, spool, shipping, keys, clock }, settings::core(config)?))
    }

    /// Connects to the configured database without touching its schema.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn store(config: &Config, clock: Clock) -> Result<Store, AppError> {
        let data = data_directory(&config.data.dir)?;
        let url = database::url(config, data);
        let max_connections = config.database.max_connections;
        Ok(Store::connect(&StoreSettings { url, max_connections }, clock).await?)
    }

    /// Moves the installation of a SQLite file to PostgreSQL, or to the configured database where `to` is none; tells
    /// each table to `progress`.
    ///
    /// # Errors
    /// When it can't be moved; the target is as it was then.
    pub async fn transfer(
        config: &Config,
        from: &str,
        to: Option<&str>,
        progress: impl Fn(&MovedTable),
    ) -> Result<Moved, AppError> {
        let configured = || config.database.url.as_ref().map_or("", |url| url.reveal());
        Ok(transfer(from, to.unwrap_or_else(configured), progress).await?)
    }

    /// Serves on `listeners`, with every task running, until `shutdown`; returns when requests under way have had
    /// their time to finish.
    ///
    /// # Errors
    /// When the database, away at the start, turns out to be none that can be used: then it has stopped by itself.
    pub async fn serve(
        self,
        listeners: impl Into<Listeners>,
        shutdown: CancellationToken,
    ) -> Result<(), AppError> {
        self.lifecycle.begin(shutdown.clone());
        let doors = self.doors(listeners.into());
        let Self {
            fleet,
            tls,
            reload_interval,
            hangup,
            patience,
            places,
            intervals,
            sockets,
            metrics,
            points,
            ..
        } = self;
        let reopening = shutdown.run_until_cancelled(reopen_log_files(&fleet));
        let background = async {
            let opened = database::keep_trying(&fleet, &shutdown).await;
            let ((), (), watched) = tokio::join!(
                fleet.ship(shutdown.clone()),
                tasks::run(fleet.clone(), intervals, shutdown.clone()),
                shutdown.run_until_cancelled(Box::pin(fleet.watch_database())),
            );
            opened.and(watched.unwrap_or(Ok(())))
        };
        let measuring = shutdown.run_until_cancelled(refresh(&metrics));
        let sharing = points::share(points, fleet.clone(), intervals.changes);
        let sharing = shutdown.run_until_cancelled(sharing);
        let goodbye = sockets.close(shutdown.clone(), patience.drain);
        let reloading = shutdown.run_until_cancelled(follow_files(tls, reload_interval, hangup));
        let open = |door| http::run(door, patience, places.clone(), shutdown.clone());
        let foreground = join_all(doors.into_iter().map(open));
        let (opened, ..) =
            tokio::join!(background, measuring, sharing, foreground, goodbye, reloading, reopening);
        // Last: until here an agent may still wait for its answer to become durable.
        fleet.stop_engine().await;
        fleet.stop_shipping().await;
        database::close(&fleet).await;
        Ok(opened?)
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
