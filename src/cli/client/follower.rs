//! A campaign followed: when the socket drops, another is opened and goes on after the last cursor, so that each event
//! comes once.

use std::time::Duration;

use tokio::time::sleep;

use super::events::Batch;
use super::socket::{Socket, Trouble, passes};
use super::{Client, ClientError};
use crate::config::Secret;

/// Pause before the socket is opened anew, doubled at each failure up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// What a follower has to tell.
#[derive(Debug)]
pub(in crate::cli) enum Told {
    /// The next events.
    Batch(Batch),
    /// The server was lost, for this reason; told once until it is found again.
    Lost(String),
}

/// Follows one campaign.
pub(in crate::cli) struct Follower<'a> {
    client: &'a Client,
    campaign: String,
    after: Option<String>,
    socket: Option<Socket>,
    pause: Duration,
    /// Whether the loss of the server was told, and not yet its return.
    lost: bool,
}

impl<'a> Follower<'a> {
    /// Follows `campaign` from its beginning, or after a cursor.
    pub(in crate::cli) fn new(client: &'a Client, campaign: String, after: Option<String>) -> Self {
        Self { client, campaign, after, socket: None, pause: PAUSE, lost: false }
    }

    /// The next batch; waits, and reconnects, for as long as it takes.
    pub(in crate::cli) async fn next(&mut self) -> Result<Told, ClientError> {
        loop {
            let why = match self.try_next().await {
                Ok(batch) => {
                    self.after = Some(batch.end_cursor.clone());
                    (self.pause, self.lost) = (PAUSE, false);
                    return Ok(Told::Batch(batch));
                }
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Stale(used)) => match self.renew(used).await? {
                    None => continue,
                    Some(why) => why,
                },
                Err(Trouble::Dropped(why)) => why,
            };
            if !std::mem::replace(&mut self.lost, true) {
                return Ok(Told::Lost(why));
            }
            sleep(self.pause).await;
            self.pause = (self.pause * 2).min(MAX_PAUSE);
        }
    }

    /// Renews the session; answers the trouble that stood in the way, if it passes.
    async fn renew(&self, used: Option<Secret>) -> Result<Option<String>, ClientError> {
        match self.client.renewed(used.as_ref()).await {
            Ok(Some(_)) => Ok(None),
            Ok(None) => {
                Err(ClientError::Unauthenticated("the token is not valid, or not any more".to_owned()))
            }
            Err(
                ClientError::Unreachable(_, why) | ClientError::Broken(_, why) | ClientError::Busy(why, _),
            ) => Ok(Some(why)),
            Err(ClientError::Refused { code, message }) if passes(&code) => Ok(Some(message)),
            Err(error) => Err(error),
        }
    }

    /// The next batch of the socket, or of a new one; a socket that fails is not used again.
    async fn try_next(&mut self) -> Result<Batch, Trouble> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => Socket::open(self.client, &self.campaign, self.after.as_deref()).await?,
        };
        let batch = socket.batch().await?;
        self.socket = Some(socket);
        Ok(batch)
    }
}
