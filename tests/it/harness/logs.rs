//! Log lines where they lie: in the spool, and in the files of the destination that every server has.

use std::path::Path;

use muster::spool::LogKind;

use super::within_deadline;

/// The lines of a kind that are durable in a spool, in their envelopes.
pub fn spooled(data: &Path, kind: &str) -> Vec<String> {
    let kind = LogKind::of(kind).expect("a kind");
    let batches = muster::spool::batches(&data.join("spool")).expect("the spool can be read");
    let lines = batches.iter().filter(|stored| stored.batch.kind == kind);
    lines.flat_map(|stored| muster::destination::lines(&stored.batch)).map(|line| text(line.text)).collect()
}

/// The lines of a kind in the log files.
pub fn in_files(data: &Path, kind: &str) -> Vec<String> {
    let file = std::fs::read_to_string(data.join("logs").join(format!("{kind}.ndjson")));
    file.unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Waits until something is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    within_deadline(what, waiting).await;
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}
