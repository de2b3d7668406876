//! Workers over a spool, with log files as their destination.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Replay, Shipping, ShippingSettings, Wanted};
use crate::clock::{Clock, FixedClock};
use crate::destination::withheld::{Names, Withheld};
use crate::destination::{Definition, Egress};
use crate::spool::testing::{NOW, batch, open};
use crate::spool::{LogKind, Spool, SpoolSettings};

fn shipping(spool: &Spool, data: &Path) -> Shipping {
    let settings = ShippingSettings { data: data.to_owned(), egress: Egress::new(|_| false) };
    Shipping::new(spool.clone(), Clock::Fixed(FixedClock::at(NOW)), settings)
}

fn files(number: Option<u32>) -> Vec<Wanted> {
    let replay = number.map(|number| Replay { number, from: NOW });
    vec![Wanted { definition: Definition::files(), is_paused: false, replay }]
}

async fn until_lines(data: &Path, count: usize) {
    let lines =
        || std::fs::read_to_string(data.join("logs/result.ndjson")).unwrap_or_default().lines().count();
    let coming = async {
        while lines() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), coming).await.expect("the lines come");
    assert_eq!(lines(), count);
}

/// Nobody wants a result not to be shipped.
fn nothing() -> Withheld {
    Arc::new(|_| Box::pin(async { Ok(Names::default()) }))
}

/// A replay is done once on each server: at once where it runs, when it starts where it did not, and not again.
#[tokio::test]
async fn a_replay_is_done_once_also_by_who_was_down() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path();
    let spool = open(&data.join("spool"), SpoolSettings::default());
    let end = spool.append(batch(LogKind::Result, "{\"a\":1}\n")).await.expect("appended");
    // A destination that is new here has everything in any case.
    let first = shipping(&spool, data);
    first.reconcile(files(Some(1)), &nothing()).await.expect("started");
    first.delivered(end).await;
    until_lines(data, 1).await;
    first.reconcile(files(Some(2)), &nothing()).await.expect("told");
    until_lines(data, 2).await;
    first.stop().await;
    let second = shipping(&spool, data);
    second.reconcile(files(Some(3)), &nothing()).await.expect("started");
    until_lines(data, 3).await;
    second.stop().await;
    let third = shipping(&spool, data);
    third.reconcile(files(Some(3)), &nothing()).await.expect("started");
    let end = spool.append(batch(LogKind::Result, "{\"a\":2}\n")).await.expect("appended");
    third.delivered(end).await;
    until_lines(data, 4).await;
    third.stop().await;
}
