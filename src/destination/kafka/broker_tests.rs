//! The destination against brokers that say what a test wants: what a real one rarely says.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::wire::{Api, METADATA, PRODUCE, Reader, SASL_AUTHENTICATE, SASL_HANDSHAKE, Writer};
use super::{Kafka, KafkaTarget};
use crate::destination::{Destination as _, Egress, Failure, Line, lines};
use crate::spool::LogKind;
use crate::spool::testing::batch;

/// What a broker was asked, and what it says: nothing closes the connection.
type Says = dyn FnMut(Api, &[u8]) -> Option<Vec<u8>> + Send;

/// A broker on the loopback.
async fn broker(says: impl FnMut(Api, &[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let says: Arc<Mutex<Says>> = Arc::new(Mutex::new(says));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&says)));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, says: Arc<Mutex<Says>>) {
    while let Ok(length) = stream.read_i32().await {
        let mut request = vec![0; usize::try_from(length).expect("a length")];
        stream.read_exact(&mut request).await.expect("the request is whole");
        let mut reader = Reader(&request);
        let api = Api { key: reader.i16().expect("a key"), version: reader.i16().expect("a version") };
        let number = reader.i32().expect("a number");
        assert_eq!(reader.text(), Ok(Some("muster".to_owned())));
        let said = says.lock().expect("no panic")(api, reader.0);
        let Some(said) = said else { return };
        let mut answer = Writer::default();
        answer.bytes(&[&number.to_be_bytes()[..], &said].concat());
        stream.write_all(&answer.0).await.expect("it is read");
    }
}

/// A cluster of one broker at this place, which leads the one partition of `muster-result`.
fn cluster(place: SocketAddr) -> Vec<u8> {
    let mut said = Writer::default();
    said.i32(0);
    said.count(1);
    said.i32(7);
    said.text(Some(&place.ip().to_string()));
    said.i32(place.port().into());
    said.text(None);
    said.text(None);
    said.i32(7);
    said.count(1);
    said.i16(0);
    said.text(Some("muster-result"));
    said.bool(false);
    said.count(1);
    said.i16(0);
    said.i32(0);
    said.i32(7);
    // Neither replicas nor those in sync.
    said.count(0);
    said.count(0);
    said.0
}

/// What a leader says of the one partition.
fn kept(error: i16) -> Vec<u8> {
    let mut said = Writer::default();
    said.count(1);
    said.text(Some("muster-result"));
    said.count(1);
    said.i32(0);
    said.i16(error);
    said.i64(0);
    said.i64(-1);
    said.i32(0);
    said.0
}

fn kafka(place: SocketAddr, options: &str) -> Kafka {
    let target: KafkaTarget = toml::from_str(&format!("brokers = ['{place}']\n{options}")).expect("valid");
    assert_eq!(target.validate(), Ok(()));
    Kafka::new(&target, Egress::new(|address| address == IpAddr::from([127, 0, 0, 1]))).expect("it is valid")
}

fn four() -> Vec<Line> {
    lines(&batch(LogKind::Result, "{\"n\":1}\n{\"n\":\"too large\"}\n{\"n\":3}\n{\"n\":4}\n"))
}

#[tokio::test]
async fn s55_a_broker_that_a_cluster_announces_is_checked() {
    for announced in ["169.254.169.254:80", "10.0.0.1:9092", "127.0.0.2:9092"] {
        let announced = announced.parse().expect("an address");
        let place = broker(move |_, _| Some(cluster(announced))).await;
        let refused = kafka(place, "").deliver(&four()).await.expect_err("it is private");
        assert!(matches!(&refused, Failure::Wrong(reason) if reason.contains("egress.allow")), "{refused:?}");
    }
}

/// A leader that moved is asked for, a connection that was closed is made anew, and what is too large goes in halves
/// until it stands alone.
#[tokio::test]
async fn leaders_move_and_connections_break() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let script = Arc::new(Mutex::new(vec![kept(6), kept(0), Vec::new(), kept(0), kept(29)]));
    let here = Arc::new(Mutex::new(None));
    let me = Arc::clone(&here);
    let address = broker(move |api, _| {
        seen.lock().expect("no panic").push(api);
        if api == METADATA {
            return me.lock().expect("no panic").map(cluster);
        }
        let said = script.lock().expect("no panic").remove(0);
        (!said.is_empty()).then_some(said)
    })
    .await;
    *here.lock().expect("no panic") = Some(address);
    let mut kafka = kafka(address, "");
    assert_eq!(kafka.check().await, Ok(()));
    let moved = kafka.deliver(&four()).await;
    assert!(matches!(&moved, Err(Failure::Retry(reason, None)) if reason.contains("any more")), "{moved:?}");
    assert_eq!(kafka.deliver(&four()).await, Ok(()));
    assert_eq!(kafka.deliver(&four()).await, Ok(()), "a closed connection is made anew");
    let denied = kafka.deliver(&four()).await;
    assert!(matches!(denied, Err(Failure::Wrong(_))), "{denied:?}");
    let expected = [METADATA, METADATA, PRODUCE, METADATA, PRODUCE, PRODUCE, PRODUCE, PRODUCE];
    assert_eq!(*asked.lock().expect("no panic"), expected);
}

#[tokio::test]
async fn what_is_too_large_stands_alone_in_the_end() {
    let here = Arc::new(Mutex::new(None));
    let me = Arc::clone(&here);
    let address = broker(move |api, body| {
        if api == METADATA {
            return me.lock().expect("no panic").map(cluster);
        }
        let is_large = body.windows(9).any(|part| part == b"too large");
        Some(kept(if is_large { 10 } else { 0 }))
    })
    .await;
    *here.lock().expect("no panic") = Some(address);
    let outcome = kafka(address, "").deliver(&four()).await;
    let Err(Failure::Partly { again, refused, .. }) = outcome else {
        panic!("one is too large: {outcome:?}")
    };
    assert!(again.is_empty());
    assert_eq!(refused.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn credentials_are_proved_before_anything_is_asked() {
    let options = "sasl = 'plain'\nusername = 'me'\npassword = 'secret'";
    for (error, is_let_in) in [(0, true), (58, false)] {
        let place = broker(move |api, body| {
            let mut said = Writer::default();
            match api {
                SASL_HANDSHAKE => {
                    assert_eq!(Reader(body).text(), Ok(Some("PLAIN".to_owned())));
                    said.i16(0);
                    said.count(1);
                    said.text(Some("PLAIN"));
                }
                SASL_AUTHENTICATE => {
                    assert_eq!(Reader(body).bytes(), Ok(&b"\0me\0secret"[..]));
                    said.i16(error);
                    said.text((error != 0).then_some("no such user"));
                    said.bytes(b"");
                }
                _ => return Some(cluster(([127, 0, 0, 1], 1).into())),
            }
            Some(said.0)
        })
        .await;
        let outcome = kafka(place, options).check().await;
        match outcome {
            Ok(()) => assert!(is_let_in),
            Err(Failure::Wrong(reason)) => {
                assert!(!is_let_in && reason.ends_with(": no such user"), "{reason}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}
