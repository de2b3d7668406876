//! TLS clients that trust one certificate and nothing else.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::wire;

/// A client that speaks these versions, and offers HTTP/2 too, as others do.
pub fn client(certificate: &Path, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate).expect("it is a certificate");
    roots.add(certificate).expect("it can be trusted");
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).expect("ring speaks them");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// A client that shows a certificate of its own.
pub fn client_with(
    certificate: &Path,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificate).expect("it is a certificate"))
        .expect("it can be trusted");
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(ALL_VERSIONS).expect("ring speaks them");
    let config = builder.with_root_certificates(roots).with_client_auth_cert(chain, key);
    Arc::new(config.expect("the key fits"))
}

/// A client of every version.
pub fn any_client(certificate: &Path) -> Arc<ClientConfig> {
    client(certificate, ALL_VERSIONS)
}

/// Connects to a server that is expected to be `name`.
pub async fn connect(
    client: &Arc<ClientConfig>,
    server: SocketAddr,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).expect("it is a name");
    let stream = TcpStream::connect(server).await?;
    TlsConnector::from(Arc::clone(client)).connect(name, stream).await
}

/// Sends a request on an open connection and reads the response.
pub async fn exchange(stream: &mut TlsStream<TcpStream>, request: &[u8]) -> io::Result<wire::Response> {
    stream.write_all(request).await?;
    wire::read_response(stream).await
}

/// An address without TLS that leads to `server` with TLS: one connection there for each one here.
pub async fn tunnel(client: Arc<ClientConfig>, server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                let mut far = connect(&client, server, "localhost").await?;
                copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    address
}

/// Files of a server's certificate for the loopback, and of the authority that signed it.
pub struct ServerFiles {
    /// The authority.
    pub ca: PathBuf,
    /// The server's certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl ServerFiles {
    /// Makes them in a directory.
    pub fn make(directory: &Path) -> Self {
        let authority_key = KeyPair::generate().expect("a key can be made");
        let mut authority = CertificateParams::new(Vec::new()).expect("it has no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_cert = authority.self_signed(&authority_key).expect("it can be signed");
        let issuer = Issuer::new(authority, authority_key);
        let server_key = KeyPair::generate().expect("a key can be made");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let server = CertificateParams::new(names).expect("the names are valid");
        let server_cert = server.signed_by(&server_key, &issuer).expect("it can be signed");
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).expect("the directory can be written");
            path
        };
        Self {
            ca: write("ca.crt", authority_cert.pem()),
            cert: write("server.crt", server_cert.pem()),
            key: write("server.key", server_key.serialize_pem()),
        }
    }
}
