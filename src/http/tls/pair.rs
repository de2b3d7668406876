//! A certificate with its key, ready to be spoken with.

use std::path::Path;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::crypto::ring::{default_provider, sign};
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SignatureAlgorithm};

use super::{PairFiles, TlsError};

/// The only protocol that is served.
const HTTP1: &[u8] = b"http/1.1";

/// A certificate, the chain to its root, and the key.
pub(super) struct Pair {
    certificate: CertificateDer<'static>,
    algorithm: SignatureAlgorithm,
    config: Arc<ServerConfig>,
}

impl Pair {
    /// Reads both files, and holds that key and certificate fit.
    pub(super) fn read(files: &PairFiles) -> Result<Self, TlsError> {
        let chain = chain(&files.cert)?;
        let certificate = chain.first().cloned().ok_or(PemError::NoItemsFound);
        let certificate = certificate.map_err(|source| unreadable(&files.cert, source))?;
        let key =
            PrivateKeyDer::from_pem_file(&files.key).map_err(|source| unreadable(&files.key, source))?;
        let algorithm = sign::any_supported_type(&key).map(|key| key.algorithm());
        let built = algorithm.and_then(|algorithm| Ok((algorithm, config(chain, key)?)));
        let (algorithm, config) =
            built.map_err(|source| TlsError::Unusable { path: files.cert.clone(), source })?;
        Ok(Self { certificate, algorithm, config })
    }

    /// SHA-256 of the certificate, `AB:CD:…`.
    pub(super) fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, &self.certificate);
        hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// Whether handshakes are signed by RSA.
    pub(super) fn is_rsa(&self) -> bool {
        self.algorithm == SignatureAlgorithm::RSA
    }

    /// What a handshake needs.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// Every certificate of a file, in its order.
fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    read.map_err(|source| unreadable(file, source))
}

fn unreadable(path: &Path, source: PemError) -> TlsError {
    TlsError::Unreadable { path: path.to_owned(), source }
}

/// TLS 1.2 and 1.3 by ring, with one certificate whatever name the client asks for: osquery also asks for addresses.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![HTTP1.to_vec()];
    // osquery opens a connection for each request and never resumes one: what would be kept is never asked for.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
