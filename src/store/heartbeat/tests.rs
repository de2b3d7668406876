//! The heartbeat of a database that the test plays.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// What PostgreSQL says to whom it lets in.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0";

/// What it says to a beat.
const READY: &[u8] = b"Z\0\0\0\x05I";

#[tokio::test]
async fn what_waits_fails_when_silence_falls() {
    let silence = Silence::default();
    let waiting = tokio::spawn({
        let silence = silence.clone();
        async move { silence.unless(std::future::pending::<Result<(), DbErr>>()).await }
    });
    assert!(!silence.is_on());
    silence.begin();
    waiting.await.expect("it ends").expect_err("nobody waits for ever");
    assert!(silence.is_on());
    silence.end();
    assert!(!silence.is_on());
    silence.unless(async { Ok::<(), DbErr>(()) }).await.expect("the database answers");
}

#[tokio::test]
async fn a_late_beat_that_a_new_connection_overtakes_is_silence() {
    let (database, silence) = play().await;
    let mut old = known(&database).await;
    beat(&mut old).await;
    let mut new = welcome(&database).await;
    beat(&mut new).await;
    answer(&mut new).await;
    silence.await.expect("silence falls, for the old connection says nothing");
}

#[tokio::test]
async fn a_slow_database_is_not_silent() {
    let (database, silence) = play().await;
    let mut old = known(&database).await;
    beat(&mut old).await;
    let mut new = welcome(&database).await;
    beat(&mut new).await;
    answer(&mut new).await;
    answer(&mut old).await;
    beat(&mut old).await;
    assert!(!silence.is_finished(), "it goes on by the old connection");
    silence.abort();
}

/// A database without a word of its own, and the heartbeat that waits for its silence.
async fn play() -> (TcpListener, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let url = format!("postgres://muster@127.0.0.1:{port}/muster?sslmode=disable");
    let options: PgConnectOptions = url.parse().expect("the URL is valid");
    (listener, tokio::spawn(async move { until_silent(&options).await }))
}

/// The first connection, once it was answered.
async fn known(database: &TcpListener) -> TcpStream {
    let mut client = welcome(database).await;
    beat(&mut client).await;
    answer(&mut client).await;
    client
}

/// Lets the next client in.
async fn welcome(database: &TcpListener) -> TcpStream {
    let (mut client, _) = database.accept().await.expect("somebody comes");
    let length = client.read_u32().await.expect("it says who it is") as usize;
    let mut said = vec![0; length - 4];
    client.read_exact(&mut said).await.expect("it says who it is");
    client.write_all(&[WELCOME, READY].concat()).await.expect("it listens");
    client
}

/// Waits for a beat.
async fn beat(client: &mut TcpStream) {
    let mut sync = [0; 5];
    client.read_exact(&mut sync).await.expect("it beats");
    assert_eq!(sync[0], b'S');
}

async fn answer(client: &mut TcpStream) {
    client.write_all(READY).await.expect("it listens");
}
