//! Texts that other tools write and read, as one neutral model: osquery's packs and configurations, Fleet's YAML in
//! its old and new spellings, files of SQL, and our own form, which holds everything.
//!
//! Reading never stops at the first mistake and loses nothing in silence: what can't be taken, or means something
//! else here, is a [`Note`] at its place. Nothing is decided here that needs the fleet: whether a label, a team or a
//! name is there, and whether an agent would take a value, is asked when it is saved.
//!
//! Each text becomes a tree of [`node::Node`]s (`json`, `yaml`) or statements (`statements`); `sort` tells by its
//! members what a tree is; `osquery` and `fleet` read each sort into the [`Collection`].

mod doubles;
mod fields;
mod files;
mod fleet;
mod headers;
mod json;
pub mod model;
pub mod node;
pub mod place;
mod osquery;
mod scheduled;
mod sort;
mod statements;
pub mod write;
mod yaml;

pub use model::Collection;
pub use place::{At, Gravity, Note, Place};

use files::Files;
use place::Notes;

/// The longest text, in bytes.
pub const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of all texts of one import at most.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Texts of one import at most.
pub const MAX_TEXTS: usize = 5_000;

/// The deepest nesting of a text.
const MAX_DEPTH: usize = 64;

/// Values in a text at most, those that aliases repeat counted each time.
const MAX_NODES: usize = 500_000;

/// A text to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// Its path, with `/`: for notes, for references between texts, and for names that a text does not give.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// What texts say.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What they hold.
    pub collection: Collection,
    /// What could not be taken or means something else here, text by text.
    pub notes: Vec<Note>,
}

impl Reading {
    /// Whether something could not be taken.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.notes.iter().any(|note| note.gravity == Gravity::Error)
    }
}

/// Reads texts that belong together: they may refer to each other.
#[must_use]
pub fn read(texts: &[SourceText]) -> Reading {
    let mut notes = Notes::default();
    let mut collection = Collection::default();
    if within_limits(texts, &mut notes) {
        let files = Files::parse(texts, &mut notes);
        collection = sort::read(&files, &mut notes).settle(&mut notes);
    }
    Reading { collection, notes: notes.finish() }
}

/// Refuses more than one import may hold.
fn within_limits(texts: &[SourceText], notes: &mut Notes) -> bool {
    let bytes: usize = texts.iter().map(|text| text.text.len()).sum();
    let first = Place::start(texts.first().map_or("", |text| &text.name));
    if texts.len() > MAX_TEXTS {
        notes.error(&first, format!("{} files are too many at once; at most {MAX_TEXTS}", texts.len()));
    } else if bytes > MAX_BYTES {
        notes.error(&first, format!("the files have {bytes} bytes together; at most {MAX_BYTES}"));
    } else {
        return true;
    }
    false
}

#[cfg(test)]
mod tests;
