//! `muster schema`: the public contract.

use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::terminal::data;
use crate::graphql::schema;

/// Print the GraphQL schema.
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "every command runs alike")]
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        data(schema::sdl().trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}
