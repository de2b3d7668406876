//! A way to a Redis that can be cut, and that can lose, double and reorder what Redis pushes.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

use super::seeds::Dice;
use super::services::redis::Redis;

/// A port of the loopback that leads to a private Redis.
pub struct RedisWay {
    /// Where the application finds it.
    pub url: String,
    /// Ends the connections that are open now; none while the way is closed.
    open: Arc<Mutex<Option<CancellationToken>>>,
}

impl RedisWay {
    /// A way that is open.
    pub async fn to(redis: &Redis) -> Self {
        Self::with(redis, None).await
    }

    /// A way on which messages are lost, doubled and reordered, as the dice fall.
    pub async fn that_scrambles(redis: &Redis, dice: Dice) -> Self {
        Self::with(redis, Some(dice)).await
    }

    async fn with(redis: &Redis, mut dice: Option<Dice>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("redis://{}", listener.local_addr().expect("it is bound"));
        let open = Arc::new(Mutex::new(Some(CancellationToken::new())));
        let (tokens, socket) = (Arc::clone(&open), redis.socket());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let token = tokens.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let own = dice.as_mut().map(Dice::split);
                if let Some(token) = token {
                    tokio::spawn(token.run_until_cancelled_owned(pass(near, socket.clone(), own)));
                }
            }
        });
        Self { url, open }
    }

    /// Cuts every connection and lets nobody through.
    pub fn close(&self) {
        let token = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        token.expect("it is open").cancel();
    }

    /// Lets everybody through again.
    pub fn reopen(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(CancellationToken::new());
    }
}

/// Carries bytes both ways until one side ends.
async fn pass(near: TcpStream, socket: PathBuf, dice: Option<Dice>) -> io::Result<()> {
    let far = UnixStream::connect(socket).await?;
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let answers = async {
        match dice {
            None => copy(&mut from_far, &mut to_near).await.map(drop),
            Some(dice) => scramble(&mut from_far, &mut to_near, dice).await,
        }
    };
    tokio::select! {
        result = copy(&mut from_near, &mut to_far) => result.map(drop),
        result = answers => result,
    }
}

/// Passes what Redis says on; of its messages some twice, some late, some never.
async fn scramble(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut dice: Dice,
) -> io::Result<()> {
    let (mut buffer, mut held) = (Vec::new(), Vec::new());
    loop {
        while let Some(end) = frame(&buffer) {
            let frame: Vec<u8> = buffer.drain(..end).collect();
            if !frame.starts_with(b">3\r\n$7\r\nmessage\r\n") {
                to.write_all(&frame).await?;
                continue;
            }
            match dice.below(5) {
                0 => {}
                1 => to.write_all(&frame.repeat(2)).await?,
                2 | 3 => held.push(frame),
                _ => to.write_all(&frame).await?,
            }
            if held.len() > dice.below(6) {
                let late = held.swap_remove(dice.below(held.len()));
                to.write_all(&late).await?;
            }
        }
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Where the first value of RESP3 ends; none until it is whole.
fn frame(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    let number = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok();
    let elements = match bytes[0] {
        b'$' | b'=' | b'!' => {
            let length = usize::try_from(number()?).map_or(0, |length| length + 2);
            return (bytes.len() >= line + length).then_some(line + length);
        }
        b'*' | b'~' | b'>' => number()?,
        b'%' => 2 * number()?,
        _ => 0,
    };
    let mut end = line;
    for _ in 0..elements {
        end += frame(&bytes[end..])?;
    }
    Some(end)
}

#[test]
fn frames_end_where_redis_ends_them() {
    let message = b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\n\r\n\r\n";
    let map = b"%1\r\n+proto\r\n:3\r\n";
    for whole in [&b"+OK\r\n"[..], b"$-1\r\n", b"_\r\n", b"*0\r\n", message, map] {
        let more = [whole, b"+OK\r\n"].concat();
        assert_eq!(frame(&more), Some(whole.len()), "{}", String::from_utf8_lossy(whole));
        assert_eq!(frame(&whole[..whole.len() - 1]), None);
    }
}
