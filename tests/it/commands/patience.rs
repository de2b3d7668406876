//! Commands that a server asks to come back later.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::query::{terminal, world};
use crate::harness::block_on;

/// An address that refuses the first connection with 429, and leads others to a server.
async fn refusing_once(server: SocketAddr, seconds: u64) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(refuse_once(listener, server, seconds));
    address
}

async fn refuse_once(listener: TcpListener, server: SocketAddr, seconds: u64) -> std::io::Result<()> {
    let (mut near, _) = listener.accept().await?;
    let mut request = [0; 4_096];
    let _some = near.read(&mut request).await?;
    let extensions = json!({ "code": "RATE_LIMITED", "retryAfter": seconds });
    let error = json!({ "message": "too much was asked for", "extensions": extensions });
    let body = json!({ "errors": [error] }).to_string();
    let head = format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    near.write_all((head + &body).as_bytes()).await?;
    // What was not read yet would break the answer off.
    while near.read(&mut request).await? > 0 {}
    loop {
        let (mut near, _) = listener.accept().await?;
        let mut far = TcpStream::connect(server).await?;
        tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
    }
}

#[test]
fn a_command_waits_as_long_as_the_server_says() {
    block_on(async {
        let world = world().await;
        let _host = world.host("web").await;
        let busy = refusing_once(world.server.address, 1).await;
        let ended = terminal(&world, busy).run(&["hosts", "list"]).await;
        assert!(ended.stderr.contains("waiting 1 s"), "{}", ended.stderr);
        assert_eq!(ended.json()[0]["hostname"], "web");
        world.server.stop().await;
    });
}

#[test]
fn a_command_does_not_wait_for_ever() {
    block_on(async {
        let world = world().await;
        let busy = refusing_once(world.server.address, 3_600).await;
        let ended = terminal(&world, busy).run(&["hosts", "list"]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains("too much was asked for"), "{}", ended.stderr);
        world.server.stop().await;
    });
}
