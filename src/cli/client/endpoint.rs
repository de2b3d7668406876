//! Where a server is, and a connection to it: plain or TLS.

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::http::Uri;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, whatever carries it.
pub(in crate::cli) type Stream = Box<dyn Duplex>;

/// Bytes both ways.
pub(in crate::cli) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The place of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Endpoint {
    /// The endpoint of `http(s)://host[:port]`; none when it is something else.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let (scheme, port) = match uri.scheme_str()? {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            _ => return None,
        };
        let at_root = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        at_root.then(|| Self { scheme, host, port: uri.port_u16().unwrap_or(port) })
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
        let scheme = if self.scheme == Scheme::Https { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.authority())
    }

    /// Opens a connection; with https the server's certificate must be by a public authority.
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        if self.scheme == Scheme::Http {
            return Ok(Box::new(tcp));
        }
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_nothing_after_them() {
        let shown = |address| Endpoint::parse(address).map(|endpoint| endpoint.to_string());
        assert_eq!(shown("http://localhost:8080/").as_deref(), Some("http://localhost:8080"));
        assert_eq!(shown("https://muster.example").as_deref(), Some("https://muster.example:443"));
        assert_eq!(shown("http://[::1]:1").as_deref(), Some("http://[::1]:1"));
        for wrong in ["localhost:8080", "ftp://a", "http://a/graphql", "http://a/?x", ""] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }
}
