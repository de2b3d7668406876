//! The baseline: a bare axum handler that parses the JSON of a check-in and answers `{}`, with and without rustls.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use axum::routing::post;
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Outcome;
use super::process::Process;

/// The argument that makes a benchmark the baseline; an address follows, and the directory of a certificate.
const ROLE: &str = "--echo";

#[derive(Deserialize)]
struct CheckIn {
    node_key: String,
}

/// Starts the baseline as a process of its own.
pub fn start(address: SocketAddr, tls: Option<&Path>) -> Outcome<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ROLE).arg(address.to_string()).args(tls);
    Process::start(&command, "listening")
}

/// Serves as the baseline, if this process was started for that.
pub fn serve_if_asked() -> Outcome<bool> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(ROLE) {
        return Ok(false);
    }
    let address: SocketAddr = arguments.next().ok_or("the baseline needs an address")?.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(address, arguments.next().as_deref().map(Path::new)))?;
    Ok(true)
}

async fn serve(address: SocketAddr, tls: Option<&Path>) -> Outcome<()> {
    let router = Router::new().route("/api/osquery/distributed/read", post(echo));
    let acceptor = tls.map(acceptor).transpose()?;
    let listener = TcpListener::bind(address).await?;
    eprintln!("listening");
    loop {
        let (stream, _) = listener.accept().await?;
        let (router, acceptor) = (router.clone(), acceptor.clone());
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(router);
            let server = auto::Builder::new(TokioExecutor::new());
            match acceptor {
                None => server.serve_connection(TokioIo::new(stream), service).await,
                Some(acceptor) => {
                    server.serve_connection(TokioIo::new(acceptor.accept(stream).await?), service).await
                }
            }
        });
    }
}

async fn echo(Json(check_in): Json<CheckIn>) -> Json<serde_json::Value> {
    std::hint::black_box(&check_in.node_key);
    Json(serde_json::json!({}))
}

fn acceptor(directory: &Path) -> Outcome<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(directory.join("cert.pem"))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(directory.join("key.pem"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
