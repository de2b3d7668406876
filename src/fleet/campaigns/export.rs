//! Answers of a campaign to be taken away: all that a viewer may see, from memory of constant size.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use entity::id::PublicId;
use entity::kind::EventKind;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde::Deserialize;
use serde_json::json;

use super::follow::Viewer;
use super::read::read_scope;
use super::{BatchOptions, Campaign, SharedBatch, cursor};
use crate::fleet::{Fleet, FleetError};
use crate::policy::Actor;
use crate::store::StoreError;
use crate::store::campaign_events::{self, Span};
use crate::store::campaign_teams::{self, TeamTotals};

/// How an export reads.
const OPTIONS: BatchOptions = BatchOptions { max_size: 1_000, max_delay: Duration::ZERO };

/// Columns at most; what has a name beyond them is not a column.
const MAX_COLUMNS: usize = 2_000;

/// Events, and bytes of them, read at once in search of columns.
const PAGE: (u64, usize) = (1_000, 1 << 20);

/// What is wanted of a campaign.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The campaign.
    pub campaign: PublicId,
    /// Only what follows this cursor.
    pub after: Option<String>,
    /// Whether to go on until the campaign ends; else the end is what is stored now.
    pub follow: bool,
    /// The form it takes, for the audit trail.
    pub format: &'static str,
}

/// What an export gives.
pub struct Export {
    /// The campaign as it is now.
    pub campaign: Campaign,
    /// Where the export ends; none when it follows the campaign.
    pub end_cursor: Option<String>,
    /// Events in order. Silent once the actor's access was ended.
    pub batches: BoxStream<'static, Result<Arc<SharedBatch>, FleetError>>,
}

impl Fleet {
    /// About how many bytes of rows an export would read, by what is stored now.
    ///
    /// # Errors
    /// Denied; not found; invalid or expired cursor; unavailable.
    pub async fn export_size(&self, actor: &Actor, request: &ExportRequest) -> Result<u64, FleetError> {
        let campaign = self.visible_campaign(actor, &request.campaign).await?;
        let after = self.open_cursor(&campaign, request.after.as_deref())?;
        let all = u128::from(campaign.last_position.unsigned_abs().max(1));
        let left = u128::from(campaign.last_position.saturating_sub(after).max(0).unsigned_abs());
        let bytes = u128::from(campaign.bytes.unsigned_abs()) * left / all;
        Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Begins to read a campaign to be taken away, and records who does so.
    ///
    /// # Errors
    /// Denied; not found; invalid or expired cursor; unavailable. In the stream: expired; unavailable.
    pub async fn export_campaign(
        &self,
        actor: &Actor,
        request: &ExportRequest,
    ) -> Result<Export, FleetError> {
        let campaign = self.visible_campaign(actor, &request.campaign).await?;
        let viewer = self.viewer(actor, campaign.clone(), request.after.as_deref(), OPTIONS).await?;
        let tx = self.store.begin().await?;
        let scope = read_scope(actor)?;
        let teams = campaign_teams::load(&tx, &scope, &[campaign.id]).await?;
        let teams = teams.values().flatten().map(|team: &TeamTotals| (team.team_id, exported(request)));
        let teams = teams.collect();
        self.record_activity_of_teams(&tx, actor, ("campaign.exported", &request.campaign), teams).await?;
        tx.commit().await?;
        let end = (!request.follow).then_some(campaign.last_position);
        let viewer = match end {
            Some(end) => viewer.up_to(end),
            None => viewer,
        };
        let end_cursor = end.map(|end| cursor::seal(&self.keys, campaign.id, end));
        Ok(Export { campaign, end_cursor, batches: stream::try_unfold(viewer, Viewer::step).boxed() })
    }

    /// The columns of all rows of a campaign that are stored now and visible, in order of their first appearance; at
    /// most 2,000.
    ///
    /// # Errors
    /// Denied; expired; unavailable.
    pub async fn campaign_columns(
        &self,
        actor: &Actor,
        campaign: &Campaign,
    ) -> Result<Vec<String>, FleetError> {
        let scope = read_scope(actor)?;
        let mut columns = Columns::default();
        let mut after = self.open_cursor(campaign, None)?;
        let (limit, max_bytes) = PAGE;
        while after < campaign.last_position {
            let up_to = campaign.last_position;
            let span = Span { campaign: campaign.id, after, up_to, host: None, limit, max_bytes };
            let read = campaign_events::read(self.store.reader(), &scope, span).await?;
            for event in read.events.iter().filter(|event| event.kind == EventKind::Rows) {
                let corrupt =
                    |error: serde_json::Error| StoreError::Corrupt(format!("campaign event: {error}"));
                columns.add(serde_json::from_slice(&event.body).map_err(corrupt)?);
            }
            after = read.read_to;
        }
        self.check_kept(campaign.id).await?;
        Ok(columns.ordered)
    }
}

/// Names, each once.
#[derive(Default)]
struct Columns {
    ordered: Vec<String>,
    known: HashSet<String>,
}

/// What is read of a body of rows.
#[derive(Deserialize)]
struct Head {
    columns: Vec<String>,
}

impl Columns {
    fn add(&mut self, head: Head) {
        for column in head.columns {
            if self.ordered.len() < MAX_COLUMNS && !self.known.contains(&column) {
                self.known.insert(column.clone());
                self.ordered.push(column);
            }
        }
    }
}

fn exported(request: &ExportRequest) -> serde_json::Value {
    json!({ "format": request.format, "follow": request.follow, "isResumed": request.after.is_some() })
}
