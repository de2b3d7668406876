//! Two of the real program, 2,000 hosts split over both, a campaign over all of them, a viewer on each, and what they stand
//! on breaks at a random moment. In the long tier alone; the kill of a server itself is in `faults_servers`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::harness::binary::Process;
use crate::harness::block_on;
use crate::harness::pair::{Campaign, Pair, alone, hosts};
use crate::harness::seeds::{Dice, is_long, seeds};
use crate::harness::services::cluster::{Cluster, End};
use crate::harness::services::not_run;
use crate::harness::services::redis::Redis;

/// Histories of each fault.
const SEEDS: usize = 3;

#[test]
fn f04_database_restarted() {
    on_two_servers("f04_database_restarted", async |ground, _| {
        ground.cluster.end(End::Immediate);
        ground.cluster.begin();
    });
}

#[test]
fn f05_database_stopped_for_a_minute() {
    on_two_servers("f05_database_stopped_for_a_minute", async |ground, _| {
        ground.cluster.end(End::Fast);
        sleep(Duration::from_mins(1)).await;
        ground.cluster.begin();
    });
}

#[test]
fn f07_redis_killed() {
    on_two_servers("f07_redis_killed", async |ground, dice| {
        ground.redis.stop();
        pause(dice).await;
        ground.redis.restart();
    });
}

#[test]
fn f08_redis_emptied() {
    on_two_servers("f08_redis_emptied", async |ground, _| {
        let _: String = ground.redis.ask(&["FLUSHALL"]).await;
    });
}

#[test]
fn f09_redis_frozen() {
    on_two_servers("f09_redis_frozen", async |ground, dice| {
        ground.redis.freeze();
        pause(dice).await;
        ground.redis.thaw();
    });
}

#[test]
fn f10_subscribers_cut() {
    on_two_servers("f10_subscribers_cut", async |ground, _| {
        for _ in 0..25 {
            let _: i64 = ground.redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
            sleep(Duration::from_millis(200)).await;
        }
    });
}

/// What two servers stand on.
struct Ground {
    cluster: Cluster,
    redis: Arc<Redis>,
}

/// Some seconds.
async fn pause(dice: &mut Dice) {
    sleep(Duration::from_millis(dice.below(5_000) as u64)).await;
}

/// Breaks something at a random moment of a campaign: every acknowledged answer is stored once, every viewer sees each
/// event once and in order, the campaign completes, nobody enrolls again.
#[expect(clippy::needless_pass_by_value, reason = "calls read better without a reference")]
fn on_two_servers(test: &str, fault: impl AsyncFn(&mut Ground, &mut Dice)) {
    if !is_long() {
        return;
    }
    block_on(async {
        let _alone = alone().await;
        let grounds = Cluster::start().and_then(|cluster| Ok((cluster, Redis::start_private()?)));
        let (cluster, redis) = match grounds {
            Ok(grounds) => grounds,
            Err(missing) => return not_run(&format!("faults_together::{test}"), &missing),
        };
        let mut ground = Ground { cluster, redis: Arc::new(redis) };
        let (database, redis) = (ground.cluster.database().into(), Arc::clone(&ground.redis));
        let mut pair = Pair::with(Process::start_on(Some(database), Some(redis), Vec::new())).await;
        for seed in seeds().take(SEEDS) {
            let mut dice = Dice::of(seed);
            // All histories together may take longer than an access token holds.
            pair.admin.sign_in().await;
            let campaign = Campaign::begin(&pair, &format!("{seed}-"), hosts()).await;
            campaign.acknowledged(1 + dice.below(hosts() / 2)).await;
            fault(&mut ground, &mut dice).await;
            campaign.check().await;
        }
    });
}
