//! Documents that are refused, and documents that must pass.

use async_graphql::{Value, Variables, value};
use proptest::prelude::*;

use super::*;

const SDL: &str = "
    type Query { me: User node(id: ID!): Node users(first: Int! = 20, filter: Filter, ids: [ID!]): [User!]! }
    interface Node { id: ID! }
    type User implements Node { id: ID! name: String age: Int! friend: User friends(first: Int): [User!]! }
    type Dog implements Node { id: ID! name: String! owner: User }
    input Filter { name: String! age: Int limit: Int! = 3 }
    type Subscription { ticks(every: Int): Int! other: Int! }
";

fn run_with(query: &str, variables: Value) -> Result<(), String> {
    let types = Types::from_sdl(SDL).expect("the SDL above is well formed");
    let name = query.contains("query Named").then_some("Named");
    let checked = check(&types, &Limits::default(), query).and_then(|document| {
        let operation = resolve(&document, name)?;
        let errors = variables::check(&types, operation, &Variables::from_value(variables));
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    });
    let told = |errors: Vec<ServerError>| errors.into_iter().map(|error| error.message).collect::<Vec<_>>();
    checked.map_err(|errors| told(errors).join("; "))
}

fn run(query: &str) -> Result<(), String> {
    run_with(query, value!({}))
}

fn refused(query: &str) -> String {
    run(query).expect_err("the document should be refused")
}

fn repeated(times: usize, part: impl Fn(usize) -> String) -> String {
    (0..times).map(part).collect()
}

#[test]
fn ordinary_documents_pass() {
    for query in [
        "{ me { id name friends(first: 3) { ...F } } } fragment F on User { id friend { id } }",
        "{ a: me { id } b: me { name } }",
        "{ node(id: \"x\") { ... on User { label: id } ... on Dog { label: id } } }",
        "{ node(id: \"x\") { ... on User { x: friend { y: name } } ... on Dog { x: owner { y: name } } } }",
        "subscription { ticks }",
        "query Named { me { id } } query Other { me { id } }",
        "{ __schema { types { name fields { name type { ofType { ofType { ofType { name } } } } } } } }",
    ] {
        run(query).expect("the document should pass");
    }
}

#[test]
fn deep_documents_are_refused_before_the_parse() {
    for (open, close) in [("{a", "}"), ("{a(b:[", "])}"), ("{a(b:{c:", "})}")] {
        let query = format!("{}{}", open.repeat(300), close.repeat(300));
        assert!(refused(&query).contains("brackets"));
    }
    assert!(refused(&"[".repeat(120_000)).contains("tokens"));
}

#[test]
fn depth_counts_fields_and_not_fragments() {
    let nested = |depth: usize| {
        format!("{{ me {} }}", "{ friend ".repeat(depth - 1) + "{ id }" + &" }".repeat(depth - 1))
    };
    run(&nested(19)).expect("twenty fields deep");
    assert!(refused(&nested(20)).contains("deeper than 20"));
}

#[test]
fn fan_out_through_fragments_is_refused() {
    let links = repeated(30, |n| format!(" fragment F{n} on User {{ ...F{0} ...F{0} }}", n + 1));
    let query = format!("{{ me {{ ...F0 }} }}{links} fragment F30 on User {{ id }}");
    assert!(refused(&query).contains("more than 5000"));
}

#[test]
fn long_chains_of_fragments_are_refused() {
    let links = repeated(400, |n| format!(" fragment F{n} on User {{ ...F{} }}", n + 1));
    assert!(refused(&format!("{{ me {{ ...F0 }} }}{links}")).contains("nested too deeply"));
}

#[test]
fn cycles_are_refused_as_cycles() {
    let query =
        "{ me { ...A } } fragment A on User { friend { ...B } } fragment B on User { friend { ...A } }";
    assert!(refused(query).contains("spreads itself"));
}

#[test]
fn aliases_directives_and_circular_introspection_are_limited() {
    let aliases = repeated(31, |n| format!("a{n}: me {{ id }} "));
    assert!(refused(&format!("{{ {aliases} }}")).contains("more than 30 aliases"));
    assert!(refused(&format!("{{ me {} {{ id }} }}", "@a ".repeat(51))).contains("directives"));
    let circle = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert!(refused(circle).contains("circles"));
    run(&format!("{{ {} }}", "me { id } ".repeat(600))).expect("a repeated field is one field");
}

#[test]
fn subscriptions_have_one_unconditional_root_field() {
    for query in [
        "subscription { ticks other }",
        "subscription { a: ticks b: ticks }",
        "subscription { __typename }",
        "subscription { ticks @include(if: true) }",
        "subscription { ...F @skip(if: false) } fragment F on Subscription { ticks }",
    ] {
        assert!(refused(query).contains("root"), "{query}");
    }
}

#[test]
fn conflicting_fields_are_refused_at_any_depth() {
    for query in [
        "{ me { x: id x: name } }",
        "{ me { friend { x: id } } me { friend { x: name } } }",
        "{ me { friends(first: 1) { id } friends(first: 2) { id } } }",
        "{ me { ...A ...B } } fragment A on User { friend { x: age } } fragment B on User { friend { x: id } }",
        "{ node(id: \"x\") { ... on User { x: age } ... on Dog { x: name } } }",
        "{ node(id: \"x\") { id ... on Dog { id: name } } }",
    ] {
        assert!(refused(query).contains("conflict"), "{query}");
    }
}

#[test]
fn nullable_variables_do_not_stand_where_null_is_refused() {
    for query in [
        "query($id: ID) { node(id: $id) { id } }",
        "query($name: String) { users(filter: { name: $name }) { id } }",
        "query($ids: [ID]) { users(ids: $ids) { id } }",
        "query($id: ID) { users(ids: [$id]) { id } }",
        "query($b: Boolean) { me @include(if: $b) { id } }",
        "query($id: ID) { ...F } fragment F on Query { node(id: $id) { id } }",
    ] {
        assert!(refused(query).contains("can't stand"), "{query}");
    }
    for query in [
        "query($id: ID = \"x\") { node(id: $id) { id } }",
        "query($first: Int) { users(first: $first) { id } }",
        "query($limit: Int) { users(filter: { name: \"a\", limit: $limit }) { id } }",
    ] {
        run(query).expect("null is accepted or never comes");
    }
}

#[test]
fn required_variables_need_a_value() {
    let query = "query($id: ID!) { node(id: $id) { id } }";
    run_with(query, value!({ "id": "x" })).expect("given");
    assert!(refused(query).contains("needs a value"));
    assert!(run_with(query, value!({ "id": null })).is_err());
}

#[test]
fn the_operation_is_chosen_by_name() {
    assert!(refused("query A { me { id } } query B { me { id } }").contains("several operations"));
    assert!(
        refused("fragment F on User { id } query A { me { id } } query B { me { ...F } }")
            .contains("several")
    );
    run("query Named { me { id } } query B { me { id } }").expect("named");
}

proptest! {
    #[test]
    fn any_text_is_answered(query in "[a-z{}()\\[\\]:$@.\" ]{0,120}") {
        let _ = run(&query);
    }
}

#[test]
fn unknown_fields_are_told_with_what_is_like_them() {
    assert_eq!(refused("{ me { nam } }"), "Unknown field \"nam\" on type \"User\". Did you mean \"name\"?");
    assert_eq!(refused("{ me { xyz } }"), "Unknown field \"xyz\" on type \"User\".");
    let fragments =
        "{ node(id: \"x\") { ...F ... on Dog { nope } } } fragment F on User { nope { nope } nope }";
    assert_eq!(refused(fragments).matches("Unknown field").count(), 3, "what is below one is not looked at");
    let long = "a".repeat(10_000);
    assert!(!refused(&format!("{{ me {{ name{long} }} }}")).contains("Did you mean"));
    let many = format!("{{ {} }}", repeated(3_000, |n| format!("hell{n} ")));
    assert_eq!(refused(&many).matches("Unknown field").count(), 20);
}
