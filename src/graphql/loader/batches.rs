//! When batches run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Wake, Waker};
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;

use super::{Fetch, Loaders};
use crate::fleet::Fleet;
use crate::policy::Actor;

/// The batches of one request. They run in its task, between its own steps: what all rows of a list ask for in one step
/// is one batch, however slow the machine; and they end with it.
#[derive(Default)]
pub(super) struct Batches {
    new: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
    restless: Arc<Restless>,
}

/// Notes whether a request wants to go on by itself: then it has not asked for everything yet.
#[derive(Default)]
struct Restless {
    is_woken: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Restless {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.task.wake();
    }
}

/// Steps of a request in a row, before others have their turn.
const STEPS: usize = 64;

impl Batches {
    /// The loaders that ask for them, and act for `actor`.
    pub(super) fn loaders(&self, fleet: Fleet, actor: Actor) -> Loaders {
        let new = Arc::clone(&self.new);
        let start = move |batch| new.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        DataLoader::new(Fetch { fleet, actor }, start).delay(Duration::ZERO)
    }

    /// Takes steps of the request until it waits, then of its batches, until none of them gets on.
    pub(super) fn drive<T>(
        &mut self,
        cx: &mut task::Context<'_>,
        mut step: impl FnMut(&mut task::Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.restless.task.register(cx.waker());
        let waker = Waker::from(Arc::clone(&self.restless));
        for _ in 0..STEPS {
            self.restless.is_woken.store(false, Ordering::SeqCst);
            if let Poll::Ready(answer) = step(&mut task::Context::from_waker(&waker)) {
                return Poll::Ready(answer);
            }
            if self.restless.is_woken.load(Ordering::SeqCst) {
                continue;
            }
            self.running.extend(self.new.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
            let mut is_done = false;
            while let Poll::Ready(Some(())) = self.running.poll_next_unpin(cx) {
                is_done = true;
            }
            if !is_done {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
