//! Campaigns, as they happen.

use std::time::Duration;

use async_graphql::{Context, Subscription};
use futures_util::{Stream, StreamExt};

use super::shared::{Batch, key};
use crate::fleet::campaigns::BatchOptions;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Failure, Result};
use crate::graphql::id::Id;
use crate::graphql::model::campaign::Campaign;
use crate::graphql::scalars::{Text, text};

/// Events of one batch at most.
const MAX_BATCH: i32 = 1_000;
/// Milliseconds that events may be held back at most.
const MAX_DELAY_MS: i32 = 5_000;

/// Streams of campaigns.
#[derive(Default)]
pub(super) struct CampaignSubscription;

#[Subscription]
impl CampaignSubscription {
    /// Events of one campaign from its beginning, or after `after`: first what is stored, then live, each once and
    /// in order. The first batch comes at once, with the counters of that moment; the stream completes after the
    /// final batch.
    async fn campaign_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The campaign.")] campaign_id: Id<Campaign>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Events of one batch at most, 1 to 1,000.", default = 100)] max_batch_size: i32,
        #[graphql(desc = "How long events may be held back to fill a batch, 0 to 5,000 ms.", default = 50)]
        max_delay_ms: i32,
    ) -> Result<impl Stream<Item = Result<Batch>> + use<>> {
        let options = options(max_batch_size, max_delay_ms)?;
        let (key, place) = (key(ctx), ctx.request().place.clone());
        let after = place.begin().or(text(after.as_ref()));
        let following = ctx.fleet().follow_campaign(ctx.actor(), campaign_id.public(), after, options);
        // In a box, which is gone when the stream begins: what is kept for each viewer is half as large.
        let batches = Box::pin(following).await?;
        Ok(batches.map(move |batch| {
            let batch = Batch::new(batch?, key.clone());
            place.reach(batch.end_cursor());
            Ok(batch)
        }))
    }

    /// Campaigns the caller can see, each whenever it changes: started, answered, ended. Changes within a quarter of
    /// a second are told as one.
    async fn campaign_changed(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<Campaign>> + use<>> {
        let campaigns = ctx.fleet().follow_campaigns(ctx.actor()).await?;
        Ok(campaigns.map(|campaign| Ok(Campaign(campaign?))))
    }
}

/// The batching that a viewer wants, checked.
fn options(max_batch_size: i32, max_delay_ms: i32) -> Result<BatchOptions> {
    let size = usize::try_from(max_batch_size).ok().filter(|_| (1..=MAX_BATCH).contains(&max_batch_size));
    let delay = u64::try_from(max_delay_ms).ok().filter(|_| max_delay_ms <= MAX_DELAY_MS);
    Ok(BatchOptions {
        max_size: size.ok_or_else(|| out_of_range("maxBatchSize", 1, MAX_BATCH))?,
        max_delay: Duration::from_millis(delay.ok_or_else(|| out_of_range("maxDelayMs", 0, MAX_DELAY_MS))?),
    })
}

fn out_of_range(argument: &str, least: i32, most: i32) -> Failure {
    Failure::bad_input(format!("`{argument}` must be between {least} and {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batching_stays_within_its_limits() {
        for (size, delay) in [(0, 50), (1_001, 50), (-1, 50), (1, -1), (1, 5_001)] {
            assert!(options(size, delay).is_err(), "{size} {delay}");
        }
        let most = BatchOptions { max_size: 1_000, max_delay: Duration::from_secs(5) };
        assert_eq!(options(1_000, 5_000).ok(), Some(most));
    }
}
