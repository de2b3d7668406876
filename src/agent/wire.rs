//! The names on the wire: live queries by number, and how old an agent is.

use entity::id::CampaignId;

use crate::fleet::due::DueKind;

/// What a query name of ours starts with.
pub(super) const QUERY_PREFIX: &str = "campaign_";
/// Bytes of the key of something that is due at most.
const MAX_KEY: usize = 128;
/// Digits of a query name at least, so that names sort as their campaigns: agents run them in that order.
const QUERY_DIGITS: usize = 12;

/// What a query's name asks of a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// A campaign.
    Campaign(CampaignId),
    /// Something that is due, by its key.
    Due(DueKind, String),
}

/// What a query name asks; none when it is none of ours.
pub(super) fn asked(name: &str) -> Option<Asked> {
    campaign_of(name).map(Asked::Campaign).or_else(|| due_of(name))
}

/// The name under which a host is asked what is due. Such names sort after those of campaigns, as agents run them.
pub(super) fn due_name(kind: DueKind, key: &str) -> String {
    format!("{}_{key}", kind.as_str())
}

fn due_of(name: &str) -> Option<Asked> {
    let (kind, key) = name.split_once('_')?;
    let kind = DueKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_ours = !key.is_empty() && key.len() <= MAX_KEY && key.bytes().all(is_key);
    is_ours.then(|| Asked::Due(kind, key.to_owned()))
}

/// The name under which a host is asked a campaign's query.
pub(super) fn query_name(campaign: CampaignId) -> String {
    format!("{QUERY_PREFIX}{:0QUERY_DIGITS$}", campaign.0)
}

/// The campaign of a query name; none when it is none of ours.
pub(super) fn campaign_of(name: &str) -> Option<CampaignId> {
    let digits = name.strip_prefix(QUERY_PREFIX)?;
    if digits.len() < QUERY_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let campaign = CampaignId(digits.parse().ok().filter(|id| *id > 0)?);
    (query_name(campaign) == name).then_some(campaign)
}

/// Whether an agent of this `User-Agent` reads `accelerate` as a string only: osquery before 3.2.3.
pub(super) fn wants_accelerate_as_string(user_agent: Option<&str>) -> bool {
    user_agent.and_then(osquery_version).is_some_and(|version| version < [3, 2, 3])
}

/// The version in a `User-Agent` such as `osquery/5.10.2-12-gabcdef`; what is missing counts as 0.
fn osquery_version(user_agent: &str) -> Option<[u32; 3]> {
    let version = user_agent.strip_prefix("osquery/")?;
    let mut parts = version.split('.').map(|part| {
        let digits = part.split(|character: char| !character.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok())
    });
    let major = parts.next()??;
    let mut part = || parts.next().flatten().unwrap_or(0);
    Some([major, part(), part()])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_our_own_names_are_campaigns() {
        assert_eq!(query_name(CampaignId(42)), "campaign_000000000042");
        for name in [
            "",
            "campaign_",
            "campaign_42",
            "campaign_000000000000",
            "campaign_-00000000042",
            "campaign_+00000000042",
            "campaign_0000000000042",
            "campaign_00000000004x",
            "campaign_99999999999999999999",
            "Campaign_000000000042",
            "campaign_000000000042 ",
        ] {
            assert_eq!(campaign_of(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_due_is_told_by_its_kind_and_key() {
        for kind in DueKind::ALL {
            let name = due_name(kind, "os_version");
            assert_eq!(asked(&name), Some(Asked::Due(kind, "os_version".to_owned())));
            assert!(query_name(CampaignId(i64::MAX)) < name, "campaigns run first");
        }
        for name in
            ["vital_", "vital", "vitals_x", "vital_a b", "vital_é", &format!("label_{}", "x".repeat(129))]
        {
            assert_eq!(asked(name), None, "{name}");
        }
        assert_eq!(asked("campaign_000000000042"), Some(Asked::Campaign(CampaignId(42))));
    }

    #[test]
    fn old_agents_are_told_by_their_user_agent() {
        for old in ["osquery/3.2.2", "osquery/2.11.0", "osquery/3.1", "osquery/3"] {
            assert!(wants_accelerate_as_string(Some(old)), "{old}");
        }
        for new in ["osquery/3.2.3", "osquery/4.4.0", "osquery/5.10.2-12-gabc", "curl/8", "osquery/", ""] {
            assert!(!wants_accelerate_as_string(Some(new)), "{new}");
        }
        assert!(!wants_accelerate_as_string(None));
    }

    proptest! {
        #[test]
        fn a_name_is_its_campaign(id in 1..i64::MAX) {
            prop_assert_eq!(campaign_of(&query_name(CampaignId(id))), Some(CampaignId(id)));
        }

        #[test]
        fn names_sort_as_campaigns(one in 1..1_000_000_000_000_i64, other in 1..1_000_000_000_000_i64) {
            let names = (query_name(CampaignId(one)), query_name(CampaignId(other)));
            prop_assert_eq!(names.0.cmp(&names.1), one.cmp(&other));
        }

        #[test]
        fn any_name_is_read(name: String, agent: String) {
            asked(&name);
            wants_accelerate_as_string(Some(&agent));
        }
    }
}
