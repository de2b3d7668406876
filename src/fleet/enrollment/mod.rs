//! Enrollment: a host shows a secret and gets a node key.

mod guard;
mod machine;
mod notes;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use entity::hosts;
use entity::id::{HostId, PublicId, TeamId};
use entity::kind::{ChangeKind, HostStatus, Platform};
use sea_orm::{ActiveValue::Set, DatabaseTransaction};

use super::policies::{self, Unsettled};
use super::{Fleet, FleetError};
use crate::auth::keys::{new_public_id, new_secret};
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::store::{changes, enrollment as rows, label_members, node_keys};

pub use guard::Guard;
pub(crate) use guard::network;
use machine::Match;
pub use machine::is_useless_uuid;
use notes::Added;

/// New keys of one host in [`KEY_WINDOW`] at most.
const KEYS_IN_WINDOW: u64 = 5;
const KEY_WINDOW: Duration = Duration::from_mins(10);

/// What a host says of itself when it enrolls; cleaned, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrollRequest {
    /// The secret, trimmed.
    pub secret: String,
    /// What tells the host apart; never empty.
    pub host_identifier: String,
    /// Operating system family.
    pub platform: Option<Platform>,
    /// Hardware UUID.
    pub hardware_uuid: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Hardware serial.
    pub serial_number: Option<String>,
    /// Operating system name and version.
    pub os_version: Option<String>,
    /// osquery version.
    pub osquery_version: Option<String>,
    /// Which installation of osquery it is: an id that lives as long as its database.
    pub instance_id: Option<String>,
    /// Physical memory in bytes.
    pub memory_bytes: Option<i64>,
}

/// Outcome of an enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The new node key: 256 random bits in base64url.
    Key(String),
    /// The secret is wrong, expired or revoked.
    WrongSecret,
    /// More than 5 new keys in 10 minutes for this host, or too many failures from this source: try again later.
    TooOften,
}

/// What became of an enrolling host.
enum Placed {
    /// It was made.
    New,
    /// It was there. What is to be told of policies that are not about it any more.
    Again(Vec<(ChangeKind, String)>),
}

impl Fleet {
    /// Enrolls a host: the same identifier and hardware UUID, and a secret of its team or of the team it enrolled in,
    /// are the same host with a new key, in the team where it is; another team's secret never takes a host over;
    /// another hardware UUID is flagged as a clone.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn enroll(&self, request: EnrollRequest, source: IpAddr) -> Result<Enrolled, FleetError> {
        // A flood of wrong secrets shuts nobody out who has a right one: many hosts may share an address.
        let is_shut = self.enroll_guard.is_shut(source, Instant::now());
        if is_shut && !self.is_known_enroll_secret(&request.secret).await? {
            return Ok(Enrolled::TooOften);
        }
        let Some(team) = self.team_of_enroll_secret(&request.secret).await? else {
            self.refuse_enrollment(source).await;
            return Ok(Enrolled::WrongSecret);
        };
        let key = new_secret();
        let place = self.enroll_places.acquire().await.expect("the semaphore is never closed");
        let placed = self.store.unless_silent(Box::pin(self.issue_key(&request, team, &key))).await?;
        drop(place);
        let Some((host, what)) = placed else { return Ok(Enrolled::TooOften) };
        // Of a new host no server remembers anything: when a whole fleet comes, nobody waits for the order of changes.
        // Who looks is told of it by the tick that tells states.
        if matches!(what, Placed::Again(_)) {
            self.announce().await;
        }
        self.presence.seen(host, None, self.clock.now());
        Ok(Enrolled::Key(key))
    }

    /// Places the enrolling host, and gives it a key, in one transaction; none when it has asked for too many lately.
    async fn issue_key(
        &self,
        request: &EnrollRequest,
        team: TeamId,
        key: &str,
    ) -> Result<Option<(HostId, Placed)>, FleetError> {
        let now = self.store.now().await?;
        let tx = self.store.begin().await?;
        let Some((host, what)) = self.place_host(&tx, request, team, now).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        let instance = request.instance_id.as_deref();
        node_keys::issue(&tx, host, &self.keys.hash(key), instance, now).await?;
        if let Placed::Again(counted) = &what {
            let told = [(ChangeKind::Host, host.0), (ChangeKind::HostEnrolled, host.0)];
            changes::record_all(&tx, &told, counted).await?;
        }
        tx.commit().await?;
        Ok(Some((host, what)))
    }

    /// The row of the enrolling host, found or made; none when it has asked for too many keys lately.
    async fn place_host(
        &self,
        tx: &DatabaseTransaction,
        request: &EnrollRequest,
        team: TeamId,
        now: Timestamp,
    ) -> Result<Option<(HostId, Placed)>, FleetError> {
        rows::lock_identifier(tx, &request.host_identifier).await?;
        let namesakes = rows::hosts_of_identifier(tx, &Scope::system(), &request.host_identifier).await?;
        match machine::find(&namesakes, request, team) {
            Match::Same(host) => {
                if self.takes_turns(tx, host, request).await? {
                    let id = self.part(tx, host, request, team, now).await?;
                    return Ok(Some((id, Placed::New)));
                }
                let counted = self.enroll_again(tx, host, request, team, now).await?;
                Ok(counted.map(|counted| (host.id, Placed::Again(counted))))
            }
            Match::New { clones_of, foreign_to } => {
                let (id, public_id) = self.add_host(tx, request, team, now).await?;
                let added = Added { id, public_id: &public_id, team, now };
                self.flag_clones(tx, &added, &clones_of).await?;
                if clones_of.iter().any(|host| host.is_pinned) {
                    rows::pin(tx, id).await?;
                }
                self.flag_foreign_secret(tx, &added, &foreign_to).await?;
                Ok(Some((id, Placed::New)))
            }
        }
    }

    /// Gives each of two installations with one identity a host of its own, instead of letting them end each other's
    /// keys.
    async fn part(
        &self,
        tx: &DatabaseTransaction,
        host: &hosts::Model,
        request: &EnrollRequest,
        team: TeamId,
        now: Timestamp,
    ) -> Result<HostId, FleetError> {
        rows::pin(tx, host.id).await?;
        let (id, public_id) = self.add_host(tx, request, team, now).await?;
        rows::pin(tx, id).await?;
        self.flag_clones(tx, &Added { id, public_id: &public_id, team, now }, &[host]).await?;
        Ok(id)
    }

    /// Whether the installation that asks had this host before another one had it: a new installation comes once, and
    /// only a machine and its copy take turns.
    async fn takes_turns(
        &self,
        tx: &DatabaseTransaction,
        host: &hosts::Model,
        request: &EnrollRequest,
    ) -> Result<bool, FleetError> {
        match (&host.instance_id, &request.instance_id) {
            (Some(current), Some(asking)) if current != asking => {
                Ok(node_keys::was_issued_to(tx, &Scope::system(), host.id, asking).await?)
            }
            _ => Ok(false),
        }
    }

    /// Lets a host in again, and answers what is to be told of policies; none when it has asked for too many keys lately.
    async fn enroll_again(
        &self,
        tx: &DatabaseTransaction,
        host: &hosts::Model,
        request: &EnrollRequest,
        team: TeamId,
        now: Timestamp,
    ) -> Result<Option<Vec<(ChangeKind, String)>>, FleetError> {
        let since = now.minus(KEY_WINDOW);
        if node_keys::count_issued(tx, &Scope::system(), host.id, since).await? >= KEYS_IN_WINDOW {
            tracing::warn!(host.id = host.id.0, "a host asked for too many node keys; it has to wait");
            return Ok(None);
        }
        // A new key is often a new installation: its vitals are asked at once.
        let reported = Self::reported(request, team, now);
        let anew = hosts::ActiveModel { refetch_at: Set(Some(self.clock.now())), ..reported };
        rows::update_host(tx, host.id, anew).await?;
        let platform = request.platform.unwrap_or(host.platform);
        label_members::set_built_in(tx, host.id, platform).await?;
        let mut counted = Vec::new();
        if platform != host.platform {
            label_members::leave_other_platforms(tx, host.id, platform).await?;
            // It is a host that other policies are about.
            counted = policies::settle(tx, Unsettled::Hosts(&[host.id])).await?;
        }
        self.record_enrolled(tx, host.id, &host.public_id, host.team_id).await?;
        Ok(Some(counted))
    }

    async fn add_host(
        &self,
        tx: &DatabaseTransaction,
        request: &EnrollRequest,
        team: TeamId,
        now: Timestamp,
    ) -> Result<(HostId, PublicId), FleetError> {
        let public_id = new_public_id("hst");
        let platform = request.platform.unwrap_or(Platform::Other);
        let interval = self.settings.check_in_interval.as_secs();
        let host = hosts::ActiveModel {
            public_id: Set(public_id.clone()),
            team_id: Set(team),
            host_identifier: Set(request.host_identifier.clone()),
            hardware_uuid: Set(request.hardware_uuid.clone().unwrap_or_default()),
            hostname: Set(request.hostname.clone().unwrap_or_else(|| request.host_identifier.clone())),
            platform: Set(platform),
            enrolled_at: Set(now),
            last_seen_at: Set(now),
            // Until it fetches its configuration, which may say something else.
            check_in_interval_s: Set(i32::try_from(interval).unwrap_or(i32::MAX)),
            // Nobody was told of it yet.
            status: Set(HostStatus::Missing),
            is_pinned: Set(false),
            ..Self::reported(request, team, now)
        };
        let id = rows::insert_host(tx, host).await?;
        label_members::set_built_in(tx, id, platform).await?;
        self.record_enrolled(tx, id, &public_id, team).await?;
        Ok((id, public_id))
    }

    /// The columns that an enrollment tells; what it does not tell stays.
    fn reported(request: &EnrollRequest, team: TeamId, now: Timestamp) -> hosts::ActiveModel {
        let mut host = hosts::ActiveModel {
            last_enrolled_at: Set(now),
            enrolled_team_id: Set(team),
            ..Default::default()
        };
        if let Some(uuid) = &request.hardware_uuid {
            host.hardware_uuid = Set(uuid.clone());
        }
        if let Some(hostname) = &request.hostname {
            host.hostname = Set(hostname.clone());
        }
        if let Some(platform) = request.platform {
            host.platform = Set(platform);
        }
        if request.serial_number.is_some() {
            host.serial_number = Set(request.serial_number.clone());
        }
        if request.os_version.is_some() {
            host.os_version = Set(request.os_version.clone());
        }
        if request.osquery_version.is_some() {
            host.osquery_version = Set(request.osquery_version.clone());
        }
        if request.instance_id.is_some() {
            host.instance_id = Set(request.instance_id.clone());
        }
        if request.memory_bytes.is_some() {
            host.memory_bytes = Set(request.memory_bytes);
        }
        host
    }
}
