//! Streams: the fields of `Subscription`, a file a noun.

mod campaigns;
mod activities;
mod hosts;
mod policies;
mod shared;

use async_graphql::MergedSubscription;

/// Streams.
#[derive(Default, MergedSubscription)]
pub struct Subscription(
    campaigns::CampaignSubscription,
    hosts::HostSubscription,
    policies::PolicySubscription,
    activities::ActivitySubscription,
);
