//! What the benchmarks share: a private server, bare baselines, a driver, figures. Linux only: CPU times come from
//! `/proc`, pinning from `taskset`.

// Each benchmark is a program of its own and uses a part of this.
#![allow(dead_code, unreachable_pub)]

pub mod echo;
pub mod fleet;
pub mod http;
pub mod live;
pub mod load;
pub mod muster;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod report;
pub mod rounds;
pub mod viewer;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Whatever stopped a benchmark.
pub type Failure = Box<dyn Error + Send + Sync>;
/// The answer of a step of a benchmark.
pub type Outcome<T> = Result<T, Failure>;

/// Hosts that check in.
pub const HOSTS: usize = 10_000;
/// Connections of a driver that waits for each answer.
pub const CONNECTIONS: usize = 64;
/// Rounds of each comparison: every side once a round.
pub const ROUNDS: usize = 5;

/// How long each side is driven in a round: 5 s, or `BENCH_SECONDS`.
#[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration")]
pub fn round_time() -> Duration {
    let seconds = std::env::var("BENCH_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

/// Whether a scenario was asked for: all are, unless some are named on the command line.
pub fn wanted(scenario: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
    named.peek().is_none() || named.any(|name| name == scenario)
}

/// Where the raw figures go.
pub fn results() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results"))
}

/// Makes an ECDSA P-256 certificate of localhost in `directory`; a client that trusts it and resumes no session.
pub fn certificate(directory: &Path) -> Outcome<Arc<rustls::ClientConfig>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::write(directory.join("cert.pem"), made.cert.pem())?;
    fs::write(directory.join("key.pem"), made.signing_key.serialize_pem())?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}
