//! The sockets that a server listens on.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::Config;

/// The sockets that a server listens on, each bound. A lone [`TcpListener`] is that of plain HTTP.
#[derive(Debug)]
pub struct Listeners {
    /// Plain HTTP, for agents and people.
    pub http: TcpListener,
    /// HTTPS, for agents and people.
    pub https: Option<TcpListener>,
    /// For agents alone; with TLS when the server has a certificate.
    pub agent: Option<TcpListener>,
}

/// An address can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

impl Listeners {
    /// Listens on every configured address.
    ///
    /// # Errors
    /// The first address that somebody else has, or that is not of this machine.
    pub async fn bind(config: &Config) -> Result<Self, ListenError> {
        Ok(Self {
            http: bind(config.http.listen).await?,
            https: bind_if(config.https.listen).await?,
            agent: bind_if(config.agent.listen).await?,
        })
    }
}

impl From<TcpListener> for Listeners {
    fn from(http: TcpListener) -> Self {
        Self { http, https: None, agent: None }
    }
}

/// Listens on `address`.
///
/// # Errors
/// Somebody else has the address, or it is not of this machine.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

async fn bind_if(address: Option<SocketAddr>) -> Result<Option<TcpListener>, ListenError> {
    match address {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
}
