//! A private Redis that keeps nothing on disk, reached over a Unix socket.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::Outcome;

/// A Redis that ends when this is dropped.
pub struct Redis {
    place: TempDir,
    server: Child,
}

impl Redis {
    /// Starts one; none where it is not installed.
    pub fn start() -> Outcome<Option<Self>> {
        let place = tempfile::Builder::new().prefix("redis-").tempdir()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
        command.arg(place.path().join("s")).stdin(Stdio::null()).stdout(Stdio::null());
        let Ok(server) = command.spawn() else { return Ok(None) };
        let redis = Self { place, server };
        while !redis.place.path().join("s").exists() {
            sleep(Duration::from_millis(10));
        }
        Ok(Some(redis))
    }

    /// Where a server finds it.
    pub fn url(&self) -> String {
        format!("redis+unix://{}/s", self.place.path().display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
