//! What documents are rewritten to.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{Selection, SelectionSet};
use async_graphql::{Value, Variables, value};

use super::*;
use crate::graphql::precheck::operation;

const SDL: &str = "
    type Query { me: User you: User node: Node any: Any list(first: Int! = 3, ids: [ID!], by: By): [User!]! }
    type Subscription { ticks: User }
    input By { id: ID name: String }
    interface Node { id: ID! label: String }
    type User implements Node { id: ID! label: String! name: String friend: User }
    type Dog implements Node { id: ID! label: String owner: User }
    union Any = User | Dog
";

fn planned(query: &str, variables: Value) -> Plan {
    let types = Types::from_sdl(SDL).expect("the SDL above is well formed");
    let document = parse_query(query).expect("the query is well formed");
    let operation = operation(&document, None).expect("there is one operation");
    Plan::of(&types, &document, operation, &Variables::from_value(variables)).expect("it is small")
}

/// The rewritten operation as text.
fn rewritten_with(query: &str, variables: Value) -> String {
    let plan = planned(query, variables);
    text(&operation(&plan.document, None).expect("there is one operation").selection_set.node)
}

fn rewritten(query: &str) -> String {
    rewritten_with(query, value!({}))
}

fn text(set: &SelectionSet) -> String {
    let items = set.items.iter().map(|item| match &item.node {
        Selection::Field(field) => {
            let field = &field.node;
            let alias = field.alias.as_ref().map(|alias| format!("{}:", alias.node)).unwrap_or_default();
            let arguments: String = field
                .arguments
                .iter()
                .map(|(name, value)| format!("({}:{})", name.node, value.node))
                .collect();
            format!("{alias}{}{arguments}{}", field.name.node, text(&field.selection_set.node))
        }
        Selection::InlineFragment(inline) => {
            let condition =
                inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.clone());
            format!(
                "on {}{}",
                condition.unwrap_or_else(|| Name::new("?")),
                text(&inline.node.selection_set.node)
            )
        }
        Selection::FragmentSpread(spread) => format!("...{}", spread.node.fragment_name.node),
    });
    let items: Vec<_> = items.collect();
    if items.is_empty() { String::new() } else { format!("{{{}}}", items.join(" ")) }
}

#[test]
fn what_answers_under_one_key_is_one_field() {
    assert_eq!(rewritten("{ me { id } you { id } me { name id } }"), "{me{id name} you{id}}");
    let query =
        "{ ...A ...B } fragment A on Query { me { id } } fragment B on Query { me { friend { id } } }";
    assert_eq!(rewritten(query), "{me{id friend{id}}}");
    let query = "subscription { ...A ticks { name } } fragment A on Subscription { ticks { id } }";
    assert_eq!(rewritten(query), "{ticks{id name}}");
}

#[test]
fn conditions_are_decided_also_by_defaults() {
    let query =
        "query($a: Boolean! = true, $b: Boolean!) { x: me @skip(if: $a) { id } y: me @include(if: $b) { id }
        ... @include(if: $a) { z: me { id } } you { id name @skip(if: true) } }";
    assert_eq!(rewritten_with(query, value!({ "b": false })), "{z:me{id} you{id}}");
}

#[test]
fn arguments_whose_variable_is_not_given_are_left_out() {
    let query = "query($first: Int, $ids: [ID!], $id: ID, $d: String = \"d\") {
        list(first: $first, ids: $ids, by: { id: $id, name: $d }) { id } }";
    assert_eq!(rewritten(query), "{list(by:{name: $d}){id}}");
    assert_eq!(
        rewritten_with(query, value!({ "first": 1, "id": null })),
        "{list(first:$first)(by:{id: $id, name: $d}){id}}"
    );
}

#[test]
fn fragments_stay_only_where_the_type_is_open() {
    assert_eq!(
        rewritten("{ me { ... on Node { id } ... on Any { ... on Dog { owner { id } } } } }"),
        "{me{id}}"
    );
    assert_eq!(rewritten("{ node { id ... on Dog { owner { id } } } }"), "{node{id on Dog{owner{id}}}}");
    assert_eq!(rewritten("{ any { ... on Node { id } __typename } }"), "{any{id __typename}}");
}

#[test]
fn what_depends_on_the_type_is_written_out_for_each() {
    let both = "{node{*:__typename on Dog{id owner{id}} on User{id name}}}";
    assert_eq!(rewritten("{ node { id ... on User { name id } ... on Dog { owner { id } } } }"), both);
    // The interface allows a null that one of its types does not.
    assert_eq!(rewritten("{ node { label } }"), "{node{*:__typename on Dog{label} on User{label}}}");
}

#[test]
fn an_object_without_a_key_is_no_null() {
    assert_eq!(rewritten("{ me { id @skip(if: true) } }"), "{me{*:__typename}}");
    assert_eq!(rewritten("{ me @skip(if: true) { id } }"), "{*:__typename}");
    assert_eq!(rewritten("{ any { ... on Dog { id } } }"), "{any{*:__typename on Dog{id}}}");
    let mut data = value!({ "any": [{ "*": "User" }, { "*": "Dog", "id": "a" }] });
    planned("{ any { ... on Dog { id } } }", value!({})).shape.arrange(&mut data);
    assert_eq!(data, value!({ "any": [{}, { "id": "a" }] }));
}

#[test]
fn answers_are_brought_into_the_order_of_the_document() {
    let arranged = |query: &str, mut data: Value| {
        planned(query, value!({})).shape.arrange(&mut data);
        data.to_string()
    };
    let data = value!({ "you": null, "me": { "name": "a", "id": "b" } });
    assert_eq!(arranged("{ me { id name } you { id } }", data), "{me: {id: \"b\", name: \"a\"}, you: null}");
    let query = "{ node { ... on User { name id } ... on Dog { id owner { id } } } }";
    let data = value!({ "node": { "id": "a", "*": "User", "name": "b" } });
    assert_eq!(arranged(query, data), "{node: {name: \"b\", id: \"a\"}}");
}
