//! A receiver of log lines over HTTP that misbehaves as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a sink does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Takes it.
    Take,
    /// Answers this status, with these headers.
    Answer(u16, &'static str),
    /// Never answers.
    Hang,
    /// Resets the connection.
    Reset,
    /// Closes in the middle of its answer.
    Half,
    /// Takes it, with an answer that does not end.
    Endless,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Came {
    /// Its head, in lower case.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether it was taken.
    pub taken: bool,
}

#[derive(Default)]
struct State {
    script: VecDeque<Does>,
    refused: Option<&'static str>,
    came: Vec<Came>,
}

/// A sink; it lives as long as the test.
#[derive(Clone)]
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Sink {
    /// A sink that takes everything.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// The same, with TLS.
    pub async fn with_tls(acceptor: TlsAcceptor) -> Self {
        Self::listen(Some(acceptor)).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let sink = Self { address, state: Arc::default() };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sink, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => sink.serve(stream).await,
                        // Who does not like the certificate goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                sink.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        sink
    }

    /// What it does with the next requests; then it takes them again.
    pub fn does(&self, script: impl IntoIterator<Item = Does>) {
        self.state().script.extend(script);
    }

    /// Bodies with this text in them are refused, as bad requests.
    pub fn refuses(&self, text: &'static str) {
        self.state().refused = Some(text);
    }

    /// Everything that came.
    pub fn came(&self) -> Vec<Came> {
        self.state().came.clone()
    }

    /// How often it was asked to misbehave and was not yet.
    pub fn script_left(&self) -> usize {
        self.state().script.len()
    }

    /// The envelopes that it took, of bodies in NDJSON.
    pub fn envelopes(&self) -> Vec<Value> {
        let state = self.state();
        let taken = state.came.iter().filter(|came| came.taken);
        let texts = taken.map(|came| String::from_utf8(came.body.clone()).expect("UTF-8"));
        texts.flat_map(|text| text.lines().map(json).collect::<Vec<_>>()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        while let Some((head, body)) = request(&mut stream).await {
            let does = self.decide(&head, &body);
            let answer = match does {
                Does::Take => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
                Does::Answer(status, headers) => {
                    format!("HTTP/1.1 {status} X\r\n{headers}content-length: 1\r\n\r\nx")
                }
                Does::Hang => std::future::pending().await,
                Does::Endless => return endless(stream).await,
                Does::Reset => return,
                Does::Half => {
                    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
                    // Whoever asked may be gone.
                    let _ = stream.write_all(half).await;
                    return;
                }
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn decide(&self, head: &str, body: &[u8]) -> Does {
        let mut state = self.state();
        let is_refused = |text: &str| String::from_utf8_lossy(body).contains(text);
        let does = match state.refused {
            Some(text) if is_refused(text) => Does::Answer(400, ""),
            _ => state.script.pop_front().unwrap_or(Does::Take),
        };
        let taken = matches!(does, Does::Take | Does::Endless);
        state.came.push(Came { head: head.to_owned(), body: body.to_vec(), taken });
        does
    }
}

/// Answers until nobody reads any more.
async fn endless(mut stream: impl AsyncWrite + Unpin) {
    let mut next = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n".to_vec();
    while stream.write_all(&next).await.is_ok() {
        next = vec![b'x'; 1 << 16];
    }
}

/// The head of a request, in lower case, and its body; none at the end of the connection.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect("an envelope is JSON")
}

/// A receiver of one stream: what came, as text.
pub async fn stream_sink() -> (SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let came = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            note(stream, &noted).await;
        }
    });
    (address, came)
}

async fn note(mut stream: TcpStream, came: &Mutex<String>) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        came.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}
