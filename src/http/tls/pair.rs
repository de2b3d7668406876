//! A certificate with its key, ready to be spoken with.

use std::path::Path;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::crypto::ring::{default_provider, sign};
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SignatureAlgorithm};

use super::clients::Verifiers;
use super::{ClientFiles, Clients, PairFiles, TlsError};

/// The only protocol that is served.
const HTTP1: &[u8] = b"http/1.1";

/// A certificate, the chain to its root, and the key.
pub(super) struct Pair {
    certificate: CertificateDer<'static>,
    algorithm: SignatureAlgorithm,
    /// Of what clients' certificates are judged by, if they are asked for.
    clients_digest: Option<[u8; 32]>,
    for_all: Arc<ServerConfig>,
    for_agents: Arc<ServerConfig>,
}

impl Pair {
    /// Reads all files, and holds that key and certificate fit.
    pub(super) fn read(files: &PairFiles, clients: Option<&ClientFiles>) -> Result<Self, TlsError> {
        let chain = chain(&files.cert)?;
        let certificate = chain.first().cloned().ok_or(PemError::NoItemsFound);
        let certificate = certificate.map_err(|source| unreadable(&files.cert, source))?;
        let key =
            PrivateKeyDer::from_pem_file(&files.key).map_err(|source| unreadable(&files.key, source))?;
        let unusable = |source| TlsError::Unusable { path: files.cert.clone(), source };
        let algorithm = sign::any_supported_type(&key).map_err(unusable)?.algorithm();
        let verifiers = clients.map(Verifiers::read).transpose()?;
        let build = |verifier| config(chain.clone(), key.clone_key(), verifier).map_err(unusable);
        Ok(Self {
            certificate,
            algorithm,
            clients_digest: verifiers.as_ref().map(|verifiers| verifiers.digest),
            for_all: build(verifiers.as_ref().map(|verifiers| Arc::clone(&verifiers.all)))?,
            for_agents: build(verifiers.map(|verifiers| verifiers.agents))?,
        })
    }

    /// Whether a handshake would go as with the other.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.certificate == other.certificate && self.clients_digest == other.clients_digest
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
    pub(super) fn config(&self, clients: Clients) -> Arc<ServerConfig> {
        Arc::clone(match clients {
            Clients::All => &self.for_all,
            Clients::Agents => &self.for_agents,
        })
    }
}

/// Every certificate of a file, in its order.
fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    read.map_err(|source| unreadable(file, source))
}

/// What is wrong with a PEM file.
pub(super) fn unreadable(path: &Path, source: PemError) -> TlsError {
    TlsError::Unreadable { path: path.to_owned(), source }
}

/// TLS 1.2 and 1.3 by ring, with one certificate whatever name the client asks for: osquery also asks for addresses.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![HTTP1.to_vec()];
    // osquery opens a connection for each request and never resumes one: what would be kept is never asked for.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
