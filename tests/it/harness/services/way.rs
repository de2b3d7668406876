//! A way to a PostgreSQL that may fall silent: what is connected stays so, and hears nothing any more.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use super::postgres::TestDatabase;

/// The name that clients look for in the directory of a socket.
const SOCKET: &str = ".s.PGSQL.5432";

/// A way that leads to the server as long as it speaks.
pub struct Way {
    place: TempDir,
    /// How often silence fell or ended: odd while nobody hears anything.
    turns: watch::Sender<u32>,
    /// How many came while nobody heard anything.
    tries: watch::Sender<u32>,
}

impl Way {
    /// A way to the server whose socket is in this directory.
    pub fn to(server: PathBuf) -> Self {
        let place = tempfile::Builder::new().prefix("mu-way-").tempdir();
        let place = place.expect("the system's temporary directory can be written");
        let listener = UnixListener::bind(place.path().join(SOCKET)).expect("the directory is new");
        let (turns, tries) = (watch::Sender::new(0), watch::Sender::new(0));
        let (told, counted) = (turns.clone(), tries.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let told = told.subscribe();
                if *told.borrow() % 2 == 1 {
                    counted.send_modify(|tries| *tries += 1);
                }
                tokio::spawn(lead(client, server.join(SOCKET), told));
            }
        });
        Self { place, turns, tries }
    }

    /// The database at its end.
    pub fn database(&self) -> TestDatabase {
        let url = format!("postgres://postgres@localhost/postgres?host={}", self.place.path().display());
        TestDatabase { url, name: "muster".to_owned() }
    }

    /// From now on nobody hears anything, neither who is connected nor who connects.
    pub fn fall_silent(&self) {
        assert_eq!(*self.turns.borrow() % 2, 0, "it speaks");
        self.turns.send_modify(|turns| *turns += 1);
    }

    /// Waits until somebody has tried to connect in the silence.
    pub async fn is_tried(&self) {
        let mut tries = self.tries.subscribe();
        tries.wait_for(|tries| *tries > 0).await.expect("it lives as long as this");
    }

    /// Who connects from now on is heard; who was connected before never is again: so it is when a database has moved to
    /// another machine.
    pub fn speak(&self) {
        assert_eq!(*self.turns.borrow() % 2, 1, "it is silent");
        self.turns.send_modify(|turns| *turns += 1);
    }
}

/// Leads a client to the server until silence falls; then both stay connected for as long as the test lasts.
async fn lead(mut client: UnixStream, server: PathBuf, mut turns: watch::Receiver<u32>) {
    let is_silent = *turns.borrow_and_update() % 2 == 1;
    let Ok(mut server) = UnixStream::connect(server).await else { return };
    tokio::select! {
        biased;
        () = std::future::ready(()), if is_silent => {}
        // The way is gone with its test.
        _ = turns.changed() => {}
        // Either end may break off.
        _ = copy_bidirectional(&mut client, &mut server) => return,
    }
    std::future::pending::<()>().await;
}
