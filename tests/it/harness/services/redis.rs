//! A Redis a test, so that it can be stopped and frozen.

use super::guarded::{Guarded, directory};
use super::{Missing, env, program};

/// A Redis for one test.
pub struct Redis {
    /// Where the application finds it.
    pub url: String,
    server: Option<Guarded>,
}

impl Redis {
    /// Starts a private one, or takes the one of `TEST_REDIS_URL`.
    pub fn start() -> Result<Self, Missing> {
        match env("TEST_REDIS_URL") {
            Some(url) => Ok(Self { url, server: None }),
            None => Self::start_private(),
        }
    }

    /// Starts one that can be stopped, also where `TEST_REDIS_URL` is set.
    pub fn start_private() -> Result<Self, Missing> {
        let place = directory("mu-redis-");
        let url = format!("redis+unix://{}/s", place.display());
        Ok(Self { url, server: Some(launch(place)?) })
    }

    /// Whether it is ours to stop and to freeze.
    pub fn is_private(&self) -> bool {
        self.server.is_some()
    }

    /// Ends the server without warning.
    pub fn stop(&mut self) -> Stopped {
        let server = self.server.take().expect("the server is private and runs");
        let place = server.directory().to_owned();
        drop(server);
        Stopped(place)
    }

    /// Starts the server again at the same place.
    pub fn restart(&mut self, stopped: Stopped) {
        std::fs::create_dir(&stopped.0).expect("the directory can be made again");
        self.server = Some(launch(stopped.0).expect("it ran before"));
    }

    /// Keeps the server from answering: connections stay, and hang.
    pub fn freeze(&self) {
        self.server.as_ref().expect("the server is private and runs").signal("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.server.as_ref().expect("the server is private and runs").signal("CONT");
    }
}

/// The place of a server that was stopped.
pub struct Stopped(std::path::PathBuf);

fn launch(place: std::path::PathBuf) -> Result<Guarded, Missing> {
    let program = program("redis-server").ok_or_else(|| Missing("Redis is not installed".into()))?;
    let server = format!(
        "{} --port 0 --unixsocket {}/s --save '' --appendonly no",
        program.display(),
        place.display()
    );
    Ok(Guarded::start(&server, "KILL", place, None))
}
