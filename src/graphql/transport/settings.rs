//! What can be set of the transports, with the numbers of the design as defaults.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::graphql::precheck::Limits;

/// Settings of `/graphql`.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_deadline: Duration,
    /// How long a query or mutation may take.
    pub execution: Duration,
    /// Errors in an answer.
    pub errors: usize,
    /// How large a document may be.
    pub document: Limits,
    /// Origins, such as `https://muster.example`, from which a browser may open a socket; the server's own always may.
    pub allowed_origins: Vec<String>,
    /// What operations may cost.
    pub cost: CostSettings,
    /// Whether those who did not sign in may read the schema, and are told what they may have meant.
    pub anonymous_introspection: bool,
    /// Whether browsers get GraphiQL.
    pub graphiql: bool,
    /// Settings of sockets.
    pub socket: SocketSettings,
    /// When cancelled, requests are refused and sockets close with 1012.
    pub shutdown: CancellationToken,
    /// Counts open sockets, so that a stop can wait for them.
    pub sockets: TaskTracker,
}

/// What operations may cost, in points.
#[derive(Clone, Debug)]
pub struct CostSettings {
    /// Of one operation.
    pub operation: u64,
    /// Of all operations of a user in a window.
    pub limit: u64,
    /// Of all operations from one source in a window, of those who did not sign in.
    pub limit_of_source: u64,
    /// In which a full bucket leaks empty.
    pub window: Duration,
}

/// Settings of one WebSocket.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// How long the first message, `connection_init`, may take.
    pub init: Duration,
    /// Bytes of a message before the connection is acknowledged.
    pub message_bytes_before_ack: usize,
    /// Bytes of a message after it.
    pub message_bytes: usize,
    /// Operations at the same time.
    pub operations: usize,
    /// Sockets of one user, or of one address for those who did not sign in.
    pub per_actor: usize,
    /// Between pings of the server.
    pub ping: Duration,
    /// Pings without any sign of life after which the socket is dropped.
    pub missed_pings: u32,
    /// How long a write may be blocked.
    pub write: Duration,
    /// Between looks at whether the credential still holds.
    pub identity: Duration,
    /// How long the goodbye may take once a socket is closing.
    pub goodbye: Duration,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            body_bytes: 256 << 10,
            body_deadline: Duration::from_secs(14),
            execution: Duration::from_secs(10),
            errors: 20,
            document: Limits::default(),
            allowed_origins: Vec::new(),
            cost: CostSettings::default(),
            anonymous_introspection: false,
            graphiql: true,
            socket: SocketSettings::default(),
            shutdown: CancellationToken::new(),
            sockets: TaskTracker::new(),
        }
    }
}

impl Default for CostSettings {
    fn default() -> Self {
        Self { operation: 25_000, limit: 600_000, limit_of_source: 10_000, window: Duration::from_mins(1) }
    }
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            init: Duration::from_secs(3),
            message_bytes_before_ack: 64 << 10,
            message_bytes: 256 << 10,
            operations: 50,
            per_actor: 50,
            ping: Duration::from_secs(12),
            missed_pings: 2,
            write: Duration::from_secs(30),
            identity: Duration::from_secs(1),
            goodbye: Duration::from_secs(1),
        }
    }
}
