//! What the system says of this process; nothing where it is not Linux.

use std::fs::{read_dir, read_to_string};

use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};

/// Notes memory and file descriptors.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a double, and these are small")]
pub(super) fn look() {
    let pages = read_to_string("/proc/self/statm").ok();
    let resident = pages.and_then(|pages| pages.split(' ').nth(1)?.parse::<usize>().ok());
    if let Some(resident) = resident {
        metrics::gauge!("process_resident_memory_bytes").set((resident * page_size()) as f64);
    }
    if let Ok(open) = read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(open.count() as f64);
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        metrics::gauge!("process_max_fds").set(limit as f64);
    }
}
