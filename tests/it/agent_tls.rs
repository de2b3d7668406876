//! The agent contract, part T: what an agent's TLS may be.

use rustls::ALL_VERSIONS;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::server::{Backend, TestServer};
use crate::harness::tls::{client, connect, exchange};
use crate::harness::{block_on, wire, within_deadline};

/// First byte of a record with an alert; a handshake that goes on has another.
const ALERT: u8 = 21;

/// An agent offers no ALPN, and is served HTTP/1.1.
#[test]
fn t17_no_alpn() {
    block_on(async {
        let server = start().await;
        let mut client = client(&server.data().join("tls/cert.pem"), ALL_VERSIONS);
        std::sync::Arc::get_mut(&mut client).expect("it is new").alpn_protocols.clear();
        let connecting = connect(&client, server.https.expect("it is on"), "localhost");
        let mut stream = within_deadline("a handshake", connecting).await.expect("it succeeds");
        assert_eq!(stream.get_ref().1.alpn_protocol(), None);
        let request = wire::request("POST", "/api/osquery/config", &[], b"{}");
        let response = exchange(&mut stream, &request).await.expect("an answer");
        assert_eq!(response.json()["node_invalid"], true);
        server.stop().await;
    });
}

/// TLS 1.0 and 1.1 are refused by an alert, and the server goes on.
#[test]
fn t20_old_versions() {
    block_on(async {
        let server = start().await;
        for minor in [1, 2] {
            let mut stream = TcpStream::connect(server.https.expect("it is on")).await.expect("it listens");
            stream.write_all(&hello(minor)).await.expect("it reads");
            let mut answer = Vec::new();
            let read = within_deadline("a refusal", stream.read_to_end(&mut answer)).await;
            read.expect("an orderly end");
            assert_eq!(answer.first(), Some(&ALERT), "TLS 1.{}", minor - 1);
            assert_eq!(answer.len(), 7, "nothing follows the alert");
        }
        let request = wire::request("GET", "/healthz", &[], b"");
        assert_eq!(wire::exchange(server.address, &request).await.expect("it lives").status, 200);
        server.stop().await;
    });
}

/// The first message of a client that speaks nothing newer than TLS 1.0 (`minor` 1) or 1.1 (2).
fn hello(minor: u8) -> Vec<u8> {
    let suites = [0xc0, 0x09, 0xc0, 0x0a, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x2f, 0x00, 0x35];
    let mut message = vec![3, minor];
    message.extend([7; 32]);
    message.extend([0, 0, 12]);
    message.extend(suites);
    message.extend([1, 0]);
    let length = u8::try_from(message.len()).expect("it is short");
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(message);
    record
}

async fn start() -> TestServer {
    let settings = &[("https.listen", "127.0.0.1:0")];
    TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is inside")
}
