//! What the SDL says of a field beside its type: who may use it, and what it costs.
//!
//! No resolver carries a directive. They are derived: the cost of a field from its form, by the rules in [`costs`]; who
//! may use a root field from its line in [`roles`]. **A new field gets its cost by construction; a new field of a root
//! needs a line in [`roles`] and one in `tests/it/access.rs`, and tests fail until it has both.** The library prints the
//! directives, and [`Types`](super::precheck::types::Types) reads them back from the SDL: what is declared is what is
//! enforced.

pub mod costs;
pub mod roles;

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{
    __DirectiveLocation as Location, Deprecation, MetaDirective, MetaDirectiveInvocation, MetaInputValue,
    MetaType, Registry,
};
use async_graphql::{
    ContextSelectionSet, ObjectType, OutputType, Positioned, SchemaBuilder, ServerResult, SubscriptionType,
    Value,
};

use self::costs::Forms;

/// A schema whose fields have their directives.
#[must_use]
pub fn declared<Q, M, S>(schema: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    schema.register_output_type::<Directives>()
}

/// No type: the library shows its registry only to types that register themselves.
struct Directives;

impl OutputType for Directives {
    fn type_name() -> Cow<'static, str> {
        <String as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        declare(registry);
        Self::qualified_type_name()
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

fn declare(registry: &mut Registry) {
    for definition in [costs::cost(), costs::list_size(), roles::requires_role()] {
        registry.add_directive(definition);
    }
    let forms = Forms::of(registry);
    for (parent, ty) in &mut registry.types {
        let (MetaType::Object { fields, .. } | MetaType::Interface { fields, .. }) = ty else { continue };
        for field in
            fields.values_mut().filter(|field| !parent.starts_with("__") && !field.name.starts_with("__"))
        {
            let declared =
                forms.invocations(parent, field).into_iter().chain(roles::invocation_of(parent, &field.name));
            field.directive_invocations.extend(declared);
        }
    }
}

/// The definition of a directive of fields.
fn definition(name: &str, description: &str, args: &[(&str, &str, Option<&str>)]) -> MetaDirective {
    let arg = |(name, ty, default): &(&str, &str, Option<&str>)| {
        let arg = MetaInputValue {
            name: (*name).to_owned(),
            description: None,
            ty: (*ty).to_owned(),
            deprecation: Deprecation::NoDeprecated,
            default_value: default.map(str::to_owned),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            is_secret: false,
            directive_invocations: Vec::new(),
        };
        ((*name).to_owned(), arg)
    };
    MetaDirective {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        locations: vec![Location::FIELD_DEFINITION],
        args: args.iter().map(arg).collect(),
        is_repeatable: false,
        visible: None,
        composable: None,
    }
}

/// A directive on a field.
fn invocation(name: &str, args: impl IntoIterator<Item = (&'static str, Value)>) -> MetaDirectiveInvocation {
    let args: IndexMap<_, _> = args.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    MetaDirectiveInvocation { name: name.to_owned(), args }
}
