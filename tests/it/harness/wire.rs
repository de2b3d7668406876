//! HTTP/1.1 by hand, one connection a request as osquery does it: every byte sent is chosen by the test.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::canary;

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers as they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, freed of its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// A request with its headers in order; `Host` and `Content-Length` are added unless they are there.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let has = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if !has("host") {
        head.push_str("Host: muster.test\r\n");
    }
    if !has("content-length") && !has("transfer-encoding") {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends a request on a connection of its own and reads the whole response.
pub async fn exchange(server: SocketAddr, request: &[u8]) -> io::Result<Response> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request).await?;
    read_response(&mut stream).await
}

/// Connects from an address of the loopback.
pub async fn connect_from(source: [u8; 4], server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(IpAddr::from(source), 0)).expect("the loopback has it");
    socket.connect(server).await.expect("it listens")
}

/// Sends a request, or the first half of one, and goes away without reading.
pub async fn abandon(server: SocketAddr, request: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request).await?;
    stream.shutdown().await
}

/// The response in these bytes, its body all that follows the head; none where there is no whole head.
pub fn parse(bytes: &[u8]) -> Option<Response> {
    let end = find(bytes, b"\r\n\r\n")? + 4;
    let (status, headers) = parse_head(&String::from_utf8_lossy(&bytes[..end]))?;
    Some(Response { status, headers, body: bytes[end..].to_vec() })
}

/// Reads one response.
pub async fn read_response(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Response> {
    let mut buffer = Vec::new();
    let head = loop {
        if let Some(end) = find(&buffer, b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let rest = buffer.split_off(head);
    let (status, headers) =
        parse_head(&String::from_utf8_lossy(&buffer)).ok_or(io::ErrorKind::InvalidData)?;
    let mut response = Response { status, headers, body: Vec::new() };
    response.body = read_body(stream, &response, rest).await?;
    canary::look_at(&response);
    Ok(response)
}

async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    response: &Response,
    mut bytes: Vec<u8>,
) -> io::Result<Vec<u8>> {
    if response.status == 304 {
        return Ok(Vec::new());
    }
    if let Some(length) = response.header("content-length") {
        let length: usize = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        while bytes.len() < length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        bytes.truncate(length);
        return Ok(bytes);
    }
    if response.header("transfer-encoding").is_none() {
        stream.read_to_end(&mut bytes).await?;
        return Ok(bytes);
    }
    loop {
        if let Some(body) = unchunk(&bytes) {
            return Ok(body);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The body of whole chunks; none until the last one is there.
fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(bytes, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).ok()?.trim(), 16).ok()?;
        let chunk = bytes.get(line + 2..line + 2 + size)?;
        bytes = bytes.get(line + 2 + size + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
    }
}

fn parse_head(head: &str) -> Option<(u16, Vec<(String, String)>)> {
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    Some((status, headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect()))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
