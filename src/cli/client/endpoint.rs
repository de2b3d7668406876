//! Where a server is, and a connection to it: plain or TLS.

use std::fmt;
use std::io;

use axum::http::Uri;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::ClientError;
use super::trust::{Tls, Trust};

/// A connection, whatever carries it.
pub(in crate::cli) type Stream = Box<dyn Duplex>;

/// Bytes both ways.
pub(in crate::cli) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The place of a server, and how to speak to it.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Endpoint {
    host: String,
    port: u16,
    tls: Option<Tls>,
}

impl Endpoint {
    /// The endpoint of `http(s)://host[:port]`; with https the server's certificate must be what `trust` says.
    pub(in crate::cli) fn new(address: &str, trust: &Trust) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let (is_tls, usual_port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(wrong()),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let tls = is_tls.then(|| Tls::new(trust)).transpose().map_err(ClientError::Trust)?;
        Ok(Self { host, port: uri.port_u16().unwrap_or(usual_port), tls })
    }

    /// `host:port`, for a `Host` header.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The address of a WebSocket at `path`.
    pub(super) fn websocket(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.authority())
    }

    /// Whether what is sent can be read on the way: no TLS, and not to this machine.
    pub(in crate::cli) fn is_exposed(&self) -> bool {
        let is_local = self.host == "localhost"
            || self.host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        self.tls.is_none() && !is_local
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Stream, ClientError> {
        let unreachable = |error: &io::Error| ClientError::Unreachable(self.to_string(), error.to_string());
        let tcp =
            TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| unreachable(&error))?;
        tcp.set_nodelay(true).map_err(|error| unreachable(&error))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|_| ClientError::Address(self.to_string()))?;
        match TlsConnector::from(tls.config.clone()).connect(name, tcp).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(match tls.explain(&error, &self.host) {
                Some(explanation) => ClientError::Untrusted(self.to_string(), explanation),
                None => unreachable(&error),
            }),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_nothing_after_them() {
        let shown =
            |address| Endpoint::new(address, &Trust::Public).ok().map(|endpoint| endpoint.to_string());
        assert_eq!(shown("http://localhost:8080/").as_deref(), Some("http://localhost:8080"));
        assert_eq!(shown("https://muster.example").as_deref(), Some("https://muster.example:443"));
        assert_eq!(shown("http://[::1]:1").as_deref(), Some("http://[::1]:1"));
        for wrong in ["localhost:8080", "ftp://a", "http://a/graphql", "http://a/?x", ""] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_plain_text_to_another_machine_is_exposed() {
        let exposed = |address| Endpoint::new(address, &Trust::Public).expect("it is one").is_exposed();
        assert!(exposed("http://muster.example"));
        for safe in ["https://muster.example", "http://127.0.0.1:8080", "http://localhost", "http://[::1]"] {
            assert!(!exposed(safe), "{safe}");
        }
    }
}
