//! The listeners with TLS, and the one for agents alone.

use std::path::PathBuf;

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, ProtocolVersion, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use muster::http::tls::Reloaded;

use crate::harness::server::{Backend, TestServer};
use crate::harness::tls::{any_client, client, connect, exchange, tunnel};
use crate::harness::world::World;
use crate::harness::{block_on, wire, within_deadline};

/// Switches HTTPS on.
const HTTPS: (&str, &str) = ("https.listen", "127.0.0.1:0");

/// Switches the port for agents alone on.
const AGENTS: (&str, &str) = ("agent.listen", "127.0.0.1:0");

/// First byte of a record that carries a handshake; an alert has 21.
const HANDSHAKE: u8 = 22;

/// TLS 1.2 is enough, as osquery before 4.3 has it.
#[test]
fn t18_tls_1_2() {
    block_on(speaks(&TLS12, ProtocolVersion::TLSv1_2));
}

/// TLS 1.3 is spoken where the client can.
#[test]
fn t19_tls_1_3() {
    block_on(speaks(&TLS13, ProtocolVersion::TLSv1_3));
}

/// A client of one version gets that version, HTTP/1.1 and an answer, by name and by address.
async fn speaks(version: &'static SupportedProtocolVersion, expected: ProtocolVersion) {
    let server = start(&[HTTPS]).await;
    let client = client(&certificate(&server), &[version]);
    for name in ["localhost", "127.0.0.1"] {
        let connecting = connect(&client, https(&server), name);
        let mut stream = within_deadline("a handshake", connecting).await.expect("it succeeds");
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(expected));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        let response = exchange(&mut stream, &healthz()).await.expect("an answer");
        assert_eq!(response.status, 200);
    }
    server.stop().await;
}

/// osquery sends the host of its URI as the server's name, also where it is an address.
#[test]
fn t16_the_name_is_an_address() {
    block_on(async {
        let server = start(&[HTTPS]).await;
        // No client of ours would say so: the address is written over a name of the same length.
        let name = ServerName::try_from("a.example").expect("it is a name");
        let mut client = ClientConnection::new(any_client(&certificate(&server)), name).expect("a client");
        let mut hello = Vec::new();
        client.write_tls(&mut hello).expect("memory takes it");
        let at = hello.windows(9).position(|bytes| bytes == b"a.example").expect("the name is sent");
        hello[at..at + 9].copy_from_slice(b"127.0.0.1");
        let mut stream = TcpStream::connect(https(&server)).await.expect("it listens");
        stream.write_all(&hello).await.expect("it is sent");
        let first = within_deadline("an answer", stream.read_u8()).await.expect("an answer");
        assert_eq!(first, HANDSHAKE, "the handshake goes on");
        server.stop().await;
    });
}

/// Whoever connects and does not finish the handshake is cut off.
#[test]
fn unfinished_handshake() {
    block_on(async {
        let server = start(&[HTTPS, ("tls.handshake_timeout", "50ms")]).await;
        for begun in [&b""[..], b"\x16\x03\x01"] {
            let mut stream = TcpStream::connect(https(&server)).await.expect("it listens");
            stream.write_all(begun).await.expect("it is sent");
            let read = within_deadline("the end", stream.read_to_end(&mut Vec::new())).await;
            // Whether as an end or as a reset is the system's choice.
            assert!(read.is_err() || read.is_ok_and(|bytes| bytes == 0), "not a word");
        }
        server.stop().await;
    });
}

/// The plain port stays plain, and the other one is not.
#[test]
fn both_ports() {
    block_on(async {
        let server = start(&[HTTPS]).await;
        let plain = within_deadline("an answer", wire::exchange(server.address, &healthz())).await;
        assert_eq!(plain.expect("an answer").status, 200);
        let mistaken = within_deadline("an answer", wire::exchange(https(&server), &healthz())).await;
        assert!(mistaken.is_err(), "no HTTP without TLS: {mistaken:?}");
        server.stop().await;
    });
}

/// A new certificate is for new connections; what can't be used changes nothing.
#[test]
fn reload() {
    block_on(async {
        let server = start(&[HTTPS]).await;
        let tls = server.tls.clone().expect("it is on");
        let (old, old_fingerprint) = (any_client(&certificate(&server)), tls.fingerprint());
        assert_eq!(tls.reload().expect("the files are there"), Reloaded::Unchanged);

        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(certificate(&server), made.cert.pem()).expect("the file is ours");
        assert!(tls.reload().is_err(), "the key is that of another certificate");
        assert_eq!(tls.fingerprint(), old_fingerprint);
        connect(&old, https(&server), "localhost").await.expect("the old certificate is in use");

        std::fs::write(server.data().join("tls/key.pem"), made.signing_key.serialize_pem())
            .expect("the file is ours");
        assert_eq!(tls.reload().expect("the files fit"), Reloaded::Replaced);
        assert_ne!(tls.fingerprint(), old_fingerprint);
        let new = any_client(&certificate(&server));
        connect(&new, https(&server), "localhost").await.expect("the new certificate is in use");
        connect(&old, https(&server), "localhost").await.expect_err("the old one is not");
        server.stop().await;
    });
}

/// A connection that is idle when the server stops is closed in order.
#[test]
fn stop_says_goodbye() {
    block_on(async {
        let server = start(&[HTTPS]).await;
        let client = any_client(&certificate(&server));
        let mut stream = connect(&client, https(&server), "localhost").await.expect("a handshake");
        exchange(&mut stream, &healthz()).await.expect("an answer");
        server.stop().await;
        let rest = stream.read(&mut [0; 16]).await;
        assert_eq!(rest.expect("TLS ends before its connection does"), 0);
    });
}

/// An agent enrolls, is asked and answers, at the port for agents; nothing else is there.
#[test]
fn agents_alone() {
    block_on(async {
        let mut world = World::on(start(&[HTTPS, AGENTS]).await).await;
        let people = world.server.address;
        let agents = world.server.agents.expect("it is on");
        let client = any_client(&certificate(&world.server));
        world.server.address = tunnel(client, agents).await;
        let mut host = world.host("web").await;
        let id = world.admin.start("select 1").await;
        host.poll().await.expect("the server takes the answer");
        assert_eq!(world.admin.campaign(&id).await["totals"]["responded"], 1);
        for path in ["/graphql", "/healthz", "/metrics"] {
            let request = wire::request("GET", path, &[], b"");
            let response = wire::exchange(world.server.address, &request).await.expect("an answer");
            assert_eq!(response.status, 404, "{path}");
        }
        world.server.address = people;
        world.server.stop().await;
    });
}

/// With no HTTPS and no certificate the port for agents is plain: a proxy ends TLS.
#[test]
fn agents_alone_behind_a_proxy() {
    block_on(async {
        let server = start(&[AGENTS]).await;
        assert!(server.tls.is_none());
        let request = wire::request("POST", "/api/osquery/config", &[], b"{}");
        let response = wire::exchange(server.agents.expect("it is on"), &request).await.expect("an answer");
        assert_eq!(response.json()["node_invalid"], true);
        server.stop().await;
    });
}

/// A server that makes its certificate itself where it needs one.
async fn start(settings: &'static [(&'static str, &'static str)]) -> TestServer {
    TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is inside")
}

fn https(server: &TestServer) -> std::net::SocketAddr {
    server.https.expect("it is on")
}

fn certificate(server: &TestServer) -> PathBuf {
    server.data().join("tls/cert.pem")
}

fn healthz() -> Vec<u8> {
    wire::request("GET", "/healthz", &[], b"")
}
