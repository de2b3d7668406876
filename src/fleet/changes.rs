//! What one server must tell the others.
//!
//! A verb that changes what servers hold in memory records rows of `changes` as the last statement of its
//! transaction and calls [`Fleet::announce`] after the commit. Every server reads from its last `seq` when the bus
//! says so, and every second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use entity::changes::Model as Change;
use entity::id::{ApiTokenId, CampaignId, HostId, SessionId, TeamId, UserId};
use entity::kind::ChangeKind;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Fleet, FleetError};
use crate::bus::Notice;
use crate::policy::Scope;
use crate::store::changes;

/// The bus channel that says "look now"; a message is the `seq` up to which its sender has read, if it reads at all.
pub(super) const CHANNEL: &str = "changes";

/// How long one look may take, as long as a statement: others wait for it, as changes are applied in order, and when the
/// database went without a word it would have no end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far this server has read. The lock is held over the reading, so that changes are applied in order.
#[derive(Default)]
pub struct Reader {
    /// The newest `seq` that was applied; none before the first look.
    seq: Mutex<Option<i64>>,
    /// Whether everything was loaded once.
    is_loaded: AtomicBool,
    /// Whether the last look that somebody asked for failed: it is told of once.
    fails: AtomicBool,
}

impl Reader {
    /// Whether everything was loaded once.
    pub(super) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Relaxed)
    }
}

impl Fleet {
    /// After a commit that recorded changes: applies them here at once, then tells the other servers to look.
    pub(crate) async fn announce(&self) {
        self.read_new().await;
        let read_to = *self.changes.seq.lock().await;
        let told = read_to.map(|seq| seq.to_string()).unwrap_or_default();
        self.bus.publish(CHANNEL.into(), Bytes::from(told));
    }

    /// Reads and applies what is new in `changes`; the first time it loads everything. A task.
    ///
    /// # Errors
    /// Unavailable; the next call goes on from the same place.
    pub async fn catch_up(&self) -> Result<(), FleetError> {
        self.begin().await?;
        self.apply_new().await
    }

    /// Reads whenever a server says that there is something, until `shutdown`.
    pub(super) async fn hear_changes(self, shutdown: CancellationToken) {
        let mut notices = self.bus.subscribe(CHANNEL.into()).await;
        while let Some(Some(notice)) = shutdown.run_until_cancelled(notices.recv()).await {
            if !self.has_read(&notice).await {
                self.read_new().await;
            }
        }
    }

    /// Whether what a notice tells was applied here already, as this server's own notices always were.
    async fn has_read(&self, notice: &Notice) -> bool {
        let Notice::Message(told) = notice else { return false };
        let told: Option<i64> = std::str::from_utf8(told).ok().and_then(|seq| seq.parse().ok());
        told.is_some() && told <= *self.changes.seq.lock().await
    }

    /// Removes changes that every server has read long ago. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn prune_changes(&self) -> Result<(), FleetError> {
        let tx = self.store.begin().await?;
        changes::prune(&tx).await?;
        Ok(tx.commit().await?)
    }

    async fn read_new(&self) {
        let read = self.apply_new().await;
        let failed_before = self.changes.fails.swap(read.is_err(), Ordering::Relaxed);
        if let (Err(error), false) = (read, failed_before) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "changes could not be read; they are tried again each second"
            );
        }
    }

    /// Loads everything, if this server has not.
    async fn begin(&self) -> Result<(), FleetError> {
        let mut seq = self.changes.seq.lock().await;
        if seq.is_none() {
            *seq = Some(self.rebuild().await?);
            self.changes.is_loaded.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Applies what is new, in order; nothing before everything was loaded.
    async fn apply_new(&self) -> Result<(), FleetError> {
        let mut seq = self.changes.seq.lock().await;
        let Some(mut read_to) = *seq else { return Ok(()) };
        loop {
            let system = Scope::system();
            let look = timeout(PATIENCE, changes::after(self.store.reader(), &system, read_to));
            let Some(new) = look.await.map_err(|_| self.waited_in_vain())?? else {
                *seq = Some(self.rebuild().await?);
                return Ok(());
            };
            let Some(last) = new.last() else { return Ok(()) };
            read_to = last.seq;
            for change in &new {
                self.apply(change).await?;
            }
            *seq = Some(read_to);
            self.activity_pulse.beat();
        }
    }

    /// Rebuilds everything that changes would have told, and answers how far that is: this server has just started,
    /// or was behind what was pruned. The newest change is noted before anything is loaded.
    async fn rebuild(&self) -> Result<i64, FleetError> {
        let newest = changes::newest(self.store.reader(), &Scope::system()).await?;
        self.roster.forget_all();
        self.host_watchers.resync();
        self.policy_watchers.resync();
        self.sessions.forget_all();
        self.signing_keys.forget();
        self.enroll_secrets.forget_all();
        self.configurations.forget_all();
        self.load_guard().await?;
        self.destinations_changed();
        self.load_due().await?;
        self.rebuild_board().await?;
        Ok(newest)
    }

    async fn apply(&self, change: &Change) -> Result<(), FleetError> {
        self.host_watchers.observe(change);
        self.policy_watchers.observe(change);
        if matches!(change.kind, ChangeKind::Policy | ChangeKind::PolicyDeleted) {
            self.load_due().await?;
        }
        if change.kind == ChangeKind::HostDeleted {
            let host = change.key.split(' ').next().and_then(|id| id.parse().ok());
            host.map(HostId).into_iter().for_each(|host| self.presence.forget(host));
        }
        let Ok(key) = change.key.parse() else { return Ok(()) };
        match change.kind {
            ChangeKind::CampaignStarted => self.campaign_started(CampaignId(key)).await?,
            ChangeKind::CampaignEnded => self.campaign_ended(CampaignId(key)),
            ChangeKind::Host => {
                self.roster.forget_host(HostId(key));
                self.configurations.forget_labels(HostId(key));
            }
            // What people see of hosts and policies is read when they ask.
            ChangeKind::HostEnrolled
            | ChangeKind::HostUpdated
            | ChangeKind::HostStatus
            | ChangeKind::HostMoved
            | ChangeKind::HostDeleted
            | ChangeKind::Hosts
            | ChangeKind::Policy
            | ChangeKind::PolicyDeleted
            | ChangeKind::PolicyResults => {}
            ChangeKind::Session => self.sessions.forget_session(SessionId(key)),
            ChangeKind::User => self.sessions.forget_user(UserId(key)),
            ChangeKind::ApiToken => self.sessions.forget_token(ApiTokenId(key)),
            ChangeKind::EnrollSecret => self.enroll_secrets.forget_all(),
            ChangeKind::SigningKey => self.signing_keys.forget(),
            ChangeKind::Destinations => self.destinations_changed(),
            ChangeKind::Configuration => self.configurations.forget(TeamId(key)),
            ChangeKind::HostLabels => self.configurations.forget_labels(HostId(key)),
            ChangeKind::Labels => self.load_due().await?,
            ChangeKind::Settings => {
                self.load_guard().await?;
                self.load_due().await?;
            }
        }
        Ok(())
    }
}
