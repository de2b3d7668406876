//! The schema: built for the server, printed for everybody.

use async_graphql::{SDLExportOptions, Schema, SchemaBuilder};

use super::mutation::Mutation;
use super::query::Query;
use super::subscription::Subscription;
use crate::fleet::Fleet;

/// The executable schema; a cheap handle.
pub type MusterSchema = Schema<Query, Mutation, Subscription>;

/// The schema over a core. Every request needs [`RequestContext::attach`](super::context::RequestContext::attach).
#[must_use]
pub fn build(fleet: Fleet) -> MusterSchema {
    builder().data(fleet).finish()
}

/// The public contract: what `schema.graphql` holds.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .prefer_single_line_descriptions()
        .include_specified_by()
        .use_space_ident();
    let text = builder().finish().sdl_with_options(options);
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
}
