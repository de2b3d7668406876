//! A Redis a test, so that it can be stopped, frozen, emptied and asked.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::guarded::{Guarded, directory};
use super::{Missing, env, program};

/// A Redis for one test.
pub struct Redis {
    /// Where the application finds it.
    pub url: String,
    /// Where a private one is, also while it is stopped.
    place: Option<PathBuf>,
    server: Mutex<Option<Guarded>>,
    /// What it was started with, beside what all are.
    options: String,
}

impl Redis {
    /// Starts a private one, or takes the one of `TEST_REDIS_URL`.
    pub fn start() -> Result<Self, Missing> {
        match env("TEST_REDIS_URL") {
            Some(url) => Ok(Self { url, place: None, server: Mutex::default(), options: String::new() }),
            None => Self::start_private(),
        }
    }

    /// Starts one that can be stopped, also where `TEST_REDIS_URL` is set.
    pub fn start_private() -> Result<Self, Missing> {
        Self::start_with(&directory("mu-redis-"), "--port 0")
    }

    /// Starts a private one in a directory, with options of the command line.
    pub fn start_with(place: &Path, options: &str) -> Result<Self, Missing> {
        let url = format!("redis+unix://{}/s", place.display());
        let server = Mutex::new(Some(launch(place, options)?));
        Ok(Self { url, place: Some(place.to_owned()), server, options: options.to_owned() })
    }

    /// Whether it is ours to stop and to freeze.
    pub fn is_private(&self) -> bool {
        self.place.is_some()
    }

    /// The socket of a private one.
    pub fn socket(&self) -> PathBuf {
        self.place.as_ref().expect("the server is private").join("s")
    }

    /// Ends the server without warning.
    pub fn stop(&self) {
        drop(self.server().take().expect("the server is private and runs"));
    }

    /// Starts the server again at the same place, empty.
    pub fn restart(&self) {
        let place = self.place.as_ref().expect("the server is private");
        std::fs::create_dir(place).expect("the directory can be made again");
        *self.server() = Some(launch(place, &self.options).expect("it ran before"));
    }

    /// Keeps the server from answering: connections stay, and hang.
    pub fn freeze(&self) {
        self.server().as_ref().expect("the server is private and runs").signal("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.server().as_ref().expect("the server is private and runs").signal("CONT");
    }

    /// Runs a command that must succeed, and answers what it says.
    pub async fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(self.url.as_str()).expect("the URL is valid");
        let mut connection = client.get_multiplexed_async_connection().await.expect("it accepts connections");
        let (name, arguments) = command.split_first().expect("a command has a name");
        let answer = redis::cmd(name).arg(arguments).query_async(&mut connection).await;
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    fn server(&self) -> MutexGuard<'_, Option<Guarded>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn launch(place: &Path, options: &str) -> Result<Guarded, Missing> {
    let program = program("redis-server").ok_or_else(|| Missing("Redis is not installed".into()))?;
    let server = format!(
        "{} --unixsocket {}/s --save '' --appendonly no {options}",
        program.display(),
        place.display()
    );
    Ok(Guarded::start(&server, "KILL", place, None))
}
