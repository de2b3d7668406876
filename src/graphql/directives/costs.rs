//! What a field costs: `@cost` and `@listSize`, after the draft of the GraphQL cost directives.
//!
//! A field of an object costs 1 and a leaf nothing, unless `@cost` says otherwise; what is in a list counts as often as
//! the list is long, by `@listSize`. The rules below give every field its cost by its form; [`WEIGHTS`] and [`SIZES`]
//! name those of which the form says too little.

use std::collections::HashMap;

use async_graphql::registry::{
    MetaDirective, MetaDirectiveInvocation, MetaField, MetaType, MetaTypeName, Registry,
};
use async_graphql::{Value, value};

use super::{definition, invocation};
use crate::graphql::page::DEFAULT_ROWS;

/// Of a mutation: a transaction, and its entry in the audit trail.
const MUTATION: u32 = 10;
/// Of a subscription, once, when it starts.
const SUBSCRIPTION: u32 = 10;
/// Of a number of rows that is counted in the store.
const TOTAL: u32 = 10;
/// Of a page of events, which may hold 4 MiB of rows.
pub(in crate::graphql) const EVENTS: u32 = 500;
/// Of a page of rows of reports, for which up to 64 MiB of them are looked at.
const ROWS: u32 = 100;
/// Of a field that hashes a password.
const PASSWORD: u32 = 100;
/// Objects in a list of which nobody says how long it is.
const ASSUMED: i32 = 10;

/// Fields that cost more than their form says.
const WEIGHTS: &[(&str, &str, u32)] = &[
    ("Campaign", "answer", EVENTS),
    ("Campaign", "events", EVENTS),
    ("Campaign", "onlineOutstanding", TOTAL),
    ("Label", "failureCount", 1),
    ("Label", "hostCount", 1),
    ("Mutation", "acceptInvitation", PASSWORD),
    ("Mutation", "changePassword", PASSWORD),
    ("Mutation", "createUser", PASSWORD),
    ("Mutation", "login", PASSWORD),
    ("Mutation", "resetPassword", PASSWORD),
    ("Mutation", "setup", PASSWORD),
    ("Mutation", "startCampaign", 50),
    ("Query", "previewTargets", 20),
    ("Report", "reportRows", ROWS),
    ("SavedQuery", "reportRows", ROWS),
];

/// Fields with lists whose length is told by something else than `first` and `last`.
const SIZES: &[(&str, &str, Size)] = &[
    ("CampaignEventBatch", "events", Size::OfParent),
    ("Query", "nodes", Size::Assumed(100)),
    ("Subscription", "campaignEvents", Size::Sliced("maxBatchSize", "events")),
];

/// How long a list is.
#[derive(Clone, Copy, Debug)]
enum Size {
    /// As the field above says.
    OfParent,
    /// So long.
    Assumed(i32),
    /// The list under the second name, as long as the argument of the first says.
    Sliced(&'static str, &'static str),
}

/// `@cost`.
pub(super) fn cost() -> MetaDirective {
    let description = "Cost of a field, per the draft of the GraphQL cost directives; enforced before execution. Without it a field of an object costs 1, and a leaf nothing.";
    definition("cost", description, &[("weight", "String!", None)])
}

/// `@listSize`.
pub(super) fn list_size() -> MetaDirective {
    let description = "How long a list is taken to be by the analysis of costs: as an argument says, else as assumed. It is of the field itself, or of the fields of its object that are named.";
    let args = [
        ("assumedSize", "Int", None),
        ("slicingArguments", "[String!]", None),
        ("sizedFields", "[String!]", None),
        ("requireOneSlicingArgument", "Boolean", Some("false")),
    ];
    definition("listSize", description, &args)
}

/// The types of a schema whose form matters: objects, interfaces and unions, each with those of its fields that hold the
/// rows of a page.
pub(super) struct Forms {
    composites: HashMap<String, Vec<&'static str>>,
    mutation: Option<String>,
    subscription: Option<String>,
}

impl Forms {
    pub(super) fn of(registry: &Registry) -> Self {
        let rows = |ty: &MetaType| {
            let has = |name: &&str| ty.field_by_name(name).is_some();
            ["edges", "nodes"].into_iter().filter(has).collect()
        };
        let composites = registry.types.iter().filter(|(_, ty)| ty.is_composite());
        Self {
            composites: composites.map(|(name, ty)| (name.clone(), rows(ty))).collect(),
            mutation: registry.mutation_type.clone(),
            subscription: registry.subscription_type.clone(),
        }
    }

    /// The directives of a field.
    pub(super) fn invocations(&self, parent: &str, field: &MetaField) -> Vec<MetaDirectiveInvocation> {
        let weight = self.weight(parent, field);
        let cost = weight.map(|weight| invocation("cost", [("weight", Value::from(weight.to_string()))]));
        cost.into_iter().chain(self.size(parent, field)).collect()
    }

    fn weight(&self, parent: &str, field: &MetaField) -> Option<u32> {
        let listed = WEIGHTS.iter().find(|(ty, name, _)| (*ty, *name) == (parent, field.name.as_str()));
        match listed {
            Some((.., weight)) => Some(*weight),
            None if self.mutation.as_deref() == Some(parent) => Some(MUTATION),
            None if self.subscription.as_deref() == Some(parent) => Some(SUBSCRIPTION),
            None if field.name == "totalCount" => Some(TOTAL),
            None => None,
        }
    }

    fn size(&self, parent: &str, field: &MetaField) -> Option<MetaDirectiveInvocation> {
        let rows = self.composites.get(MetaTypeName::concrete_typename(&field.ty))?;
        let listed = SIZES.iter().find(|(ty, name, _)| (*ty, *name) == (parent, field.name.as_str()));
        let is_of_page = parent.ends_with("Connection") && ["edges", "nodes"].contains(&field.name.as_str());
        // Of mistakes there is hardly ever more than one.
        let is_short = field.name == "userErrors";
        match listed {
            Some((.., Size::Assumed(size))) => Some(list_size_of([("assumedSize", (*size).into())])),
            Some((.., Size::Sliced(argument, list))) => Some(list_size_of([
                ("slicingArguments", value!([*argument])),
                ("sizedFields", value!([*list])),
            ])),
            None if field.args.contains_key("first") => Some(paged(field, rows)),
            None if field.ty.contains('[') && !is_of_page && !is_short => {
                Some(list_size_of([("assumedSize", ASSUMED.into())]))
            }
            Some((.., Size::OfParent)) | None => None,
        }
    }
}

/// Of a field that answers with a page.
fn paged(field: &MetaField, rows: &[&'static str]) -> MetaDirectiveInvocation {
    let slicing: Vec<_> =
        ["first", "last"].into_iter().filter(|name| field.args.contains_key(*name)).collect();
    // Where `first` has a default, that counts.
    let assumed = field.args["first"].default_value.is_none().then_some(("assumedSize", DEFAULT_ROWS.into()));
    let texts = |names: &[&str]| Value::List(names.iter().map(|name| Value::from(*name)).collect());
    let told = [("slicingArguments", texts(&slicing)), ("sizedFields", texts(rows))];
    list_size_of(assumed.into_iter().chain(told))
}

fn list_size_of(args: impl IntoIterator<Item = (&'static str, Value)>) -> MetaDirectiveInvocation {
    invocation("listSize", args)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::BaseType;

    use crate::graphql::precheck::types::{Types, named};
    use crate::graphql::schema;

    /// By construction; this holds the construction.
    #[test]
    fn every_list_of_objects_has_a_size() {
        let types = Types::from_sdl(&schema::sdl()).expect("the library reads the SDL that it writes");
        let names = types.names().flat_map(|ty| types.field_names(ty).map(move |name| (ty, name)));
        let mut lists = 0;
        for (ty, name) in names {
            let field = types.field(ty, name).expect("it has this name");
            let by_parent = ty.ends_with("Connection") && ["edges", "nodes"].contains(&name)
                || (ty, name) == ("CampaignEventBatch", "events");
            if name != "userErrors"
                && matches!(field.ty.base, BaseType::List(_))
                && !types.is_leaf(named(&field.ty))
            {
                lists += 1;
                assert!(field.list.is_some() != by_parent, "{ty}.{name} has no size, or two");
            }
        }
        assert!(lists > 20, "the schema has lists");
    }
}
