//! How often a sign-in may fail: counted in the store, so that all servers count together and none forgets.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use entity::login_failures::{ActiveModel, Model};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;

use crate::clock::Timestamp;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::login_failures;

/// How long a failure counts.
pub(in crate::fleet) const WINDOW: Duration = Duration::from_mins(15);

/// Failures that count of one account from one source at most.
const PER_ACCOUNT_AND_SOURCE: u64 = 10;

/// Failures that count from one source at most.
const PER_SOURCE: u64 = 100;

/// Who tries to sign in, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Keyed hash of the e-mail.
    account: [u8; 32],
    source: String,
}

impl Attempt {
    /// An attempt on this account. A network gets the addresses of an IPv6 /64 at will, so they are one source.
    pub(super) fn new(account: [u8; 32], source: IpAddr) -> Self {
        let source = match source.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        };
        Self { account, source: source.to_string() }
    }
}

impl Fleet {
    /// Whether it may be tried now.
    ///
    /// # Errors
    /// Rate limited; unavailable.
    pub(super) async fn check_attempt(&self, attempt: &Attempt) -> Result<(), FleetError> {
        let now = self.clock.now();
        let (db, scope, after) = (self.store.reader(), Scope::system(), now.minus(WINDOW));
        let Attempt { account, source } = attempt;
        let (own, all) = (PER_ACCOUNT_AND_SOURCE, PER_SOURCE);
        let of_account = login_failures::of_account(db, &scope, (account, source), after, own).await?;
        let of_source = login_failures::of_source(db, &scope, source, after, all).await?;
        let waits = [wait(&of_account, own, now), wait(&of_source, all, now)];
        match waits.into_iter().max().flatten() {
            Some(seconds) => Err(FleetError::RateLimited(seconds)),
            None => Ok(()),
        }
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// Unavailable.
    pub(super) async fn count_failure(
        &self,
        tx: &DatabaseTransaction,
        attempt: &Attempt,
    ) -> Result<(), FleetError> {
        let row = ActiveModel {
            id: NotSet,
            account: Set(attempt.account.to_vec()),
            source: Set(attempt.source.clone()),
            failed_at: Set(self.clock.now()),
        };
        Ok(login_failures::insert(tx, row).await?)
    }

    /// Forgets the failures of the account from this source; others that the source made still count.
    ///
    /// # Errors
    /// Unavailable.
    pub(super) async fn forgive(
        &self,
        tx: &DatabaseTransaction,
        attempt: &Attempt,
    ) -> Result<(), FleetError> {
        Ok(login_failures::forgive(tx, &attempt.account, &attempt.source).await?)
    }
}

/// Seconds until the oldest of so many failures counts no more, at least one; none when there are fewer.
fn wait(newest_first: &[Model], limit: u64, now: Timestamp) -> Option<u64> {
    let full = u64::try_from(newest_first.len()).is_ok_and(|failures| failures >= limit);
    let oldest = newest_first.last().filter(|_| full)?;
    let wait_ms = oldest.failed_at.plus(WINDOW).0 - now.0;
    Some(wait_ms.unsigned_abs().div_ceil(1000).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::testing::TestFleet;

    fn attempt(account: u8, source: &str) -> Attempt {
        Attempt::new([account; 32], source.parse().expect("the test gives an address"))
    }

    async fn fail(fleet: &Fleet, attempt: &Attempt) {
        let tx = fleet.store.begin().await.expect("the database answers");
        fleet.count_failure(&tx, attempt).await.expect("the database answers");
        tx.commit().await.expect("the database answers");
    }

    async fn waits(fleet: &Fleet, attempt: &Attempt) -> Option<u64> {
        match fleet.check_attempt(attempt).await {
            Ok(()) => None,
            Err(FleetError::RateLimited(seconds)) => Some(seconds),
            Err(error) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn the_eleventh_try_waits_for_the_first_to_be_15_minutes_old() {
        let fleet = TestFleet::new().await;
        let mallory = attempt(1, "192.0.2.1");
        for _ in 0..10 {
            assert_eq!(waits(&fleet, &mallory).await, None);
            fail(&fleet, &mallory).await;
            fleet.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(waits(&fleet, &mallory).await, Some(890));
        assert_eq!(waits(&fleet.another(|_| ()).await, &mallory).await, Some(890), "on every server");
        fleet.clock.advance(Duration::from_millis(889_999));
        assert_eq!(waits(&fleet, &mallory).await, Some(1));
        fleet.clock.advance(Duration::from_millis(1));
        assert_eq!(waits(&fleet, &mallory).await, None);
    }

    #[tokio::test]
    async fn others_are_not_held_up() {
        let fleet = TestFleet::new().await;
        for _ in 0..10 {
            fail(&fleet, &attempt(1, "192.0.2.1")).await;
        }
        let same = attempt(1, "::ffff:192.0.2.1");
        assert!(waits(&fleet, &same).await.is_some(), "the same address, written otherwise");
        assert_eq!(waits(&fleet, &attempt(1, "192.0.2.2")).await, None, "the real user, from elsewhere");
        assert_eq!(waits(&fleet, &attempt(2, "192.0.2.1")).await, None, "somebody else, from there");
    }

    #[tokio::test]
    async fn a_source_has_a_limit_over_all_accounts_and_a_64_is_one_source() {
        let fleet = TestFleet::new().await;
        for account in 0..100 {
            fail(&fleet, &attempt(account, &format!("2001:db8::{account:x}"))).await;
        }
        assert!(waits(&fleet, &attempt(200, "2001:db8::ffff")).await.is_some());
        assert_eq!(waits(&fleet, &attempt(200, "2001:db8:0:1::")).await, None);
    }
}
