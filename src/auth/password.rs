//! Passwords: argon2id in PHC form, computed off the async threads, two at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes at once: each takes a core for some milliseconds and `memory_kib` of memory.
const RUNNING: usize = 2;

/// Hashes running and waiting together; whoever comes then is told to come back.
const RUNNING_AND_WAITING: usize = 66;

/// Passes over the memory: with 19 MiB and one lane, OWASP's minimum.
const PASSES: u32 = 2;

/// A salt for passwords of nobody, whose hash is thrown away.
const NOBODY: &[u8] = b"nobody's own salt";

/// Computes password hashes.
pub struct Passwords {
    argon2: Argon2<'static>,
    queue: Arc<Semaphore>,
    running: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

/// Whether a password is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not.
    Wrong,
    /// It is.
    Right,
    /// It is, and its stored hash is weaker than today's: this one takes its place.
    RightRehashed(String),
}

/// Why a hash was not computed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    /// A fault of ours.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

/// The right to compute one hash.
pub struct Slot {
    argon2: Argon2<'static>,
    _permits: [OwnedSemaphorePermit; 2],
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// Hashes with `memory_kib` KiB of memory each, 8 at least.
    #[must_use]
    pub fn new(memory_kib: u32) -> Self {
        let params = Params::new(memory_kib.max(Params::MIN_M_COST), PASSES, 1, None)
            .expect("the memory is above the minimum, passes and lanes are constants");
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            queue: Arc::new(Semaphore::new(RUNNING_AND_WAITING)),
            running: Arc::new(Semaphore::new(RUNNING)),
            computed: Arc::default(),
        }
    }

    /// Hashes that were computed so far: what a sign-in costs, whoever tries.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Waits for the right to compute one hash.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already.
    pub async fn slot(&self) -> Result<Slot, PasswordError> {
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        let computed = Arc::clone(&self.computed);
        Ok(Slot { argon2: self.argon2.clone(), _permits: [running, queued], computed })
    }
}

impl Slot {
    /// The hash of a password, in PHC form, with a salt of its own.
    ///
    /// # Errors
    /// [`PasswordError::Failed`].
    pub async fn hash(self, password: String) -> Result<String, PasswordError> {
        self.run(move |argon2| hash(argon2, &password)).await.map(|(hash, _)| hash)
    }

    /// Whether the password is the one of the stored hash; without one (an unknown user) it is wrong, after the same
    /// work. The slot comes back: who holds it until a failure is counted lets nobody by who should have been counted out.
    ///
    /// # Errors
    /// [`PasswordError::Failed`], also when the stored hash can't be read.
    pub async fn check(
        self,
        password: String,
        stored: Option<String>,
    ) -> Result<(Verdict, Self), PasswordError> {
        self.run(move |argon2| {
            if let Some(stored) = &stored {
                return check(argon2, &password, stored);
            }
            argon2.hash_password_with_salt(password.as_bytes(), NOBODY).map_err(failed)?;
            Ok(Verdict::Wrong)
        })
        .await
    }

    /// Runs the work on a thread for it. The permits go with the work: a caller that gives up does not stop it.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<(T, Self), PasswordError> {
        let worker = tokio::task::spawn_blocking(move || {
            let done = work(&self.argon2);
            self.computed.fetch_add(1, Ordering::Relaxed);
            done.map(|done| (done, self))
        });
        worker.await.map_err(failed)?
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, PasswordError> {
    Ok(argon2.hash_password(password.as_bytes()).map_err(failed)?.to_string())
}

fn check(argon2: &Argon2<'_>, password: &str, stored: &str) -> Result<Verdict, PasswordError> {
    let parsed = PasswordHash::new(stored).map_err(failed)?;
    match argon2.verify_password(password.as_bytes(), &parsed) {
        Ok(()) if is_weaker(&parsed, argon2.params()) => Ok(Verdict::RightRehashed(hash(argon2, password)?)),
        Ok(()) => Ok(Verdict::Right),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(failed(error)),
    }
}

/// Whether a hash cost less to make than one costs now.
fn is_weaker(stored: &PasswordHash, today: &Params) -> bool {
    Params::try_from(stored)
        .is_ok_and(|then| then.m_cost() < today.m_cost() || then.t_cost() < today.t_cost())
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn hashed(memory_kib: u32) -> String {
        let slot = Passwords::new(memory_kib).slot().await.expect("nobody waits");
        slot.hash("correct horse".into()).await.expect("argon2 works")
    }

    async fn verdict(memory_kib: u32, password: &str, stored: Option<&str>) -> Verdict {
        let slot = Passwords::new(memory_kib).slot().await.expect("nobody waits");
        slot.check(password.into(), stored.map(Into::into)).await.expect("the hash is readable").0
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let stored = hashed(8).await;
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hashed(8).await, "each hash has its own salt");
        assert_eq!(verdict(8, "correct horse", Some(&stored)).await, Verdict::Right);
        assert_eq!(verdict(8, "correct horsf", Some(&stored)).await, Verdict::Wrong);
        assert_eq!(verdict(8, "correct horse", None).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_weaker_hash_is_replaced_and_a_stronger_one_kept() {
        let stored = hashed(8).await;
        let Verdict::RightRehashed(stronger) = verdict(16, "correct horse", Some(&stored)).await else {
            panic!("the parameters rose");
        };
        assert!(stronger.contains("m=16,"), "{stronger}");
        assert_eq!(verdict(8, "correct horse", Some(&stronger)).await, Verdict::Right);
        assert_eq!(verdict(16, "wrong", Some(&stored)).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_a_fault_and_not_a_wrong_password() {
        let slot = Passwords::new(8).slot().await.expect("nobody waits");
        let outcome = slot.check("correct horse".into(), Some("plain".into())).await;
        assert!(matches!(outcome, Err(PasswordError::Failed(_))));
    }

    #[tokio::test]
    async fn two_run_at_once_and_a_crowd_is_sent_away() {
        let passwords = Passwords::new(8);
        let (first, _second) = (passwords.slot().await.ok(), passwords.slot().await.ok());
        let mut waiting: Vec<_> = (2..RUNNING_AND_WAITING).map(|_| Box::pin(passwords.slot())).collect();
        for slot in &mut waiting {
            assert!(futures_util::poll!(slot.as_mut()).is_pending());
        }
        assert!(matches!(passwords.slot().await, Err(PasswordError::Busy)));
        drop(first);
        assert!(futures_util::poll!(waiting[0].as_mut()).is_ready());
    }
}
