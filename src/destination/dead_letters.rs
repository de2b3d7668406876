//! Lines that a destination will never take: in a file, each with the reason, until a person looks.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;

use super::envelope::{Line, rfc3339};
use crate::clock::Timestamp;

/// Bytes of one destination's dead letters at most: beyond, it stops, and nothing is lost.
const MAX_BYTES: u64 = 1 << 30;
/// Characters of a reason at most.
const MAX_REASON: usize = 500;

/// The file of one destination.
#[derive(Clone)]
pub(super) struct DeadLetters {
    path: PathBuf,
}

/// A line of the file.
#[derive(Serialize)]
struct Letter<'a> {
    parked_at: &'a str,
    reason: &'a str,
    envelope: &'a RawValue,
}

impl DeadLetters {
    pub(super) fn new(directory: &Path, destination: &str) -> Self {
        Self { path: directory.join(format!("{destination}.ndjson")) }
    }

    /// Parks a line, durably.
    pub(super) fn park(&self, line: &Line, reason: &str, now: Timestamp) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        if file.metadata()?.len() > MAX_BYTES {
            return Err(io::Error::other(format!(
                "{} is full: remove what is not needed",
                self.path.display()
            )));
        }
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let envelope = serde_json::from_slice(&line.text)?;
        let letter = Letter { parked_at: &rfc3339(now), reason: &reason, envelope };
        let mut text = serde_json::to_vec(&letter)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        match self.path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}
