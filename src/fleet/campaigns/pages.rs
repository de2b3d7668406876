//! Pages of events: those of several campaigns are read together.

use std::collections::HashMap;

use entity::id::{CampaignId, HostId, PublicId};

use super::event::KnownEvent;
use super::read::read_scope;
use super::{Campaign, EventPage, Totals, cursor};
use crate::fleet::{Fleet, FleetError};
use crate::policy::Actor;
use crate::store::campaign_answers;
use crate::store::campaign_events::{self, Read, Span};

/// Bytes of a page of events at most; one event is always there.
const PAGE_BYTES: usize = 4 << 20;

/// Which events of a campaign are wanted.
#[derive(Clone, Copy, Debug)]
pub struct EventsWanted<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// Only of this host.
    pub host: Option<HostId>,
    /// Only what follows this cursor.
    pub after: Option<&'a str>,
    /// Events at most.
    pub limit: u64,
}

impl Fleet {
    /// The inside ids of hosts among those that answered campaigns, also of those that were deleted since; who has not
    /// answered, or is not visible, is left out.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn hosts_in_campaigns(
        &self,
        actor: &Actor,
        asked: &[(CampaignId, PublicId)],
    ) -> Result<HashMap<(CampaignId, PublicId), HostId>, FleetError> {
        let scope = read_scope(actor)?;
        let found = campaign_answers::hosts_of(self.store.reader(), &scope, asked).await?;
        Ok(asked.iter().cloned().zip(found).filter_map(|(asked, host)| Some((asked, host?))).collect())
    }

    /// A page of the events of each campaign after a cursor, in the order in which they are asked for. Ends at 4 MiB,
    /// with at least one event.
    ///
    /// # Errors
    /// Denied; unavailable. Of one page: invalid or expired cursor.
    pub async fn campaign_events(
        &self,
        actor: &Actor,
        wanted: &[EventsWanted<'_>],
    ) -> Result<Vec<Result<EventPage, FleetError>>, FleetError> {
        let scope = read_scope(actor)?;
        let spans: Vec<_> = wanted.iter().map(|wanted| self.span(wanted)).collect();
        let good =
            || wanted.iter().zip(&spans).filter_map(|(wanted, span)| Some((wanted, span.as_ref().ok()?)));
        let campaigns: Vec<&Campaign> = good().map(|(wanted, _)| wanted.campaign).collect();
        let ids: Vec<CampaignId> = campaigns.iter().map(|campaign| campaign.id).collect();
        self.note_reader(actor, &campaigns).await?;
        let asked: Vec<Span> = good().map(|(_, span)| *span).collect();
        let mut read = campaign_events::read_each(self.store.reader(), &scope, &asked).await?.into_iter();
        let kept = self.kept(&ids).await?;
        let totals = self.campaign_totals(actor, &ids).await?;
        let page = |span: Result<Span, FleetError>| {
            let span = span?;
            let read = read.next().filter(|_| kept.contains(&span.campaign));
            let totals = totals.get(&span.campaign).copied().unwrap_or_default();
            self.event_page(span, read.ok_or(FleetError::CursorExpired)?, totals)
        };
        Ok(spans.into_iter().map(page).collect())
    }

    fn span(&self, wanted: &EventsWanted<'_>) -> Result<Span, FleetError> {
        let EventsWanted { campaign, host, after, limit } = *wanted;
        let (after, up_to) = (self.open_cursor(campaign, after)?, campaign.last_position);
        Ok(Span { campaign: campaign.id, after, up_to, host, limit, max_bytes: PAGE_BYTES })
    }

    fn event_page(&self, span: Span, read: Read, totals: Totals) -> Result<EventPage, FleetError> {
        let seal = |position| cursor::seal(&self.keys, span.campaign, position);
        let events: Result<Vec<_>, _> = read.events.into_iter().map(KnownEvent::read).collect();
        Ok(EventPage {
            events: events?.iter().map(|event| event.shown(seal(event.position), totals)).collect(),
            more: read.read_to < span.up_to,
            end_cursor: seal(read.read_to.max(span.after)),
        })
    }
}
