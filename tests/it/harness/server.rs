//! The whole application in process, on a port of the loopback: its clock moves by hand, its tasks run when told.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster::app::{App, AppError, Listeners};
use muster::clock::{Clock, FixedClock, Timestamp};
use muster::config::{Config, Sources};
use muster::fleet::Fleet;
use muster::http::Tls;
use muster::store::transfer::transfer;
use muster::{tasks, telemetry};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::services::Missing;
use super::services::postgres::{TestDatabase, postgres};
use super::services::redis::Redis;
use super::{canary, within_deadline};

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
    serving: JoinHandle<Result<(), AppError>>,
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
pub type Settings = &'static [(&'static str, &'static str)];

/// What a server leaves behind.
pub struct Leftovers {
    ground: Arc<Ground>,
    data: Arc<TempDir>,
}

impl Leftovers {
    /// Searches all that was stored for secrets.
    pub async fn search(&self) {
        canary::search_files(self.data.path());
        canary::search_files(self.ground.directory.path());
        if let Some(database) = &self.ground.database {
            canary::search_database(&database.url).await;
        }
    }

    /// Drops the database where its server outlives the tests.
    pub async fn remove(self) {
        if let Some(database) = &self.ground.database {
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
        Ok(Self::start_on(database, redis, settings).await)
    }

    /// Starts a server on a database of its own in PostgreSQL and a Redis that can be stopped and frozen.
    pub async fn start_with_private_redis(settings: Settings) -> Result<Self, Missing> {
        Self::start_on_private(postgres()?.database().await, settings).await
    }

    /// Starts a server on a database that the test takes away, with a Redis of its own that can be frozen.
    pub async fn start_on_private(database: TestDatabase, settings: Settings) -> Result<Self, Missing> {
        Ok(Self::start_on(Some(database), Some(Redis::start_private()?), settings).await)
    }

    async fn start_on(database: Option<TestDatabase>, redis: Option<Redis>, settings: Settings) -> Self {
        let ground = Arc::new(Ground { directory: directory(), database, redis });
        Self::serve(ground, Arc::new(directory()), settings, FixedClock::at(START), anywhere()).await
    }

    /// Stops the server, gracefully, moves its SQLite database, and starts it again at the same address on the new one.
    pub async fn restart_moved(self, target: &TestDatabase, file: &str) -> Self {
        let ground = Ground { directory: directory(), database: Some(target.again()), redis: None };
        let (data, settings) = (Arc::clone(&self.data), self.settings);
        let (clock, address) = (self.clock.clone(), self.address);
        self.stop().await;
        transfer(file, &target.url, |_| ()).await.expect("the target is empty");
        Self::serve(Arc::new(ground), data, settings, clock, address).await
    }

    /// Starts another server on the same database, bus and calendar, with a data directory of its own.
    pub async fn beside(&self) -> Self {
        self.beside_with(self.clock.clone(), &[]).await
    }

    /// As [`Self::beside`], with a calendar of its own, and settings that differ from those of this one.
    pub async fn beside_with(&self, clock: FixedClock, own: &[(&'static str, &str)]) -> Self {
        let (ground, data) = (Arc::clone(&self.ground), Arc::new(directory()));
        let mut config = ground.config(data.path(), self.settings, own);
        config.http.listen = anywhere();
        Self::run(ground, data, self.settings, config, clock).await
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
        let served = within_deadline("the server to stop", self.serving).await;
        served.expect("it stops without a panic").expect("the database can be used");
    }

    /// Ends the server as a crash does: its memory is gone, and what it had under way comes to nothing.
    pub async fn kill(self) {
        self.serving.abort();
        // It was aborted.
        drop(self.serving.await);
        self.fleet.close_database().await.expect("connections close");
    }

    /// As [`Self::kill`], and starts it again on the same data and at the same address.
    pub async fn crash(self) -> Self {
        let (ground, data) = (Arc::clone(&self.ground), Arc::clone(&self.data));
        let (clock, address, settings) = (self.clock.clone(), self.address, self.settings);
        self.kill().await;
        Self::serve(ground, data, settings, clock, address).await
    }

    /// Ends its work in the middle, as a crash does: nothing is given back, nobody is told.
    pub fn die(self) {
        self.serving.abort();
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
        Leftovers { ground: Arc::clone(&self.ground), data: Arc::clone(&self.data) }
    }

    async fn serve(
        ground: Arc<Ground>,
        data: Arc<TempDir>,
        settings: Settings,
        clock: FixedClock,
        address: SocketAddr,
    ) -> Self {
        let mut config = ground.config(data.path(), settings, &[]);
        config.http.listen = address;
        Self::run(ground, data, settings, config, clock).await
    }

    async fn run(
        ground: Arc<Ground>,
        data: Arc<TempDir>,
        settings: Settings,
        config: Config,
        clock: FixedClock,
    ) -> Self {
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
    fn config(&self, data: &Path, settings: Settings, own: &[(&'static str, &str)]) -> Config {
        let mut flags = vec![
            ("data.dir", data.display().to_string()),
            ("database.url", self.database_url()),
            ("secret.key", "0123456789abcdef0123456789abcdef0123456789abcdef".to_owned()),
            ("session.password_memory", "64 KiB".to_owned()),
            ("tasks.changes_interval", "1h".to_owned()),
            ("tasks.presence_interval", "1h".to_owned()),
            ("tasks.expiry_interval", "1h".to_owned()),
            ("tasks.lease", "3h".to_owned()),
            ("tasks.statuses_interval", "1h".to_owned()),
            // Agents of most tests are asked what the test asks, and nothing else.
            ("due.vitals_interval", "0s".to_owned()),
        ];
        flags.extend(self.database.iter().map(|database| ("redis.namespace", database.name.clone())));
        flags.extend(self.redis.iter().map(|redis| ("redis.url", redis.url.clone())));
        flags.extend(settings.iter().chain(own).map(|(key, value)| (*key, (*value).to_owned())));
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
