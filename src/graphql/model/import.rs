//! What an import did with each thing, and what there is to say.

use async_graphql::{Enum, SimpleObject};

use crate::fleet::import::{Gravity, Kind, Note, Outcome, Place, Thing};

/// A thing of an import, and what it became.
#[derive(Clone, Debug, SimpleObject)]
pub struct ImportedThing {
    /// What it is.
    kind: ImportedKind,
    /// Its name; of a layer of configuration that has none, the platform, or `all`.
    name: String,
    /// The name of its pack.
    pack: Option<String>,
    /// The name of its team; null for global.
    team: Option<String>,
    /// What it became.
    outcome: ImportOutcome,
    /// Why it was refused.
    reasons: Vec<String>,
    /// Where it stands.
    place: ImportPlace,
}

/// Kinds of things that are imported; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum ImportedKind {
    /// A saved query, of a pack perhaps.
    Query,
    /// A pack.
    Pack,
    /// A layer of configuration.
    Configuration,
    /// A label.
    Label,
    /// A policy.
    Policy,
}

/// What a thing of an import became; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Outcome")]
pub enum ImportOutcome {
    /// It is new.
    Created,
    /// It was there, and is another now.
    Changed,
    /// It was there, just so.
    Unchanged,
    /// It was there, and was to stay.
    Skipped,
    /// It was in a pack that has it no more.
    Removed,
    /// It could not be taken.
    Refused,
}

/// Something that the author of a document should know.
#[derive(Clone, Debug, SimpleObject)]
pub struct ImportNote {
    /// It could not be taken; else it was taken, and means something else here, or it was left out.
    is_error: bool,
    /// For people.
    message: String,
    /// Where.
    place: ImportPlace,
}

/// A place in a document.
#[derive(Clone, Debug, SimpleObject)]
pub struct ImportPlace {
    /// The name of the document.
    document: String,
    /// Line, from 1.
    line: i32,
    /// Column, from 1.
    column: i32,
}

impl From<Place> for ImportPlace {
    fn from(Place { file, line, column }: Place) -> Self {
        let number = |number| i32::try_from(number).unwrap_or(i32::MAX);
        Self { document: file.to_string(), line: number(line), column: number(column) }
    }
}

impl From<Note> for ImportNote {
    fn from(Note { place, gravity, message }: Note) -> Self {
        Self { is_error: gravity == Gravity::Error, message, place: place.into() }
    }
}

impl From<Thing> for ImportedThing {
    fn from(Thing { kind, name, pack, team, place, outcome, reasons }: Thing) -> Self {
        let (kind, outcome, place) = (kind.into(), outcome.into(), place.into());
        Self { kind, name, pack, team, outcome, reasons, place }
    }
}
