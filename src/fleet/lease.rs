//! Keeping house: what one server at a time does for all of them, and goes on elsewhere when that server dies.
//!
//! The server that has the lease renews it; one that dies or hangs lets it run out, one that stops gives it back. The
//! tasks are idempotent, so nothing breaks where two believe for a moment that they have it.

use std::sync::{Mutex, PoisonError};

use entity::id::PublicId;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Fleet, FleetError};
use crate::auth::keys::new_public_id;
use crate::store::leases;

/// The one lease there is.
const NAME: &str = "tasks";

/// Whether this server keeps house.
pub struct Lease {
    /// What the server is called in the table.
    holder: PublicId,
    is_held: watch::Sender<bool>,
    /// Until when the lease holds for certain, on this machine's own clock; held for a moment only.
    until: Mutex<Instant>,
}

impl Lease {
    /// A server that has not asked yet.
    #[must_use]
    pub(super) fn new() -> Self {
        let holder = new_public_id("srv");
        Self { holder, is_held: watch::Sender::new(false), until: Mutex::new(Instant::now()) }
    }

    /// Notes whether it is held, and until when.
    fn note(&self, until: Option<Instant>) {
        if let Some(until) = until {
            *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
        let is_held = until.is_some();
        if self.is_held.send_if_modified(|was_held| std::mem::replace(was_held, is_held) != is_held) {
            let told =
                if is_held { "this server keeps house now" } else { "another server may keep house now" };
            tracing::info!(server = %self.holder, "{told}");
        }
    }

    fn is_over(&self) -> bool {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) <= Instant::now()
    }
}

impl Fleet {
    /// Takes the lease where no server has it, or keeps it. A task, to be run several times within the life of a lease.
    ///
    /// # Errors
    /// Unavailable; the lease is believed in until it is over.
    pub async fn keep_lease(&self) -> Result<(), FleetError> {
        let until = Instant::now() + self.settings.lease;
        match self.take_lease().await {
            Ok(is_held) => {
                self.lease.note(is_held.then_some(until));
                Ok(())
            }
            Err(error) => {
                if self.lease.is_over() {
                    self.lease.note(None);
                }
                Err(error)
            }
        }
    }

    /// Gives the lease back, if this server has it.
    ///
    /// # Errors
    /// Unavailable; then it runs out.
    pub async fn release_lease(&self) -> Result<(), FleetError> {
        if !self.keeps_house() {
            return Ok(());
        }
        self.lease.note(None);
        let tx = self.store.begin().await?;
        leases::release(&tx, NAME, &self.lease.holder).await?;
        Ok(tx.commit().await?)
    }

    /// Whether this server keeps house now.
    #[must_use]
    pub fn keeps_house(&self) -> bool {
        *self.lease.is_held.borrow()
    }

    /// Waits until this server keeps house.
    pub async fn until_it_keeps_house(&self) {
        let mut held = self.lease.is_held.subscribe();
        // The sender lives as long as the core.
        let _ = held.wait_for(|is_held| *is_held).await;
    }

    async fn take_lease(&self) -> Result<bool, FleetError> {
        let tx = self.store.begin().await?;
        let now = self.store.now_on(&tx).await?;
        let span = (now, now.plus(self.settings.lease));
        let is_held = leases::take(&tx, NAME, &self.lease.holder, span).await?;
        tx.commit().await?;
        Ok(is_held)
    }
}
