//! A way to a server that can be cut.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// An address that leads to a server.
pub struct Cutter {
    /// Where it listens.
    pub address: SocketAddr,
    /// Ends the connections that are open now.
    open: Arc<Mutex<CancellationToken>>,
    /// Ends the listening.
    closed: CancellationToken,
}

impl Cutter {
    /// Stands before a server.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let open = Arc::new(Mutex::new(CancellationToken::new()));
        let closed = CancellationToken::new();
        let tokens = Arc::clone(&open);
        tokio::spawn(closed.clone().run_until_cancelled_owned(async move {
            while let Ok((near, _)) = listener.accept().await {
                let open = tokens.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(open.run_until_cancelled_owned(pass(near, server)));
            }
        }));
        Self { address, open, closed }
    }

    /// Cuts every connection; new ones get through.
    pub fn cut(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *open).cancel();
    }

    /// Lets nobody through any more, not even one whose connection is being accepted now.
    pub fn close(&self) {
        self.closed.cancel();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

/// Carries bytes both ways until one side ends.
async fn pass(mut near: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut far = TcpStream::connect(server).await?;
    copy_bidirectional(&mut near, &mut far).await.map(drop)
}
