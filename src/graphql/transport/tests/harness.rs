//! A server with a toy schema, and clients for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_graphql::{Context, Object, Schema, SimpleObject, Subscription, Value};
use axum::Router;
use entity::id::{PublicId, SessionId, UserId};
use futures_util::{FutureExt, SinkExt, Stream, StreamExt, stream};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use crate::clock::{Clock, FixedClock, Timestamp};
use crate::fleet::FleetError;
use crate::fleet::sessions::Authentication;
use crate::graphql::context::RequestContext;
use crate::graphql::precheck::types::Types;
use crate::graphql::router::routes;
use crate::graphql::transport::engine::Engine;
use crate::graphql::transport::identity::{Identity, Shown};
use crate::graphql::transport::points::Points;
use crate::graphql::transport::{Transport, TransportSettings};
use crate::graphql::validation::Validator;
use crate::policy::{Actor, Credential, Roles, UserActor};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
pub(super) struct Touched(Arc<AtomicU32>, Arc<AtomicUsize>);

struct Query;

#[derive(SimpleObject)]
struct User {
    name: String,
    #[graphql(skip)]
    _hidden: (),
}

/// JSON that is already encoded.
struct Rows(bytes::Bytes);

#[async_graphql::Scalar]
impl async_graphql::ScalarType for Rows {
    fn parse(_: Value) -> async_graphql::InputValueResult<Self> {
        Err(async_graphql::InputValueError::custom("only for output"))
    }

    fn to_value(&self) -> Value {
        Value::Binary(self.0.clone())
    }
}

#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }

    async fn who(&self, ctx: &Context<'_>) -> String {
        match &ctx.data_unchecked::<RequestContext>().actor {
            Actor::User(user) => user.name.clone(),
            _ => "anonymous".to_owned(),
        }
    }

    async fn twice(&self, n: i32) -> i32 {
        n * 2
    }

    /// Bytes that all floods have made by now.
    async fn flooded(&self, ctx: &Context<'_>) -> usize {
        ctx.data_unchecked::<Touched>().1.load(Ordering::SeqCst)
    }

    async fn user(&self) -> Option<User> {
        Some(User { name: "a".to_owned(), _hidden: () })
    }

    async fn fault(&self) -> async_graphql::Result<Option<i32>> {
        std::future::ready(Err("no such table: secrets".into())).await
    }

    async fn panics(&self) -> i32 {
        std::hint::black_box(None).expect("nothing: it panics on purpose")
    }

    async fn never(&self) -> i32 {
        std::future::pending().await
    }

    async fn rows(&self) -> Rows {
        Rows(bytes::Bytes::from_static(br#"[{"pid":"1"}]"#))
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn touch(&self, ctx: &Context<'_>) -> u32 {
        ctx.data_unchecked::<Touched>().0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

struct Events;

#[Subscription]
impl Events {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> + use<> {
        stream::iter(1..=to)
    }

    async fn flood(&self, ctx: &Context<'_>) -> impl Stream<Item = String> + use<> {
        let made = Arc::clone(&ctx.data_unchecked::<Touched>().1);
        stream::repeat("x".repeat(4_096)).inspect(move |text| {
            made.fetch_add(text.len(), Ordering::SeqCst);
        })
    }

    async fn silence(&self) -> impl Stream<Item = i32> + use<> {
        stream::pending()
    }

    async fn denied(&self) -> async_graphql::Result<stream::Empty<i32>> {
        std::future::ready(Err("not this one".into())).await
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) settings: TransportSettings,
    pub(super) touched: Touched,
    pub(super) clock: FixedClock,
    revoked: Arc<AtomicBool>,
}

impl Touched {
    pub(super) fn times(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// Bytes of all floods.
    pub(super) fn flooded(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

impl Server {
    /// Starts with settings whose timers a test made short.
    pub(super) async fn start(settings: TransportSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::serve(settings, listener)
    }

    /// As [`Self::start`], where the system takes only a few kilobytes from the server ahead of its clients.
    pub(super) fn start_narrow(settings: TransportSettings) -> Self {
        let narrow = TcpSocket::new_v4().expect("a socket");
        narrow.set_send_buffer_size(16 << 10).expect("it is allowed");
        narrow.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        Self::serve(settings, narrow.listen(1_024).expect("it listens"))
    }

    fn serve(settings: TransportSettings, listener: TcpListener) -> Self {
        let (touched, revoked) = (Touched::default(), Arc::new(AtomicBool::new(false)));
        let clock = FixedClock::at(Timestamp(0));
        let router = router(&settings, &touched, &revoked, &clock);
        let address = listener.local_addr().expect("it is bound");
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, settings, touched, clock, revoked }
    }

    /// Ends the credential `good`.
    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
    }

    /// Sends a request as text and answers status, head and body.
    pub(super) async fn send(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        // What was received before a reset is the answer.
        let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
        let _ = reading.await.expect("an answer in time");
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    /// Posts JSON with further header lines.
    pub(super) async fn post(&self, headers: &str, body: &str) -> (u16, String, String) {
        let length = body.len();
        let head =
            format!("POST /graphql HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n");
        self.send(&format!("{head}{headers}\r\n{body}")).await
    }

    /// Posts JSON and answers the body as it comes, once its head is there.
    pub(super) async fn open(&self, headers: &str, body: &str) -> Pieces {
        let length = body.len();
        let request =
            format!("POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut stream = Pieces(BufReader::new(stream));
        while stream.raw_line().await.is_some_and(|line| !line.is_empty()) {}
        stream
    }

    /// Posts a query as JSON and answers what came back.
    pub(super) async fn query(&self, query: &str) -> serde_json::Value {
        let (_, _, body) =
            self.post("content-type: application/json\r\n", &json!({ "query": query }).to_string()).await;
        serde_json::from_str(&body).expect("JSON")
    }

    /// Opens a socket and does not say anything.
    pub(super) async fn connect(&self) -> Socket {
        self.connect_with(&[("sec-websocket-protocol", "graphql-transport-ws")]).await.expect("an upgrade")
    }

    /// Opens a socket with these headers; the status when there is none.
    pub(super) async fn connect_with(&self, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match connect_async(request).await {
            Ok((stream, _)) => Ok(Socket(stream)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no connection: {error}"),
        }
    }

    /// Opens a socket and is acknowledged.
    pub(super) async fn signed_in(&self) -> Socket {
        self.connect().await.signed_in().await
    }

    /// As [`Self::signed_in`], for a client whose system takes only a few kilobytes ahead of it.
    pub(super) async fn signed_in_narrowly(&self) -> Socket {
        let narrow = TcpSocket::new_v4().expect("a socket");
        narrow.set_recv_buffer_size(4_096).expect("it is allowed");
        let stream = narrow.connect(self.address).await.expect("it listens");
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (stream, _) = client_async(request, MaybeTlsStream::Plain(stream)).await.expect("an upgrade");
        Socket(stream).signed_in().await
    }

    /// Waits until no flood makes any more: whoever listens has stalled. What they made.
    pub(super) async fn stalled(&self) -> usize {
        let looking = async {
            let (mut before, mut same) = (0, 0);
            while before == 0 || same < 3 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let made = self.touched.flooded();
                same = if made == before { same + 1 } else { 0 };
                before = made;
            }
            before
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("they stall in time")
    }

    /// Waits until every socket is gone.
    pub(super) async fn all_gone(&self) {
        self.settings.sockets.close();
        tokio::time::timeout(PATIENCE, self.settings.sockets.wait()).await.expect("all sockets are gone");
    }
}

/// A body that comes in pieces.
pub(super) struct Pieces(BufReader<TcpStream>);

impl Pieces {
    /// The next line that has something, and is not the size of a chunk.
    pub(super) async fn line(&mut self) -> Option<String> {
        loop {
            let line = self.raw_line().await?;
            if !line.is_empty() && u32::from_str_radix(&line, 16).is_err() {
                return Some(line);
            }
        }
    }

    /// All that follows.
    pub(super) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Some(line) = self.raw_line().await.filter(|line| line != "0") {
            rest.push_str(&line);
        }
        rest
    }

    async fn raw_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let reading = tokio::time::timeout(PATIENCE, self.0.read_line(&mut line));
        let length = reading.await.expect("a line in time").unwrap_or_default();
        (length > 0).then(|| line.trim_end().to_owned())
    }
}

/// A client's end of a socket.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn signed_in(mut self) -> Self {
        self.say(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer good" } })).await;
        assert_eq!(self.hear().await, json!({ "type": "connection_ack" }));
        self
    }

    /// Sends a message.
    pub(super) async fn say(&mut self, message: serde_json::Value) {
        self.say_text(&message.to_string()).await;
    }

    /// Sends any text.
    pub(super) async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("the server reads");
    }

    /// Starts an operation.
    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    /// The next message.
    pub(super) async fn hear(&mut self) -> serde_json::Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// The code it is closed with, if that is among the next so many messages.
    pub(super) async fn closed_within(&mut self, messages: usize) -> Option<u16> {
        for _ in 0..messages {
            match self.next().await {
                Some(Message::Close(Some(frame))) => return Some(frame.code.into()),
                Some(Message::Text(_)) => {}
                other => panic!("expected a message or a goodbye, got {other:?}"),
            }
        }
        None
    }

    /// The code it is closed with, whatever comes before.
    pub(super) async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Some(Message::Close(Some(frame))) => return frame.code.into(),
                Some(Message::Text(_)) => {}
                other => panic!("expected a goodbye, got {other:?}"),
            }
        }
    }

    async fn next(&mut self) -> Option<Message> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time");
            match next.and_then(Result::ok) {
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                next => return next,
            }
        }
    }
}

fn router(
    settings: &TransportSettings,
    touched: &Touched,
    revoked: &Arc<AtomicBool>,
    clock: &FixedClock,
) -> Router {
    let schema = Schema::build(Query, Mutation, Events).data(touched.clone()).finish();
    let types = Types::from_sdl(&schema.sdl()).expect("the library reads what it writes");
    let validator = Validator::new(Schema::build(Query, Mutation, Events));
    let points = Points::new(&settings.cost, Clock::Fixed(clock.clone()));
    let engine = Engine::new(schema, validator, types, points, settings);
    let revoked = Arc::clone(revoked);
    let identity = Identity::new(
        |shown| {
            async move {
                let (Shown::Bearer(bearer) | Shown::Cookie(bearer)) = shown;
                if bearer == "stuck" {
                    std::future::pending::<()>().await;
                }
                authenticate(&bearer)
            }
            .boxed()
        },
        move |actor| {
            let is_revoked = revoked.load(Ordering::SeqCst);
            async move { Ok((!is_revoked).then_some(actor)) }.boxed()
        },
        Clock::Fixed(clock.clone()),
    );
    routes(Transport::new(engine, identity, settings.clone()))
}

fn authenticate(bearer: &str) -> Result<Authentication, FleetError> {
    let known = |until| Ok(Authentication::Known(Actor::User(user()), until));
    match bearer {
        "good" => known(None),
        "brief" => known(Some(Timestamp(1_000))),
        "down" => Err(FleetError::RateLimited(1)),
        _ => Ok(Authentication::Refused),
    }
}

fn user() -> UserActor {
    UserActor {
        id: UserId(1),
        public_id: PublicId::new("usr", 1),
        name: "Ada".to_owned(),
        credential: Credential::Session(SessionId(1)),
        roles: Roles::default(),
        source: None,
        signed_by: None,
    }
}
