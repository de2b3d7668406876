//! Certificates of clients: who must show one, and which are good.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster::http::tls::Reloaded;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::ClientConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;

use crate::harness::agent::raw::{assert_node_invalid, assert_retry};
use crate::harness::server::{Backend, TestServer};
use crate::harness::tls::{any_client, client_with, connect, exchange};
use crate::harness::wire::{self, Response};
use crate::harness::{block_on, within_deadline};

/// Serial number of the certificate that is revoked.
const REVOKED: u8 = 13;

/// An authority that signs clients' certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// The files that a server reads, and the authority that made them.
struct Office {
    directory: TempDir,
    authority: Authority,
}

/// Agents that have no certificate, or one of an unknown authority, or one that was revoked, fail at the handshake of
/// their own port; nobody is told that a node is invalid. At the port of all, people come in without.
#[test]
fn required_of_agents() {
    block_on(async {
        let office = Office::open();
        let server = office.server("required").await;
        let (agents, all) = (server.agents.expect("it is on"), server.https.expect("it is on"));
        let stranger = Authority::new();
        let [good, revoked, strange] = [
            office.authority.client(&server, 7),
            office.authority.client(&server, REVOKED),
            stranger.client(&server, 7),
        ];
        let none = any_client(&certificate(&server));
        assert_node_invalid(&config(&good, agents).await.expect("it is let in"));
        for client in [&none, &revoked, &strange] {
            config(client, agents).await.expect_err("the handshake fails");
        }
        assert_node_invalid(&config(&good, all).await.expect("it is let in"));
        assert_retry(&config(&none, all).await.expect("an answer"));
        assert_eq!(ask(&none, all, "/version").await.expect("an answer").status, 200, "people need none");
        for client in [&revoked, &strange] {
            ask(client, all, "/version").await.expect_err("a bad one is worse than none");
        }
        let plain = wire::request("POST", "/api/osquery/config", &[], b"{}");
        assert_retry(&wire::exchange(server.address, &plain).await.expect("an answer"));
        server.stop().await;
    });
}

/// Where they are optional an agent may come without, and a bad one is refused all the same.
#[test]
fn optional() {
    block_on(async {
        let office = Office::open();
        let server = office.server("optional").await;
        let agents = server.agents.expect("it is on");
        assert_node_invalid(&config(&any_client(&certificate(&server)), agents).await.expect("it is let in"));
        let good = office.authority.client(&server, 7);
        assert_node_invalid(&config(&good, agents).await.expect("it is let in"));
        let revoked = office.authority.client(&server, REVOKED);
        config(&revoked, agents).await.expect_err("the handshake fails");
        server.stop().await;
    });
}

/// A new revocation list is for new connections.
#[test]
fn revoked_while_the_server_runs() {
    block_on(async {
        let office = Office::open();
        let server = office.server("required").await;
        let tls = server.tls.clone().expect("it is on");
        let agents = server.agents.expect("it is on");
        let client = office.authority.client(&server, 8);
        config(&client, agents).await.expect("it is let in");
        assert_eq!(tls.reload().expect("the files are there"), Reloaded::Unchanged);
        office.revoke(&[REVOKED, 8]);
        assert_eq!(tls.reload().expect("the files are there"), Reloaded::Replaced);
        config(&client, agents).await.expect_err("the handshake fails");
        server.stop().await;
    });
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a bad one");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A client with a certificate of this authority and serial number.
    fn client(&self, server: &TestServer, serial: u8) -> Arc<ClientConfig> {
        let mut params = CertificateParams::new(vec!["host.example".to_owned()]).expect("it is a name");
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let der = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
        client_with(&certificate(server), vec![signed.der().clone()], der)
    }
}

impl Office {
    fn open() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let office = Self { directory, authority: Authority::new() };
        std::fs::write(office.path("ca.pem"), &office.authority.pem).expect("the directory is ours");
        office.revoke(&[REVOKED]);
        office
    }

    /// Writes a list of the serial numbers that were revoked.
    fn revoke(&self, serials: &[u8]) {
        let revoked = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from(vec![*serial]),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2120, 1, 1),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let signed = list.signed_by(&self.authority.issuer).expect("a list");
        std::fs::write(self.path("crl.pem"), signed.pem().expect("PEM")).expect("the directory is ours");
    }

    /// A server with a port for all and one for agents, that asks for certificates like this.
    async fn server(&self, client_auth: &'static str) -> TestServer {
        let settings = [
            ("https.listen", "127.0.0.1:0".to_owned()),
            ("agent.listen", "127.0.0.1:0".to_owned()),
            ("tls.client_auth", client_auth.to_owned()),
            ("tls.client_ca", self.path("ca.pem").display().to_string()),
            ("tls.client_crl", self.path("crl.pem").display().to_string()),
        ];
        let settings = settings.map(|(key, value)| (key, &*value.leak()));
        TestServer::start(Backend::Sqlite, Vec::from(settings).leak()).await.expect("SQLite is inside")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Asks for a configuration with a key that nobody has.
async fn config(client: &Arc<ClientConfig>, server: SocketAddr) -> io::Result<Response> {
    let mut stream = connect(client, server, "localhost").await?;
    let request = wire::request("POST", "/api/osquery/config", &[], b"{}");
    within_deadline("an answer", exchange(&mut stream, &request)).await
}

async fn ask(client: &Arc<ClientConfig>, server: SocketAddr, path: &str) -> io::Result<Response> {
    let mut stream = connect(client, server, "localhost").await?;
    let request = wire::request("GET", path, &[], b"");
    within_deadline("an answer", exchange(&mut stream, &request)).await
}

fn certificate(server: &TestServer) -> PathBuf {
    Path::new(server.data()).join("tls/cert.pem")
}
