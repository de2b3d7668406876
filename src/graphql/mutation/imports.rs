//! Importing what other tools write.

use std::io::Read as _;

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use crate::fleet::import::{Existing, Imported, MAX_BYTES, Mode, NewImport, SourceText};
use crate::fleet::{FleetError, RejectionCode};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::import::{ImportNote, ImportedThing};
use crate::graphql::model::team::Team;
use crate::graphql::scalars::Text;
use crate::graphql::user_error::{UserError, settle};

/// Writes of imports.
#[derive(Default)]
pub(super) struct ImportMutation;

/// Input of importDocuments.
#[derive(InputObject)]
struct ImportDocumentsInput {
    /// The documents; they may name each other by path.
    #[graphql(default)]
    documents: Vec<ImportDocumentInput>,
    /// More documents, for what does not fit into a request: a JSON list of such objects, compressed by gzip, in base64.
    archive: Option<Text>,
    /// The team that everything goes to, whatever the documents say; left out to do as they say.
    team_id: Option<Id<Team>>,
    /// What becomes of what is there already under the same name.
    #[graphql(default_with = "ImportExisting::Update")]
    existing: ImportExisting,
    /// Save nothing; only tell what would be.
    #[graphql(default = false)]
    dry_run: bool,
    /// Save everything but what is refused; else nothing is saved when anything is refused.
    #[graphql(default = false)]
    skip_refused: bool,
}

/// A document to import.
#[derive(InputObject)]
struct ImportDocumentInput {
    /// Its path, with its end: `.sql`, `.yml` and `.yaml` say what it is; anything else is JSON, or YAML.
    name: Text,
    /// What it says.
    text: Text,
}

/// What becomes of what is there already under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Existing")]
enum ImportExisting {
    /// It becomes what the documents say.
    Update,
    /// It stays as it is.
    Skip,
}

/// Answer of importDocuments.
#[derive(SimpleObject)]
struct ImportDocumentsPayload {
    /// It was saved. Everything was, or nothing.
    applied: bool,
    /// What each thing became, or would become.
    things: Vec<ImportedThing>,
    /// What else there is to say, each at its place.
    notes: Vec<ImportNote>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl ImportMutation {
    /// Imports queries, packs and configurations: osquery's packs and configurations, Fleet's YAML, files of SQL, and
    /// what `export` wrote. It is one transaction; a second time it changes nothing.
    async fn import_documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and how.")] input: ImportDocumentsInput,
    ) -> Result<Option<ImportDocumentsPayload>> {
        let wanted_mode = input.mode();
        let outcome = match input.into_new() {
            Ok(new) => ctx.fleet().import(ctx.actor(), new).await,
            Err(error) => Err(error),
        };
        let (imported, mut user_errors) = settle(outcome)?;
        let has_refused =
            imported.as_ref().is_some_and(|imported| !imported.is_applied && imported.has_refused());
        if has_refused && wanted_mode != Mode::DryRun {
            let message = "something was refused, so nothing was imported: see `things` and `notes`";
            let error = FleetError::rejected(RejectionCode::Invalid, "documents", message);
            user_errors.extend(settle::<()>(Err(error))?.1);
        }
        let Some(Imported { is_applied, things, notes }) = imported else {
            let (things, notes) = (Vec::new(), Vec::new());
            return Ok(Some(ImportDocumentsPayload { applied: false, things, notes, user_errors }));
        };
        Ok(Some(ImportDocumentsPayload {
            applied: is_applied,
            things: things.into_iter().map(ImportedThing::from).collect(),
            notes: notes.into_iter().map(ImportNote::from).collect(),
            user_errors,
        }))
    }
}

impl ImportDocumentsInput {
    fn mode(&self) -> Mode {
        match (self.dry_run, self.skip_refused) {
            (true, _) => Mode::DryRun,
            (false, true) => Mode::WithoutRefused,
            (false, false) => Mode::Whole,
        }
    }

    fn into_new(self) -> std::result::Result<NewImport, FleetError> {
        let mode = self.mode();
        let Self { documents, archive, team_id, existing, dry_run: _, skip_refused: _ } = self;
        let text =
            |document: ImportDocumentInput| SourceText { name: document.name.0, text: document.text.0 };
        let mut texts: Vec<SourceText> = documents.into_iter().map(text).collect();
        if let Some(archive) = archive {
            texts.extend(unpacked(&archive.0)?);
        }
        Ok(NewImport { texts, team: team_id.map(Id::into_public), existing: existing.into(), mode })
    }
}

/// The documents of an archive, inflated no further than an import may be long.
fn unpacked(archive: &str) -> std::result::Result<Vec<SourceText>, FleetError> {
    let rejected = |message| FleetError::rejected(RejectionCode::Invalid, "archive", message);
    let packed = STANDARD.decode(archive).map_err(|_| rejected("this is no base64"))?;
    // JSON escapes make a text longer than it is, at most six times.
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_mul(2);
    let mut json = Vec::new();
    let mut inflated = GzDecoder::new(packed.as_slice()).take(limit + 1);
    inflated.read_to_end(&mut json).map_err(|_| rejected("this is not compressed by gzip"))?;
    if u64::try_from(json.len()).unwrap_or(u64::MAX) > limit {
        return Err(rejected("this is more than an import may hold; import fewer documents at once"));
    }
    let documents: Vec<std::collections::HashMap<String, String>> =
        serde_json::from_slice(&json).map_err(|_| rejected("this is no JSON list of objects with texts"))?;
    let source = |mut document: std::collections::HashMap<String, String>| {
        let mut take =
            |name| document.remove(name).ok_or_else(|| rejected("each document has `name` and `text`"));
        Ok(SourceText { name: take("name")?, text: take("text")?.replace('\0', "\u{fffd}") })
    };
    documents.into_iter().map(source).collect()
}
