//! The spool on a disk with faults.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{append, directory, reopened, small, texts};
use crate::clock::{Clock, FixedClock};
use crate::spool::disk::{Disk, SegmentFile, SystemDisk};
use crate::spool::testing::NOW;
use crate::spool::{Spool, SpoolError};

/// A disk that fails when its dice say so: half-written appends, failed syncs that lose the pages and leave zeros,
/// cuts that fail, files that can't be made.
struct Faulty(Arc<Mutex<Dice>>);

struct Dice(u64);

impl Dice {
    /// Whether one of `sides` comes up.
    fn fails(&mut self, sides: u64) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).is_multiple_of(sides)
    }
}

struct FaultyFile {
    dice: Arc<Mutex<Dice>>,
    path: std::path::PathBuf,
    file: Box<dyn SegmentFile>,
    durable: u64,
}

impl FaultyFile {
    fn fails(&self, sides: u64) -> bool {
        self.dice.lock().expect("no panic").fails(sides)
    }

    fn length(&self) -> u64 {
        std::fs::metadata(&self.path).expect("it is there").len()
    }
}

impl Disk for Faulty {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        if self.0.lock().expect("no panic").fails(8) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = SystemDisk.create(path)?;
        Ok(Box::new(FaultyFile { dice: Arc::clone(&self.0), path: path.to_owned(), file, durable: 0 }))
    }
}

impl SegmentFile for FaultyFile {
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        if self.fails(6) {
            let half = pieces.concat();
            self.file.append(&[&half[..half.len() / 2]])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.append(pieces)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fails(6) {
            let lost = self.length();
            self.file.cut(self.durable)?;
            self.file.append(&[&vec![0; usize::try_from(lost - self.durable).expect("small")]])?;
            return Err(io::Error::other("EIO"));
        }
        self.file.sync()?;
        self.durable = self.length();
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.fails(2) { Err(io::Error::other("EIO")) } else { self.file.cut(length) }
    }
}

/// Check F20, and the recovery of F2: whatever fails, and whenever the process ends, what was acknowledged is read, in
/// order and once, and nothing else but whole batches.
#[tokio::test]
async fn f20_what_is_acknowledged_survives_a_disk_with_faults() {
    for seed in 0..60 {
        let directory = directory();
        let dice = Arc::new(Mutex::new(Dice(seed)));
        let mut acknowledged = Vec::new();
        let mut refused = 0;
        for life in 0..4 {
            let disk = Box::new(Faulty(Arc::clone(&dice)));
            let spool = {
                let clock = Clock::Fixed(FixedClock::at(NOW));
                Spool::open_on(disk, directory.path(), small(600), clock)
            }
            .expect("opens");
            for number in 0..12 {
                let text = format!("{life}.{number}");
                // The one before may still hold the lock; then nothing is acknowledged either.
                match append(&spool, &text).await {
                    Ok(_) => acknowledged.push(text),
                    Err(SpoolError::Io(_)) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        let spool = reopened(directory.path()).await;
        let read = texts(&mut spool.reader("one").expect("a name")).await;
        assert_eq!(read, acknowledged, "seed {seed}, {refused} refused");
        assert!(refused > 0, "the dice are loaded");
    }
}
