//! Where something stands in a text, and what there is to say of it.

use std::fmt;
use std::sync::Arc;

/// Notes of one import at most; what is beyond is counted.
const MAX_NOTES: usize = 1_000;

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The name of the text.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The beginning of a text.
    #[must_use]
    pub fn start(file: &str) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A value and where it stands. Two are equal when their values are: the place is no part of what is said.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// Where it stands.
    pub place: Place,
    /// The value.
    pub value: T,
}

impl<T> At<T> {
    /// A value at a place.
    pub fn new(place: Place, value: T) -> Self {
        Self { place, value }
    }

    /// Another value at the same place.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> At<U> {
        At { place: self.place, value: make(self.value) }
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

/// How bad a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// It could not be taken.
    Error,
    /// It was taken, and means something else here, or it has no meaning here and was left out.
    Warning,
}

/// Something that the author of a text should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub place: Place,
    /// How bad.
    pub gravity: Gravity,
    /// What, for people.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.gravity {
            Gravity::Error => "error",
            Gravity::Warning => "warning",
        };
        write!(f, "{}: {word}: {}", self.place, self.message)
    }
}

/// Notes as they are taken.
#[derive(Default)]
pub(super) struct Notes {
    taken: Vec<Note>,
    /// How many are errors.
    errors: usize,
    /// Warnings that had no room.
    beyond: usize,
}

impl Notes {
    /// Notes that something could not be taken.
    pub(super) fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.errors += 1;
        self.taken.push(Note { place: place.clone(), gravity: Gravity::Error, message: message.into() });
    }

    /// Notes that something means another thing here, or nothing.
    pub(super) fn warn(&mut self, place: &Place, message: impl Into<String>) {
        if self.taken.len() >= MAX_NOTES {
            self.beyond += 1;
            return;
        }
        self.taken.push(Note { place: place.clone(), gravity: Gravity::Warning, message: message.into() });
    }

    /// How many errors there are.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// The notes, text by text in the order in which they were given.
    pub(super) fn finish(mut self) -> Vec<Note> {
        if self.taken.len() > MAX_NOTES {
            // Errors come first, so that one of them always says why nothing was taken.
            self.taken.sort_by_key(|note| note.gravity != Gravity::Error);
            self.beyond += self.taken.len() - MAX_NOTES;
            self.taken.truncate(MAX_NOTES);
        }
        let gravity = if self.errors > MAX_NOTES { Gravity::Error } else { Gravity::Warning };
        if let Some(last) = self.taken.last().filter(|_| self.beyond > 0) {
            let message = format!("and {} notes more, which are left out here", self.beyond);
            let place = last.place.clone();
            self.taken.push(Note { place, gravity, message });
        }
        self.taken
    }
}
