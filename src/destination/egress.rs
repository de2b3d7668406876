//! The way out: every connection is to an address that was looked at after its name was resolved.
//!
//! Addresses of this machine, of private networks and of cloud metadata are refused unless the configuration lists
//! them; whoever may set a destination could else read what only this server reaches. What is decided is the address
//! that is then connected to, so a name that answers differently the second time gains nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Failure;
use super::trust::Trust;

/// Time to resolve, connect and shake hands.
const CONNECT: Duration = Duration::from_secs(10);

/// What may be connected to.
#[derive(Clone)]
pub struct Egress(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Egress")
    }
}

/// A connection, with or without TLS.
pub(super) enum Connection {
    /// Without.
    Plain(TcpStream),
    /// With.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The parts of `HOST:PORT`.
pub(super) fn host_and_port(address: &str) -> Result<(String, u16), String> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() && port > 0 => Ok((host.to_owned(), port)),
        _ => Err(format!("`{address}` is not an address as HOST:PORT")),
    }
}

impl Egress {
    /// Public addresses, and those that `listed` says yes to.
    #[must_use]
    pub fn new(listed: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(listed))
    }

    /// Connects to a host by name or address; with `trust`, speaks TLS.
    pub(super) async fn connect(
        &self,
        host: &str,
        port: u16,
        trust: Option<&Trust>,
    ) -> Result<Connection, Failure> {
        let connected = timeout(CONNECT, self.connect_at_leisure(host, port, trust)).await;
        connected.unwrap_or_else(|_| Err(Failure::retry("it could not be connected to in time")))
    }

    async fn connect_at_leisure(
        &self,
        host: &str,
        port: u16,
        trust: Option<&Trust>,
    ) -> Result<Connection, Failure> {
        let stream = self.tcp(host, port).await?;
        // Else what is written waits for more.
        let _slower = stream.set_nodelay(true);
        let Some(trust) = trust else { return Ok(Connection::Plain(stream)) };
        tls(stream, host, trust).await
    }

    /// Goes on in TLS on a connection that was made without.
    pub(super) async fn secure(
        &self,
        connection: Connection,
        host: &str,
        trust: &Trust,
    ) -> Result<Connection, Failure> {
        let Connection::Plain(stream) = connection else { return Ok(connection) };
        let secured = timeout(CONNECT, tls(stream, host, trust)).await;
        secured.unwrap_or_else(|_| Err(Failure::retry("TLS could not be agreed on in time")))
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, Failure> {
        let mut last = None;
        for address in self.resolve(host, port).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(|| Failure::retry("it has no address"), Failure::retry))
    }

    /// The addresses of a host that may be connected to.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let found = lookup_host((bare(host), port)).await;
        let found: Vec<SocketAddr> =
            found.map_err(|error| Failure::retry(format!("DNS: {error}")))?.collect();
        let allowed: Vec<SocketAddr> =
            found.iter().copied().filter(|address| self.allows(address.ip())).collect();
        if allowed.is_empty() && !found.is_empty() {
            return Err(Failure::Wrong(
                "its address is private, of this machine, or reserved, and not listed in egress.allow"
                    .to_owned(),
            ));
        }
        Ok(allowed)
    }

    fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || (self.0)(address)
    }
}

/// TLS with a host of this name.
async fn tls(stream: TcpStream, host: &str, trust: &Trust) -> Result<Connection, Failure> {
    let name = ServerName::try_from(bare(host).to_owned());
    let name = name.map_err(|_| Failure::Wrong("it has no valid name".to_owned()))?;
    let stream = TlsConnector::from(trust.config()).connect(name, stream).await;
    let stream = stream.map_err(|error| Failure::retry(format!("TLS: {error}")))?;
    Ok(Connection::Tls(Box::new(stream)))
}

/// A host without the brackets of an IPv6 address in a URL.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Whether an address is one of the open Internet. What an IPv6 address only wraps counts as what it wraps.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_reserved = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let wrapped = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // ::, ::1 and what is compatible with IPv4.
        [0, 0, 0, 0, 0, 0, high, low] => high > 0 && wrapped(high, low),
        // NAT64, and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => wrapped(high, low),
        // Teredo, and documentation.
        [0x2001, 0 | 0xdb8, ..] => false,
        // Only 2000::/3 is given out.
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn s55_private_addresses_are_refused_however_they_are_written() {
        let egress = Egress::new(|_| false);
        for host in [
            "127.0.0.1",
            "127.1",
            "0",
            "0.0.0.0",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "localhost",
            "localhost.",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "[::1]",
            "::",
            "[fd00::1]",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
        ] {
            match egress.resolve(host, 80).await {
                Err(Failure::Wrong(_) | Failure::Retry(..)) => {}
                other => panic!("{host}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn public_and_listed_addresses_are_allowed() {
        let egress = Egress::new(|address| address == IpAddr::from([10, 0, 0, 1]));
        for host in ["93.184.216.34", "2606:2800:220:1::1", "10.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"] {
            assert_eq!(egress.resolve(host, 80).await.map(|found| found.len()), Ok(1), "{host}");
        }
        assert!(egress.resolve("10.0.0.2", 80).await.is_err());
    }
}
