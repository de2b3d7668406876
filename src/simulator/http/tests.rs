//! The client against small servers, with and without TLS.

use std::convert::Infallible;

use hyper::Response;
use hyper::service::service_fn;
use rcgen::CertifiedKey;
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

#[test]
fn servers_are_named_by_scheme_host_and_port() {
    let parts = |server| Target::new(server, None).map(|target| (target.host, target.port, target.authority));
    assert_eq!(
        parts("http://localhost:8080").ok(),
        Some(("localhost".into(), 8080, "localhost:8080".into()))
    );
    assert_eq!(parts("http://[::1]:81/").ok(), Some(("::1".into(), 81, "[::1]:81".into())));
    assert_eq!(parts("http://example.com").ok(), Some(("example.com".into(), 80, "example.com".into())));
    assert!(matches!(parts("https://localhost"), Err(SettingsError::NoTls)));
    for bad in ["", "localhost:8080", "ftp://x", "http://", "/path"] {
        assert!(matches!(parts(bad), Err(SettingsError::Server(_))), "{bad}");
    }
}

/// A certificate for `localhost` with its key.
fn certificate() -> CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate")
}

/// Starts a TLS server that says `{}`; gives its address.
async fn tls_server(certificate: &CertifiedKey<rcgen::KeyPair>) -> String {
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service =
                service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("{}")))) });
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    format!("https://localhost:{port}")
}

/// Posts once to a server that must have the certificate `trusted`.
async fn post(server: &str, trusted: &CertifiedKey<rcgen::KeyPair>) -> Result<Reply, PostError> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).expect("it can be trusted");
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let target = Target::new(server, Some(&Arc::new(tls))).expect("a target");
    let mut client = Client::new(Arc::new(target), Connections::Kept);
    let request =
        Post { path: "/x".to_owned(), user_agent: "osquery/5.23.1", node_key: Some("k"), body: Bytes::new() };
    client.post(&request).await
}

#[tokio::test]
async fn only_certificates_that_are_trusted_are_accepted() {
    let (own, other) = (certificate(), certificate());
    let server = tls_server(&own).await;
    let reply = post(&server, &own).await.expect("a reply");
    assert_eq!((reply.status, &reply.body[..]), (200, &b"{}"[..]));
    assert!(matches!(post(&server, &other).await, Err(PostError::Connect(_))));
}
