//! Section `http`: where the server listens, and how patient it is.

use std::net::SocketAddr;
use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::network::Networks;

/// Where the server listens, and how patient it is.
#[derive(Clone, Debug)]
pub struct Http {
    /// Address and port of the plain HTTP listener.
    pub listen: SocketAddr,
    /// `HOST:PORT` that agents reach the server by; none: the address it listens on.
    pub public_address: Option<String>,
    /// Time a new connection has to send its first request's headers.
    pub header_timeout: Duration,
    /// Time a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// Time that requests under way have to finish when the server stops.
    pub drain_timeout: Duration,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Connections of one address at the same time; none: half of all.
    pub max_connections_per_source: Option<usize>,
    /// Whose word on where a request comes from is believed.
    pub trusted_proxies: Networks,
}

impl Http {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: values.get("http.listen")?,
            public_address: values.get("http.public_address")?,
            header_timeout: values.get("http.header_timeout")?,
            idle_timeout: values.get("http.idle_timeout")?,
            drain_timeout: values.get("http.drain_timeout")?,
            max_connections: values.get("http.max_connections")?,
            max_connections_per_source: values.get("http.max_connections_per_source")?,
            trusted_proxies: values.get("http.trusted_proxies")?,
        })
    }
}
