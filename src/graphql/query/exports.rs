//! Exporting what hosts run.

use async_graphql::{Context, Enum, Object, SimpleObject};

use crate::fleet::export::{Exported, Form};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::team::Team;

/// Reads of exports.
#[derive(Default)]
pub(super) struct ExportQuery;

/// What an export is written as; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Form")]
enum ExportForm {
    /// YAML that holds everything: importDocuments makes the same state of it.
    Own,
    /// A configuration of osquery, for hosts of the team, or for hosts in none.
    Osquery,
}

/// What was exported.
#[derive(SimpleObject)]
struct Export {
    /// A document.
    text: String,
    /// What has no place in that form, for people.
    left_out: Vec<String>,
}

#[Object]
impl ExportQuery {
    /// Saved queries, packs and configuration as one document.
    async fn export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is this team's; left out for everything that the caller sees.")]
        team_id: Option<Id<Team>>,
        #[graphql(desc = "What it is written as.", default_with = "ExportForm::Own")] form: ExportForm,
    ) -> Result<Option<Export>> {
        let team = team_id.map(Id::into_public);
        let Exported { text, left_out } = ctx.fleet().export(ctx.actor(), team.as_ref(), form.into()).await?;
        Ok(Some(Export { text, left_out }))
    }
}
