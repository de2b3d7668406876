//! Private PostgreSQL, Redis and nginx servers, from the installed binaries; the first two also by
//! `TEST_DATABASE_URL` and `TEST_REDIS_URL`.
//!
//! Where neither is there, a suite is named as not run; with `CI` set that is a failure.

pub mod cluster;
pub mod guarded;
pub mod nginx;
pub mod peers;
pub mod postgres;
pub mod redis;
pub mod way;

use std::io::Write as _;
use std::path::Path;

/// Why a service is not to be had here.
#[derive(Debug, Clone)]
pub struct Missing(pub String);

/// Says that a test did not run, past the capture of the test runner; with `CI` set that is a failure.
pub fn not_run(test: &str, missing: &Missing) {
    assert!(env("CI").is_none(), "{test} did not run, and CI is set: {}", missing.0);
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "NOT RUN {test}: {}", missing.0).expect("stderr is open");
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "how the person who runs the tests names their servers")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The program in one of the places where systems keep programs.
fn program(name: &str) -> Option<std::path::PathBuf> {
    let path = env("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"]);
    places.map(|place| Path::new(place).join(name)).find(|program| program.is_file())
}
