//! Buckets that all servers fill: what is spent on one is told to the others every second.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Points;
use crate::fleet::Fleet;
use crate::fleet::spending::Spent;
use crate::graphql::transport::holder::Holder;

/// Tells the other servers every so often what was spent here, and counts what they tell; for ever, so that the caller
/// ends it.
pub async fn share(points: Points, fleet: Fleet, every: Duration) {
    let mut spending = fleet.spending().await;
    points.begin_to_note();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let untold = points.take_untold();
                if !untold.is_empty() {
                    spending.tell(told(untold));
                }
            }
            heard = spending.hear() => match heard {
                Some(spent) => pour(&points, spent),
                None => return,
            },
        }
    }
}

fn told(untold: HashMap<Holder, u64>) -> Spent {
    let mut spent = Spent::default();
    for (holder, cost) in untold {
        match holder {
            Holder::User(user) => spent.users.push((user, cost)),
            Holder::Source(source) => spent.sources.push((source, cost)),
        }
    }
    spent
}

fn pour(points: &Points, spent: Spent) {
    let users = spent.users.into_iter().map(|(user, cost)| (Holder::User(user), cost));
    let sources = spent.sources.into_iter().map(|(source, cost)| (Holder::Source(source), cost));
    for (holder, cost) in users.chain(sources) {
        points.pour(holder, cost);
    }
}
