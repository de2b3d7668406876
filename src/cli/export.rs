//! `muster export`: saved queries, packs and configuration as a document that imports to the same state.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Failure;
use super::connect::Connect;
use super::find::team_id;
use super::terminal::talk;

const EXPORT: &str = "\
query ($team: ID, $form: ExportForm!) {
  export(teamId: $team, form: $form) { text leftOut }
}";

/// Print saved queries, packs and configuration as a document that `import` makes the same state of.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Only what is this team's, by name.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// What is written: YAML that holds everything, or a configuration of osquery.
    #[arg(long, value_enum, default_value_t = Form::Muster)]
    format: Form,
    #[command(flatten)]
    connect: Connect,
}

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// YAML that holds everything.
    Muster,
    /// A configuration of osquery: what hosts of the team get, or without one what is global.
    Osquery,
}

impl Export {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let team = team_id(&client, self.team.as_deref()).await?;
        let form = match self.format {
            Form::Muster => "OWN",
            Form::Osquery => "OSQUERY",
        };
        let export = client.call(EXPORT, json!({ "team": team, "form": form })).await?["export"].take();
        std::io::stdout().write_all(export["text"].as_str().unwrap_or_default().as_bytes())?;
        for left_out in export["leftOut"].as_array().into_iter().flatten() {
            talk(format_args!("left out: {}", left_out.as_str().unwrap_or_default()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
