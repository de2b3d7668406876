//! Answers on their way to log destinations: the events of every campaign, in order, into the spool.
//!
//! How far each campaign was shipped is one value of the settings. Positions have no holes, so nothing is waited for;
//! but ids of campaigns are given before commits, so a campaign counts as known only when every transaction that was
//! open when it began has ended. One server does it at a time. A crash between the spool and the value, or two servers
//! that both believe it is their turn, repeat lines, under the same line ids and batch ids.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use entity::id::{CampaignId, HostId, PublicId, TeamId};
use entity::kind::{CampaignStatus, EventKind};
use futures_util::future::try_join_all;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::event::{FailureBody, RowsBody};
use crate::destination::rfc3339;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::spool::{Batch, LogKind, Origin, OriginHost};
use crate::store::campaign_events::{self, EventRow, Span};
use crate::store::campaigns::{self, Shipped};
use crate::store::{StoreError, settings, shipping_lock, teams};

/// The key of [`Offsets`] in the settings.
const OFFSETS: &str = "answers.shipped";
/// Events, and bytes of them, that are taken at once.
const PAGE: (u64, usize) = (500, 4 << 20);
/// Pages of one run at most; the next one goes on.
const PAGES: usize = 8;
/// How long the spool may take for a page.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a transaction may take from its campaign's id to its commit.
const SETTLED: Duration = Duration::from_secs(30);

/// How far campaigns were shipped.
#[derive(Default, Serialize, Deserialize)]
struct Offsets {
    /// Every campaign up to this id was shipped whole, unless it stands in `positions`.
    floor: i64,
    /// The position of the last event that was shipped, by campaign.
    positions: BTreeMap<i64, i64>,
}

impl Fleet {
    /// Writes new answers to the spool, where a destination wants them; the first time, those from now on. A task.
    ///
    /// # Errors
    /// Unavailable; internal: the spool is full, or can't be written. The next run goes on from the same events.
    pub async fn ship_answers(&self) -> Result<(), FleetError> {
        if !self.wants_lines(LogKind::Answer).await {
            return Ok(());
        }
        let (db, system) = (self.store.reader(), Scope::system());
        let settled = self.store.now().await?.minus(SETTLED);
        let floor = campaigns::newest_until(db, &system, settled).await?.0;
        let known = settings::get(db, &system, OFFSETS).await?;
        let Some(known) = known.and_then(|known| serde_json::from_str::<Offsets>(&known).ok()) else {
            let running =
                campaigns::running(db, &system).await?.into_iter().map(|one| one.id).collect::<Vec<_>>();
            let found = campaigns::shipped(db, &system, CampaignId(floor), &running).await?;
            let positions = found.into_iter().map(|one| (one.id.0, one.last_position)).collect();
            return self.note_shipped(&Offsets { floor, positions }).await;
        };
        let begun: Vec<CampaignId> = known.positions.keys().copied().map(CampaignId).collect();
        let found = campaigns::shipped(db, &system, CampaignId(known.floor), &begun).await?;
        let mut offsets = Offsets { floor: known.floor.max(floor), positions: BTreeMap::new() };
        let (mut pages, mut outcome) = (PAGES, Ok(()));
        for campaign in found {
            let mut position = known.positions.get(&campaign.id.0).copied().unwrap_or_default();
            while position < campaign.last_position && pages > 0 && outcome.is_ok() {
                pages -= 1;
                outcome = self.ship_page(&campaign, position).await.map(|shipped| position = shipped);
            }
            let is_over = campaign.status != CampaignStatus::Running && position >= campaign.last_position;
            if !is_over || campaign.id.0 > offsets.floor {
                offsets.positions.insert(campaign.id.0, position);
            }
        }
        // Also when a page failed: those before it are not to be repeated each time.
        if offsets.floor != known.floor || offsets.positions != known.positions {
            self.note_shipped(&offsets).await?;
        }
        outcome
    }

    async fn note_shipped(&self, offsets: &Offsets) -> Result<(), FleetError> {
        let tx = self.store.begin().await?;
        shipping_lock(&tx).await?;
        let text = serde_json::to_string(offsets).map_err(FleetError::internal)?;
        settings::put(&tx, OFFSETS, &text).await?;
        Ok(tx.commit().await?)
    }

    /// Writes the events behind a position to the spool, as many as a page holds; up to which position.
    async fn ship_page(&self, campaign: &Shipped, after: i64) -> Result<i64, FleetError> {
        let (db, system, (limit, max_bytes)) = (self.store.reader(), Scope::system(), PAGE);
        let up_to = campaign.last_position;
        let span = Span { campaign: campaign.id, after, up_to, host: None, limit, max_bytes };
        let read = campaign_events::read(db, &system, span).await?;
        let ids: Vec<TeamId> = read.events.iter().filter_map(|event| event.team_id).collect();
        let teams = teams::by_ids(db, &system, &ids).await?;
        let teams: HashMap<TeamId, PublicId> =
            teams.into_iter().map(|team| (team.id, team.public_id)).collect();
        let mut appends = Vec::with_capacity(read.events.len());
        for event in &read.events {
            let Some((host, lines)) = lines(campaign, event)? else { continue };
            let team = event.team_id.unwrap_or(TeamId::NONE);
            appends.push(self.spool.append(Batch {
                id: batch_id(campaign, event),
                kind: LogKind::Answer,
                received_at: self.clock.now(),
                origin: Origin { host: Some(host), team, team_public_id: teams.get(&team).cloned() },
                lines: Bytes::from(lines),
            }));
        }
        let appended = timeout(PATIENCE, try_join_all(appends)).await;
        appended.map_err(FleetError::internal)?.map_err(FleetError::internal)?;
        Ok(read.read_to)
    }
}

/// The same whenever the event is shipped.
fn batch_id(campaign: &Shipped, event: &EventRow) -> PublicId {
    let hash = digest(&SHA256, format!("{}\n{}", campaign.public_id.0, event.position).as_bytes());
    let half: [u8; 16] = hash.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes");
    PublicId::new("bat", u128::from_be_bytes(half))
}

/// The host of an event, and its lines: one a row, or one that says why there are none. The end has none.
fn lines(campaign: &Shipped, event: &EventRow) -> Result<Option<(OriginHost, Vec<u8>)>, StoreError> {
    let corrupt = |error: serde_json::Error| StoreError::Corrupt(format!("campaign event: {error}"));
    let (host, hostname, ends) = match event.kind {
        EventKind::Rows => {
            let body: RowsBody<'_> = serde_json::from_slice(&event.body).map_err(corrupt)?;
            let ends = rows(&body).map_err(corrupt)?;
            (body.host, body.hostname, ends)
        }
        EventKind::Failure => {
            let body: FailureBody = serde_json::from_slice(&event.body).map_err(corrupt)?;
            let ends = vec![format!("\"error\":{}", json!(body.failure))];
            (body.host, body.hostname, ends)
        }
        EventKind::Ended => return Ok(None),
    };
    let head = json!({
        "campaign": campaign.public_id.0,
        "campaign_name": campaign.name,
        "host": host.0,
        "hostname": hostname,
        "answered_at": rfc3339(event.occurred_at),
    });
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    // Where a row has line ends between its tokens, a line would end.
    let line = |end: &String| format!("{head},{}}}\n", end.replace(['\r', '\n'], " "));
    let text: String = ends.iter().map(line).collect();
    let host = OriginHost { id: event.host_id.unwrap_or(HostId(0)), public_id: host, hostname };
    Ok(Some((host, text.into_bytes())))
}

/// What is said of each row of a chunk. Its number makes lines of equal rows different ones; the rows are as stored.
fn rows(body: &RowsBody<'_>) -> Result<Vec<String>, serde_json::Error> {
    let rows: Vec<&RawValue> = serde_json::from_str(body.rows.get())?;
    let chunk = body.chunk;
    let said = |(row, columns): (usize, &&RawValue)| {
        format!("\"chunk\":{chunk},\"row\":{row},\"columns\":{columns}")
    };
    let mut ends: Vec<String> = rows.iter().enumerate().map(said).collect();
    if ends.is_empty() || body.rows_dropped > 0 {
        ends.push(format!(
            "\"chunk\":{chunk},\"rows\":{},\"rows_dropped\":{}",
            rows.len(),
            body.rows_dropped
        ));
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::clock::Timestamp;

    fn campaign() -> Shipped {
        Shipped {
            id: CampaignId(1),
            public_id: PublicId("cmp_1".to_owned()),
            name: Some("who".to_owned()),
            status: CampaignStatus::Running,
            last_position: 9,
        }
    }

    fn event(kind: EventKind, body: &str) -> EventRow {
        EventRow {
            campaign_id: CampaignId(1),
            position: 3,
            kind,
            team_id: None,
            host_id: Some(HostId(7)),
            occurred_at: Timestamp(0),
            body: body.into(),
        }
    }

    fn said(kind: EventKind, body: &str) -> Vec<Value> {
        let (host, text) = lines(&campaign(), &event(kind, body)).expect("it is well formed").expect("lines");
        assert_eq!(host.public_id.0, "hst_1");
        let text = String::from_utf8(text).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    #[test]
    fn a_row_is_a_line() {
        let body = |rows: &str, dropped: u32| {
            format!(
                r#"{{"host":"hst_1","hostname":"web","columns":["a"],"chunk":2,"last":true,"rows_dropped":{dropped},
                "duration_ms":null,"rows":{rows}}}"#
            )
        };
        let two = said(EventKind::Rows, &body("[{\"a\":\n\"1\"},{\"a\":\"1\"}]", 0));
        assert_eq!((two.len(), &two[0]["columns"]["a"], &two[0]["row"]), (2, &json!("1"), &json!(0)));
        assert_ne!(two[0], two[1], "equal rows are two lines");
        assert_eq!((&two[1]["campaign"], &two[1]["campaign_name"]), (&json!("cmp_1"), &json!("who")));
        assert_eq!(two[1]["answered_at"], "1970-01-01T00:00:00.000Z");
        let none = said(EventKind::Rows, &body("[]", 0));
        assert_eq!((none.len(), &none[0]["rows"]), (1, &json!(0)), "an answer without rows is told, too");
        let dropped = said(EventKind::Rows, &body("[{\"a\":\"1\"}]", 5));
        assert_eq!((dropped.len(), &dropped[1]["rows_dropped"]), (2, &json!(5)));
    }

    #[test]
    fn a_failure_is_a_line_and_the_end_is_none() {
        let failure = r#"{"host":"hst_1","hostname":"web","failure":{"code":"sql_error","message":"no"}}"#;
        let failed = said(EventKind::Failure, failure);
        assert_eq!((failed.len(), &failed[0]["error"]["message"]), (1, &json!("no")));
        let end = lines(&campaign(), &event(EventKind::Ended, "{}")).expect("nothing is read of it");
        assert_eq!(end, None);
    }

    #[test]
    fn what_is_repeated_has_the_same_batch_id() {
        let one = event(EventKind::Ended, "{}");
        let other = EventRow { position: 4, ..one.clone() };
        assert_eq!(batch_id(&campaign(), &one), batch_id(&campaign(), &one));
        assert_ne!(batch_id(&campaign(), &one), batch_id(&campaign(), &other));
    }
}
