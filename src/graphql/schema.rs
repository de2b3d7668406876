//! The schema: built for the server, printed for everybody.

use async_graphql::{SDLExportOptions, Schema, SchemaBuilder, ValidationMode};

use super::directives::declared;
use super::mutation::Mutation;
use super::precheck::size::MAX_LEVELS;
use super::query::Query;
use super::subscription::Subscription;
use super::validation::Validator;
use crate::fleet::Fleet;

/// The executable schema; a cheap handle.
pub type MusterSchema = Schema<Query, Mutation, Subscription>;

/// The schema over a core, for documents that [`validator`] let through. A request needs a [`RequestContext`](super::context::RequestContext), and loaders by
/// [`WithLoaders`](super::loader::WithLoaders).
#[must_use]
pub fn build(fleet: Fleet) -> MusterSchema {
    let builder = builder().validation_mode(ValidationMode::Fast).limit_recursive_depth(MAX_LEVELS);
    builder.data(fleet).finish()
}

/// Validates documents for the schema.
#[must_use]
pub fn validator() -> Validator {
    Validator::new(builder())
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
    declared(Schema::build(Query::default(), Mutation::default(), Subscription::default()))
}

#[cfg(test)]
mod tests {
    use async_graphql::{Response, Value, from_value};
    use serde::Deserialize;

    use super::*;

    /// What introspection says of a type, as far as descriptions go.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Described {
        name: String,
        description: Option<String>,
        #[serde(default)]
        fields: Option<Vec<Described>>,
        #[serde(default)]
        args: Option<Vec<Described>>,
        #[serde(default)]
        input_fields: Option<Vec<Described>>,
        #[serde(default)]
        enum_values: Option<Vec<Described>>,
    }

    impl Described {
        /// The paths of everything below that has no description.
        fn bare(&self, path: &str) -> Vec<String> {
            let path = format!("{path}{}", self.name);
            let parts = [&self.fields, &self.args, &self.input_fields, &self.enum_values];
            let below = parts.into_iter().flatten().flatten().flat_map(|part| part.bare(&format!("{path}.")));
            let own = self.description.as_deref().is_none_or(str::is_empty).then(|| path.clone());
            own.into_iter().chain(below).collect()
        }
    }

    async fn introspect(query: &str) -> Value {
        let Response { data, errors, .. } = builder().finish().execute(query).await;
        assert!(errors.is_empty(), "{errors:?}");
        data
    }

    #[test]
    fn the_published_schema_is_this_one() {
        let published = include_str!("../../schema.graphql");
        assert!(published == sdl(), "schema.graphql is not current: write it with `muster schema`");
    }

    #[tokio::test]
    async fn everything_has_a_description() {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "__schema")]
            schema: Types,
        }
        #[derive(Deserialize)]
        struct Types {
            types: Vec<Described>,
        }
        let query = "{ __schema { types { name description
            fields { name description args { name description } }
            inputFields { name description }
            enumValues { name description } } } }";
        let answer: Answer = from_value(introspect(query).await).expect("introspection has this form");
        // `ID` is the library's.
        let own = answer.schema.types.iter().filter(|ty| !ty.name.starts_with("__") && ty.name != "ID");
        let bare: Vec<_> = own.flat_map(|ty| ty.bare("")).collect();
        assert!(bare.is_empty(), "without a description: {bare:?}");
    }

    #[tokio::test]
    async fn roots_are_nullable() {
        let query = "{ __schema { queryType { fields { name type { kind } } }
            mutationType { fields { name type { kind } } } } }";
        let answer = introspect(query).await.into_json().expect("introspection is JSON");
        for root in ["queryType", "mutationType"] {
            let fields = answer["__schema"][root]["fields"].as_array().expect("a root has fields");
            for field in fields {
                assert_ne!(field["type"]["kind"], "NON_NULL", "{}", field["name"]);
            }
        }
    }
}
