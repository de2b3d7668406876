//! The whole application in process, on a port of the loopback: its clock moves by hand, its tasks run when told.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster::app::{App, Listeners};
use muster::clock::{Clock, FixedClock, Timestamp};
use muster::config::{Config, Sources};
use muster::fleet::Fleet;
use muster::http::Tls;
use muster::{tasks, telemetry};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::services::Missing;
use super::services::postgres::{TestDatabase, postgres};
use super::services::redis::Redis;
use super::within_deadline;

/// What the clock shows at first: 2026-11-22 12:00 UTC.
const START: Timestamp = Timestamp(1_795_348_800_000);

/// What a server stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// SQLite and the local bus.
    Sqlite,
    /// PostgreSQL and Redis.
    Postgres,
}

/// A running server.
pub struct TestServer {
    /// Its core.
    pub fleet: Fleet,
    /// Its calendar.
    pub clock: FixedClock,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it listens with TLS, if it does.
    pub https: Option<SocketAddr>,
    /// Where it listens for agents alone, if it does.
    pub agents: Option<SocketAddr>,
    /// Its TLS, where something speaks it.
    pub tls: Option<Arc<Tls>>,
    ground: Arc<Ground>,
    data: Arc<TempDir>,
    settings: Settings,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

/// What servers share, and what stays when one restarts.
struct Ground {
    /// Where the SQLite database is.
    directory: TempDir,
    /// The PostgreSQL database, if it is one.
    database: Option<TestDatabase>,
    redis: Option<Redis>,
}

/// Keys of the configuration that differ from those of most tests, and their values.
type Settings = &'static [(&'static str, &'static str)];

/// What a server leaves behind.
pub struct Leftovers(Arc<Ground>);

impl Leftovers {
    /// Drops the database where its server outlives the tests.
    pub async fn remove(self) {
        if let Some(database) = &self.0.database {
            database.remove().await;
        }
    }
}

impl TestServer {
    /// Starts a server on a database of its own.
    pub async fn start(backend: Backend, settings: Settings) -> Result<Self, Missing> {
        let (database, redis) = match backend {
            Backend::Sqlite => (None, None),
            Backend::Postgres => (Some(postgres()?.database().await), Some(Redis::start()?)),
        };
        let ground = Arc::new(Ground { directory: directory(), database, redis });
        Ok(Self::serve(ground, Arc::new(directory()), settings, FixedClock::at(START), anywhere()).await)
    }

    /// Starts another server on the same database, bus and calendar, with a data directory of its own.
    pub async fn beside(&self) -> Self {
        let (ground, data) = (Arc::clone(&self.ground), Arc::new(directory()));
        Self::serve(ground, data, self.settings, self.clock.clone(), anywhere()).await
    }

    /// Stops the server, gracefully, and starts it again on the same data and at the same address.
    pub async fn restart(self) -> Self {
        let settings = self.settings;
        self.restart_with(settings).await
    }

    /// As [`Self::restart`], with other settings.
    pub async fn restart_with(self, settings: Settings) -> Self {
        let (ground, data) = (Arc::clone(&self.ground), Arc::clone(&self.data));
        let (clock, address) = (self.clock.clone(), self.address);
        self.stop().await;
        Self::serve(ground, data, settings, clock, address).await
    }

    /// Begins to stop the server, and does not wait for its end.
    pub fn begin_to_stop(&self) {
        self.shutdown.cancel();
    }

    /// Stops the server, gracefully.
    pub async fn stop(self) {
        self.shutdown.cancel();
        within_deadline("the server to stop", self.serving).await.expect("it stops without a panic");
    }

    /// Runs every task once.
    pub async fn tick(&self) {
        tasks::run_once(&self.fleet).await.expect("tasks run");
    }

    /// Statements that some work costs: the fewest of several runs, for a message of the bus makes a server look at
    /// `changes` at any time.
    pub async fn statements_of(&self, mut work: impl AsyncFnMut()) -> u64 {
        let mut fewest = u64::MAX;
        for _ in 0..5 {
            let before = self.fleet.statements();
            work().await;
            fewest = fewest.min(self.fleet.statements() - before);
        }
        fewest
    }

    /// Moves the calendar.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Its PostgreSQL database, if it has one.
    pub fn postgres(&self) -> Option<&TestDatabase> {
        self.ground.database.as_ref()
    }

    /// Its Redis, where it has one that can be frozen.
    pub fn private_redis(&self) -> Option<&Redis> {
        self.ground.redis.as_ref().filter(|redis| redis.is_private())
    }

    /// Where its database is found from outside.
    pub fn database_url(&self) -> String {
        self.ground.database_url()
    }

    /// What the server leaves behind, to be removed after its end.
    pub fn leftovers(&self) -> Leftovers {
        Leftovers(Arc::clone(&self.ground))
    }

    async fn serve(
        ground: Arc<Ground>,
        data: Arc<TempDir>,
        settings: Settings,
        clock: FixedClock,
        address: SocketAddr,
    ) -> Self {
        let mut config = ground.config(data.path(), settings);
        config.http.listen = address;
        let app = App::build(&config, Clock::Fixed(clock.clone()), telemetry::no_metrics()).await;
        let app = app.expect("the application can be built");
        let (fleet, tls) = (app.fleet.clone(), app.tls.clone());
        let listeners = Listeners::bind(&config).await.expect("the ports are free");
        let address = bound(&listeners.http);
        let (https, agents) = (listeners.https.as_ref().map(bound), listeners.agent.as_ref().map(bound));
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(app.serve(listeners, shutdown.clone()));
        fleet.catch_up().await.expect("the store answers");
        Self { fleet, clock, address, https, agents, tls, ground, data, settings, shutdown, serving }
    }
}

impl Ground {
    fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url.clone(),
            None => format!("sqlite://{}?mode=rwc", self.directory.path().join("muster.db").display()),
        }
    }

    /// The configuration: tasks as good as never run by themselves, passwords cost little.
    fn config(&self, data: &Path, settings: Settings) -> Config {
        let mut flags = vec![
            ("data.dir", data.display().to_string()),
            ("database.url", self.database_url()),
            ("secret.key", "0123456789abcdef0123456789abcdef0123456789abcdef".to_owned()),
            ("session.password_memory", "64 KiB".to_owned()),
            ("tasks.changes_interval", "1h".to_owned()),
            ("tasks.presence_interval", "1h".to_owned()),
            ("tasks.expiry_interval", "1h".to_owned()),
        ];
        flags.extend(self.database.iter().map(|database| ("redis.namespace", database.name.clone())));
        flags.extend(self.redis.iter().map(|redis| ("redis.url", redis.url.clone())));
        flags.extend(settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let flags = flags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Config::load(&Sources { flags, ..Sources::default() }).expect("the settings are valid")
    }
}

fn directory() -> TempDir {
    let made = tempfile::Builder::new().prefix("mu-data-").tempdir();
    made.expect("the system's temporary directory can be written")
}

/// Any free port of the loopback.
fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn bound(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("it is bound")
}
