//! What hosts are configured with: layers of options, the schedule, and packs.
//!
//! Hosts of one team and platform with the same labels, as far as some query or layer asks for labels, are one *audience*
//! and get the same bytes. They are assembled once and remembered; a fetch that finds them asks no database.

mod assemble;
mod audience;
mod label_layers;
mod layers;
mod material;
mod sync;
mod views;
mod withheld;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use entity::id::{HostId, LabelId, TeamId};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::memory::Memory;
use super::reports::Scheduled;
pub use crate::osquery::Finding;
use crate::osquery::document::OPTIONS;
use crate::osquery::text;
pub(super) use assemble::logged_name;
pub use audience::{ConfiguredHost, Effective};
pub use label_layers::ForLabels;
pub(super) use label_layers::{NewLabelLayer, check_for_labels, label_scope};
pub(super) use layers::word;
pub use layers::{Layer, LayerChange, Saved};
pub use material::Material;
pub(super) use material::document;
pub use sync::Running;
pub(super) use views::Views;

/// Hosts whose labels are remembered.
const HOSTS: usize = 2_000_000;

/// Audiences whose configuration is remembered.
const AUDIENCES: usize = 10_000;

/// What this server remembers of configurations.
pub struct Configurations {
    /// What the hosts of a team are configured from.
    material: Memory<TeamId, Arc<Material>>,
    /// Held by whoever reads that. Across the read: others wait for it, and not for connections of their own.
    reading: Mutex<()>,
    /// The labels of a host, in order.
    labels: Memory<HostId, Arc<[LabelId]>>,
    /// The names under which the hosts of a team log what is not shipped.
    withheld: Memory<TeamId, Arc<HashSet<String>>>,
    /// What an audience is served.
    served: Memory<Audience, Arc<Served>>,
    /// What an audience was served last: for when its configuration can't be served any more.
    last_good: Memory<Audience, Arc<Served>>,
}

/// Hosts that get the same configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Audience {
    team: TeamId,
    /// The word of the platform.
    platform: &'static str,
    /// Those labels of the host that some query, pack or layer asks for, in order.
    labels: Vec<LabelId>,
}

/// A configuration as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Whose hosts it is for.
    team: TeamId,
    /// The whole, as compact JSON.
    pub text: Bytes,
    /// The same with a member `etag`, for an agent that asks for one.
    pub tagged: Bytes,
    /// Names this text; an agent that shows it has it already.
    pub etag: String,
    /// What an agent reports as `osquery_info.config_hash` when it has it, by either text; empty when that can't be
    /// foretold.
    pub hashes: Vec<String>,
    /// Seconds between the check-ins of an agent that has it.
    pub(super) check_in_interval_s: i32,
    /// Its queries, by the name under which an agent logs their results.
    pub(super) names: HashMap<String, Scheduled>,
}

impl Default for Configurations {
    fn default() -> Self {
        Self {
            material: Memory::new(AUDIENCES),
            reading: Mutex::default(),
            labels: Memory::new(HOSTS),
            withheld: Memory::new(AUDIENCES),
            served: Memory::new(AUDIENCES),
            last_good: Memory::new(AUDIENCES),
        }
    }
}

impl Configurations {
    /// What the hosts of a team are configured with changed; those of every team, for [`TeamId::NONE`].
    pub(super) fn forget(&self, team: TeamId) {
        if team == TeamId::NONE {
            self.material.forget_all();
            self.withheld.forget_all();
            self.served.forget_all();
        } else {
            self.material.forget(&team);
            self.withheld.forget(&team);
            self.served.forget_where(|served| served.team == team);
        }
    }

    /// The labels of a host changed; those of every host, for 0.
    pub(super) fn forget_labels(&self, host: HostId) {
        if host == HostId(0) {
            self.labels.forget_all();
        } else {
            self.labels.forget(&host);
        }
    }

    /// This server missed changes.
    pub(super) fn forget_all(&self) {
        self.forget(TeamId::NONE);
        self.labels.forget_all();
    }
}

impl Served {
    fn new(team: TeamId, document: &Map<String, Value>, names: HashMap<String, Scheduled>) -> Self {
        let check_in_interval_s = check_in_interval_s(document);
        let mut value = Value::Object(document.clone());
        let body = text::compact(&value);
        let etag: String =
            digest(&SHA256, &body).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let mut hashes = Vec::from_iter(text::config_hash(&value, &body));
        value["etag"] = etag.clone().into();
        let tagged = text::compact(&value);
        hashes.extend(text::config_hash(&value, &tagged));
        Self { team, text: body, tagged, etag, hashes, check_in_interval_s, names }
    }
}

/// Seconds of an interval at most: a day.
const MAX_INTERVAL_S: u64 = 24 * 3_600;

/// What an agent takes for its `distributed_interval`: a number, or a text that begins with one.
fn check_in_interval_s(document: &Map<String, Value>) -> i32 {
    let option = document.get(OPTIONS).and_then(|options| options.get("distributed_interval"));
    let seconds = option.and_then(|option| option.as_u64().or_else(|| option.as_str()?.trim().parse().ok()));
    // Without one, or with 0, an agent has its own.
    let seconds = seconds.filter(|seconds| *seconds > 0).unwrap_or(DEFAULT_INTERVAL_S);
    i32::try_from(seconds.min(MAX_INTERVAL_S)).unwrap_or(i32::MAX)
}

/// What osquery takes when nobody says.
const DEFAULT_INTERVAL_S: u64 = 60;
