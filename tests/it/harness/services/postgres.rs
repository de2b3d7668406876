//! One PostgreSQL for all tests of this process; a database a test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};

use super::guarded::{Account, Guarded, directory};
use super::{Missing, env};

/// The PostgreSQL of this process.
pub struct Postgres {
    /// URL of the database `postgres`, with `{}` where another name goes.
    template: String,
    /// None when it was given from outside; kept so that the server ends with this process.
    server: Option<Guarded>,
}

/// A database of one test. Dropped with the private server, or by [`TestDatabase::remove`].
#[derive(Debug)]
pub struct TestDatabase {
    /// Where the application finds it.
    pub url: String,
    /// Its name, which no other test has.
    pub name: String,
}

/// The PostgreSQL of this process, started when first asked for.
pub fn postgres() -> Result<&'static Postgres, Missing> {
    static POSTGRES: OnceLock<Result<Postgres, Missing>> = OnceLock::new();
    POSTGRES.get_or_init(Postgres::start).as_ref().map_err(Clone::clone)
}

impl Postgres {
    fn start() -> Result<Self, Missing> {
        if let Some(url) = env("TEST_DATABASE_URL") {
            return Ok(Self { template: with_placeholder(&url), server: None });
        }
        let binaries = binaries().ok_or_else(|| Missing("PostgreSQL is not installed".into()))?;
        let account = Account::unless_plain_user("postgres")?;
        let place = directory("mu-pg-");
        if let Some(account) = account {
            account.own(&place);
        }
        init(&binaries, &place, account);
        let server = format!(
            "{} -D data -k {} -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
             -c max_connections=200",
            binaries.join("postgres").display(),
            place.display()
        );
        let template = format!("postgres://postgres@localhost/{{}}?host={}", place.display());
        let server = Guarded::start(&server, "INT", &place, account);
        Ok(Self { template, server: Some(server) })
    }

    /// Makes an empty database.
    pub async fn database(&self) -> TestDatabase {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Without the write-ahead log: quick where nothing is synced.
        self.administer(&format!("CREATE DATABASE {name} STRATEGY file_copy")).await;
        TestDatabase { url: self.template.replace("{}", &name), name }
    }

    /// Runs a statement in the database `postgres`.
    async fn administer(&self, statement: &str) {
        let connection = connect(&self.template.replace("{}", "postgres")).await;
        connection.execute_unprepared(statement).await.expect("the tests may make and drop databases");
        connection.close().await.expect("a connection closes");
    }
}

impl TestDatabase {
    /// The same, for somebody else who uses it.
    pub fn again(&self) -> Self {
        Self { url: self.url.clone(), name: self.name.clone() }
    }

    /// Cuts every connection to the database and lets nobody in, as if its server were gone.
    pub async fn take_away(&self) {
        let postgres = postgres().expect("the database was made there");
        postgres.administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name)).await;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        postgres.administer(&format!("{cut} = '{}'", self.name)).await;
    }

    /// Lets everybody in again.
    pub async fn bring_back(&self) {
        let postgres = postgres().expect("the database was made there");
        postgres.administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name)).await;
    }

    /// Drops the database where the server outlives the tests.
    pub async fn remove(&self) {
        let postgres = postgres().expect("the database was made there");
        if postgres.server.is_none() {
            postgres.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
        }
    }
}

/// One connection to a database, without logs.
pub async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("the database accepts connections")
}

/// The programs of the newest PostgreSQL.
pub(super) fn binaries() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").is_file());
    newest.max_by_key(version).or_else(|| super::program("initdb")?.parent().map(Path::to_owned))
}

/// Makes the data directory.
pub(super) fn init(binaries: &Path, place: &Path, account: Option<Account>) {
    let mut command = Command::new(binaries.join("initdb"));
    command.args(["-D", "data", "-U", "postgres", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"]);
    command.current_dir(place);
    if let Some(account) = account {
        account.run(&mut command);
    }
    let made = command.output().expect("initdb runs");
    assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
}

/// The URL with `{}` in place of its database.
fn with_placeholder(url: &str) -> String {
    let (base, options) = url.split_once('?').map_or((url, ""), |(base, options)| (base, options));
    let server = base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let separator = if options.is_empty() { "" } else { "?" };
    format!("{server}/{{}}{separator}{options}")
}
