//! Work that would hold up others runs on a thread of its own.

/// Bytes of input above which work leaves the async threads.
const LARGE: usize = 64 << 10;

/// Does `work` on an input of so many bytes: here when it is small, else on a blocking thread. A panic in it goes on
/// in the caller.
pub async fn offload<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= LARGE {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels blocking work, and then nobody awaits this either.
            Err(_) => std::future::pending().await,
        },
    }
}
