//! What callers of the API spend, told from server to server: each of them counts what all have seen.
//!
//! It rides on the bus, and never in front of a request: a server that hears nothing for a while counts for itself.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use entity::id::{PublicId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Fleet;
use crate::auth::keys::new_public_id;
use crate::bus::{Bus, Notice};

/// Where spending is told.
const CHANNEL: &str = "spending";

/// What was spent since it was last told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Points by user, in no order.
    pub users: Vec<(UserId, u64)>,
    /// Points by source, in no order.
    pub sources: Vec<(IpAddr, u64)>,
}

/// A message: what was spent on one server.
#[derive(Serialize, Deserialize)]
struct Told {
    server: PublicId,
    #[serde(flatten)]
    spent: Spent,
}

/// Tells the other servers what is spent here, and hears what is spent there.
pub struct Spending {
    /// What this server calls itself by: its own messages come back.
    server: PublicId,
    bus: Arc<dyn Bus>,
    notices: mpsc::Receiver<Notice>,
}

impl Fleet {
    /// Begins to hear what is spent on other servers.
    pub async fn spending(&self) -> Spending {
        let notices = self.bus.subscribe(CHANNEL.into()).await;
        Spending { server: new_public_id("srv"), bus: Arc::clone(&self.bus), notices }
    }
}

impl Spending {
    /// Tells the others what was spent here. It may be lost.
    pub fn tell(&self, spent: Spent) {
        let told = Told { server: self.server.clone(), spent };
        let message = serde_json::to_vec(&told).expect("numbers and addresses are JSON");
        self.bus.publish(CHANNEL.into(), Bytes::from(message));
    }

    /// What was spent on another server; none when the bus has ended. What can't be read is left out, as is what was
    /// lost.
    pub async fn hear(&mut self) -> Option<Spent> {
        loop {
            let Notice::Message(message) = self.notices.recv().await? else { continue };
            match serde_json::from_slice::<Told>(&message) {
                Ok(told) if told.server != self.server => return Some(told.spent),
                Ok(_) | Err(_) => {}
            }
        }
    }
}
