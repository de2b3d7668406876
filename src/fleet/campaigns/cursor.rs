//! Cursors of events: a sealed campaign and position, the same for every viewer; positions are never shown.

use entity::id::CampaignId;

use crate::auth::Keys;
use crate::fleet::FleetError;

const PURPOSE: &str = "campaign event";

/// The cursor of an event.
pub(super) fn seal(keys: &Keys, campaign: CampaignId, position: i64) -> String {
    let mut plain = [0; 16];
    plain[..8].copy_from_slice(&campaign.0.to_be_bytes());
    plain[8..].copy_from_slice(&position.to_be_bytes());
    keys.seal(PURPOSE, &plain)
}

/// The position of a cursor of this campaign; 0 without a cursor.
///
/// # Errors
/// [`FleetError::InvalidCursor`] for one that is not ours, was changed, or is another campaign's.
pub fn open(keys: &Keys, campaign: CampaignId, cursor: Option<&str>) -> Result<i64, FleetError> {
    let Some(cursor) = cursor else { return Ok(0) };
    let plain = keys.open(PURPOSE, cursor).ok_or(FleetError::InvalidCursor)?;
    let (of, position) = plain.split_at_checked(8).ok_or(FleetError::InvalidCursor)?;
    if of != campaign.0.to_be_bytes() {
        return Err(FleetError::InvalidCursor);
    }
    let position = position.try_into().map_err(|_| FleetError::InvalidCursor)?;
    Ok(i64::from_be_bytes(position))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_opens_for_its_campaign_only(campaign in 1_i64.., other in 1_i64.., position in 0_i64..) {
            let keys = Keys::derive(&[7; 32]);
            let cursor = seal(&keys, CampaignId(campaign), position);
            prop_assert_eq!(open(&keys, CampaignId(campaign), Some(&cursor)).ok(), Some(position));
            prop_assert_eq!(open(&keys, CampaignId(other), Some(&cursor)).is_ok(), other == campaign);
            prop_assert_eq!(seal(&keys, CampaignId(campaign), position), cursor);
        }

        #[test]
        fn a_changed_cursor_is_refused(position in 0_i64.., at in 0_usize..40, to in "[A-Za-z0-9_-]") {
            let keys = Keys::derive(&[7; 32]);
            let cursor = seal(&keys, CampaignId(1), position);
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != cursor);
            prop_assert!(open(&keys, CampaignId(1), Some(&changed)).is_err());
        }
    }
}
