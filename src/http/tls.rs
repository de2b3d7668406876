//! TLS of the listeners: one certificate in use, replaced while the server runs.

mod clients;
mod pair;
mod self_signed;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use pair::Pair;

/// Where a certificate and its key are, both PEM.
#[derive(Clone, Debug)]
pub struct PairFiles {
    /// The certificate first, then those that lead to its root.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Whether clients prove themselves, and what holds their certificates good; PEM files.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    /// Agents must show a certificate, not only may.
    pub are_required: bool,
    /// The authorities that sign them.
    pub authorities: PathBuf,
    /// What the authorities took back.
    pub revoked: Option<PathBuf>,
}

/// Who comes to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Agents and people: nobody is turned away for want of a certificate.
    All,
    /// Agents alone.
    Agents,
}

/// Speaks TLS 1.2 and 1.3 with the certificate that the files had when they were last read.
pub struct Tls {
    files: PairFiles,
    clients: Option<ClientFiles>,
    handshake_timeout: Duration,
    current: ArcSwap<Pair>,
}

/// What reading the files again has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// Another certificate, or another word on those of clients; for new connections.
    Replaced,
    /// What is in use.
    Unchanged,
}

/// Why there is no TLS, or no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate without a key, or a key without a certificate.
    #[error("set tls.cert and tls.key together")]
    Half,
    /// Clients' certificates are asked for, and nothing says whose are good.
    #[error("set tls.client_ca: tls.client_auth asks for certificates, and nothing says whose are good")]
    NoAuthorities,
    /// A file can't be read, or is not PEM.
    #[error("{} can't be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate and the key do not fit each other, or are of a kind that is not spoken.
    #[error("{} can't be used", path.display())]
    Unusable {
        /// The certificate.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The authorities or the revocation lists of clients' certificates can't be used.
    #[error("{} can't be used for clients' certificates", path.display())]
    UnusableAuthorities {
        /// The authorities.
        path: PathBuf,
        /// What is wrong with them, or with the lists.
        source: rustls::server::VerifierBuilderError,
    },
    /// A self-signed certificate can't be made, for the name of the server most likely.
    #[error("a certificate can't be made for {}", names.join(", "))]
    Unmade {
        /// The names that it should have.
        names: Vec<String>,
        /// What is wrong with them.
        source: rcgen::Error,
    },
    /// A self-signed certificate can't be kept.
    #[error("{} can't be written", path.display())]
    Unwritable {
        /// The directory for it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Tls {
    /// Reads the certificate and its key, and by what clients are known, if they are asked. A handshake may take
    /// `handshake_timeout`.
    ///
    /// # Errors
    /// [`TlsError`]: the files can't be read or used.
    pub fn load(
        files: PairFiles,
        clients: Option<ClientFiles>,
        handshake_timeout: Duration,
    ) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(Pair::read(&files, clients.as_ref())?);
        Ok(Self { files, clients, handshake_timeout, current })
    }

    /// As [`Tls::load`], with the self-signed certificate of the data directory; made for `names`, host names and
    /// addresses, unless it is there.
    ///
    /// # Errors
    /// [`TlsError`]: the certificate can't be made, kept, read or used.
    pub fn self_signed(
        data: &Path,
        names: &[String],
        clients: Option<ClientFiles>,
        handshake_timeout: Duration,
    ) -> Result<Self, TlsError> {
        Self::load(self_signed::ensure(data, names)?, clients, handshake_timeout)
    }

    /// Reads the files again. After an error the certificate in use stays.
    ///
    /// # Errors
    /// [`TlsError`]: the files can't be read or used.
    pub fn reload(&self) -> Result<Reloaded, TlsError> {
        let pair = Pair::read(&self.files, self.clients.as_ref())?;
        if pair.is_same_as(&self.current.load()) {
            return Ok(Reloaded::Unchanged);
        }
        self.current.store(Arc::new(pair));
        Ok(Reloaded::Replaced)
    }

    /// The file of the certificate.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.files.cert
    }

    /// SHA-256 of the certificate in use, as `openssl x509 -fingerprint -sha256` prints it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.current.load().fingerprint()
    }

    /// Shakes hands with a client. The stream is in a box, as it is large, and a future that is given it holds it twice.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        clients: Clients,
    ) -> io::Result<Box<TlsStream<TcpStream>>> {
        let acceptor = TlsAcceptor::from(self.current.load().config(clients));
        timeout(self.handshake_timeout, acceptor.accept(stream)).await?.map(Box::new)
    }
}
