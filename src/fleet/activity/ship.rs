//! The audit trail on its way to log destinations: read in order, at an offset of its own, into the spool.
//!
//! Ids are given before commits, so an entry is taken only once every transaction that was open when it came has
//! ended: half a minute later. One server does it at a time, and a crash between the spool and the offset repeats
//! entries, under the same line ids.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use entity::id::{ActivityId, PublicId, TeamId};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::follow::SETTLED;
use super::{Activity, ActivityFilter};
use crate::auth::keys::new_public_id;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::spool::{Batch, LogKind, Origin};
use crate::store::{activities, settings, shipping_lock, teams};

/// The key of the offset in the settings.
const OFFSET: &str = "activities.shipped";
/// Entries taken at once.
const PAGE: u64 = 500;
/// How long the spool may take; nobody else may wait for longer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Fleet {
    /// Writes what is new in the audit trail to the spool, where a destination wants it; the first time, from now on.
    /// A task.
    ///
    /// # Errors
    /// Unavailable; internal: the spool is full, or can't be written. The next run goes on from the same entry.
    pub async fn ship_activities(&self) -> Result<(), FleetError> {
        if !self.wants_lines(LogKind::Activity).await {
            return Ok(());
        }
        let system = Scope::system();
        let tx = self.store.begin().await?;
        shipping_lock(&tx).await?;
        let offset = settings::get(&tx, &system, OFFSET).await?.and_then(|offset| offset.parse().ok());
        let Some(offset) = offset.map(ActivityId) else {
            let newest = activities::newest(&tx, &system).await?;
            settings::put(&tx, OFFSET, &newest.0.to_string()).await?;
            return Ok(tx.commit().await?);
        };
        let new = activities::after(&tx, &system, &ActivityFilter::default(), offset, &[], PAGE).await?;
        let settled = self.clock.now().minus(SETTLED);
        let new: Vec<Activity> = new.into_iter().take_while(|entry| entry.occurred_at <= settled).collect();
        let Some(last) = new.last() else { return Ok(()) };
        let ids: Vec<TeamId> = new.iter().filter_map(|entry| entry.team_id).collect();
        let teams = teams::by_ids(&tx, &system, &ids).await?;
        let teams: HashMap<TeamId, PublicId> =
            teams.into_iter().map(|team| (team.id, team.public_id)).collect();
        for entries in new.chunk_by(|one, other| one.team_id == other.team_id) {
            let batch = self.batch(entries, &teams);
            let appended = timeout(PATIENCE, self.spool.append(batch)).await;
            appended.map_err(FleetError::internal)?.map_err(FleetError::internal)?;
        }
        settings::put(&tx, OFFSET, &last.id.0.to_string()).await?;
        Ok(tx.commit().await?)
    }

    /// Entries that concern the same team.
    fn batch(&self, entries: &[Activity], teams: &HashMap<TeamId, PublicId>) -> Batch {
        let team = entries.first().and_then(|entry| entry.team_id).unwrap_or(TeamId::NONE);
        let mut lines = Vec::new();
        for entry in entries {
            lines.extend_from_slice(line(entry).as_bytes());
            lines.push(b'\n');
        }
        Batch {
            id: new_public_id("bat"),
            kind: LogKind::Activity,
            received_at: self.clock.now(),
            origin: Origin { host: None, team, team_public_id: teams.get(&team).cloned() },
            lines: Bytes::from(lines),
        }
    }
}

fn line(entry: &Activity) -> String {
    let details = serde_json::from_str::<&RawValue>(&entry.details).map_or("null", RawValue::get);
    let head = json!({
        "id": entry.public_id.0,
        "kind": entry.kind,
        "occurred_at": crate::destination::rfc3339(entry.occurred_at),
        "actor": entry.actor,
        "actor_name": entry.actor_name,
        "subject": entry.subject,
        "source": entry.source,
    });
    let mut line = head.to_string();
    line.pop();
    format!("{line},\"details\":{}}}", details.replace(['\r', '\n'], " "))
}
