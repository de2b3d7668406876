//! A client of server-sent events, and of any body that comes in pieces.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::personas::Person;
use super::{wire, within_deadline};

/// A body that is read while it is written.
pub struct Pieces {
    /// Status of the answer.
    pub status: u16,
    stream: BufReader<TcpStream>,
    /// What was received of the body and not read yet.
    pending: Vec<u8>,
}

/// An event of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// `next` or `complete`.
    pub name: String,
    /// Where to resume.
    pub id: Option<String>,
    /// What was said.
    pub data: Value,
}

impl Person {
    /// Subscribes by server-sent events, perhaps where another stream was cut.
    pub async fn listen(&self, query: &str, variables: Value, last_event_id: Option<&str>) -> Pieces {
        let body = serde_json::json!({ "query": query, "variables": variables }).to_string();
        let mut headers = vec![("Content-Type", "application/json"), ("Accept", "text/event-stream")];
        headers.extend(last_event_id.map(|id| ("Last-Event-ID", id)));
        self.open("POST", "/graphql", headers, &body).await
    }

    /// Sends a request and answers its body as it comes.
    pub async fn open(&self, method: &str, target: &str, headers: Vec<(&str, &str)>, body: &str) -> Pieces {
        let authorization = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = headers;
        headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        let request = wire::request(method, target, &headers, body.as_bytes());
        within_deadline("the head of an answer", Pieces::of(self.server, &request)).await
    }

    /// Gets something whole.
    pub async fn get(&self, target: &str, headers: Vec<(&str, &str)>) -> wire::Response {
        let authorization = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = headers;
        headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        let request = wire::request("GET", target, &headers, b"");
        within_deadline("an answer", wire::exchange(self.server, &request)).await.expect("it answers")
    }
}

impl Pieces {
    async fn of(server: SocketAddr, request: &[u8]) -> Self {
        let mut stream = TcpStream::connect(server).await.expect("it listens");
        stream.write_all(request).await.expect("it reads");
        let mut stream = BufReader::new(stream);
        let (mut status, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.expect("a head");
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.split(' ').next().and_then(|code| code.parse().ok()).expect("a status");
            }
        }
        Self { status, stream, pending: Vec::new() }
    }

    /// The next event; none when the stream is over or broke off.
    pub async fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                if !event.name.is_empty() {
                    return Some(event);
                }
            } else if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut event.name);
            } else if let Some(id) = line.strip_prefix("id: ") {
                event.id = Some(id.to_owned());
            } else if let Some(data) = line.strip_prefix("data: ").filter(|data| !data.is_empty()) {
                event.data = serde_json::from_str(data).expect("data is JSON");
            }
        }
    }

    /// The next line; none at the end.
    pub async fn line(&mut self) -> Option<String> {
        within_deadline("a line", async {
            loop {
                if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.pending.drain(..=end).collect();
                    return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
                }
                self.chunk().await?;
            }
        })
        .await
    }

    /// Receives a chunk; none after the last one, and when the connection broke off.
    async fn chunk(&mut self) -> Option<()> {
        let mut size = String::new();
        self.stream.read_line(&mut size).await.ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok().filter(|size| *size > 0)?;
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await.ok()?;
        chunk.truncate(size);
        self.pending.extend(chunk);
        Some(())
    }
}
