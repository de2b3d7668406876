//! A schema whose resolvers fail, refuse and wait wherever they can; `tests/clients/differential/resolvers.js` is the
//! same in JavaScript.

use std::future::ready;
use std::sync::atomic::{AtomicI32, Ordering};

use async_graphql::{
    Context, Enum, Error, ErrorExtensions, Guard, ID, InputObject, Interface, Object, OneofObject, Result,
    Schema, SchemaBuilder, Subscription, Union,
};
use futures_util::{Stream, StreamExt, stream};

/// The schema, new for each request: its counter begins at 0.
pub fn builder() -> SchemaBuilder<Query, Mutation, Events> {
    Schema::build(Query, Mutation::default(), Events)
}

fn failure(what: &str) -> Error {
    Error::new(what).extend_with(|_, extensions| extensions.set("code", "FAILED"))
}

/// Fails.
async fn fail<T>() -> Result<T> {
    ready(Err(failure("failed"))).await
}

/// Lets nobody through.
struct Closed;

impl Guard for Closed {
    async fn check(&self, _: &Context<'_>) -> Result<()> {
        ready(Err(failure("refused"))).await
    }
}

/// Lets other fields go first.
async fn wait() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Color {
    Red,
    Green,
}

#[derive(Debug, InputObject)]
pub struct Filter {
    name: String,
    color: Option<Color>,
    #[graphql(default = 3)]
    limit: i32,
    inner: Option<Box<Filter>>,
    tags: Option<Vec<String>>,
}

#[derive(Debug, OneofObject)]
pub enum Pick {
    Id(ID),
    Name(String),
    Filter(Filter),
}

/// A thing with a number.
pub struct Thing(i32);

#[Object]
impl Thing {
    async fn id(&self) -> ID {
        ID(format!("thing_{}", self.0))
    }

    async fn name(&self) -> String {
        format!("Thing {}", self.0)
    }

    async fn number(&self) -> i32 {
        self.0
    }

    async fn slow(&self) -> i32 {
        wait().await;
        self.0
    }

    async fn label(&self) -> String {
        format!("label {}", self.0)
    }

    async fn nothing(&self) -> Option<i32> {
        None
    }

    async fn failing(&self) -> Result<Option<i32>> {
        fail().await
    }

    async fn must_fail(&self) -> Result<i32> {
        fail().await
    }

    async fn slow_must_fail(&self) -> Result<i32> {
        wait().await;
        fail().await
    }

    /// Fails for odd numbers.
    async fn must_be_even(&self) -> Result<i32> {
        if self.0 % 2 == 0 { Ok(self.0) } else { fail().await }
    }

    #[graphql(guard = "Closed")]
    async fn guarded(&self) -> Option<i32> {
        Some(self.0)
    }

    #[graphql(guard = "Closed")]
    async fn must_guarded(&self) -> i32 {
        self.0
    }

    async fn child(&self) -> Option<Thing> {
        Some(Thing(self.0 + 1))
    }

    async fn must_child(&self) -> Thing {
        Thing(self.0 + 1)
    }

    async fn slow_child(&self) -> Option<Thing> {
        wait().await;
        Some(Thing(self.0 + 1))
    }

    async fn children(&self) -> Option<Vec<Thing>> {
        Some(self.three())
    }

    async fn must_children(&self) -> Vec<Thing> {
        self.three()
    }

    async fn maybe_children(&self) -> Vec<Option<Thing>> {
        self.three().into_iter().map(Some).collect()
    }

    async fn failing_children(&self) -> Result<Option<Vec<Thing>>> {
        fail().await
    }

    async fn rows(&self) -> Vec<Vec<Thing>> {
        vec![self.three(), Vec::new(), vec![Thing(9)]]
    }

    async fn maybe_rows(&self) -> Option<Vec<Option<Vec<Option<Thing>>>>> {
        Some(vec![Some(vec![Some(Thing(2)), None, Some(Thing(3))]), None, Some(Vec::new())])
    }

    async fn any(&self) -> Vec<Any> {
        vec![Any::Thing(Thing(self.0 + 1)), Any::Other(Other(self.0 + 2))]
    }

    async fn node(&self) -> Option<Node> {
        Some(Node::Other(Other(self.0)))
    }
}

impl Thing {
    fn three(&self) -> Vec<Thing> {
        (0..3).map(|n| Thing(self.0 + n)).collect()
    }
}

/// Something else with a number.
pub struct Other(i32);

#[Object]
impl Other {
    async fn id(&self) -> ID {
        ID(format!("other_{}", self.0))
    }

    async fn label(&self) -> Result<Option<String>> {
        fail().await
    }

    async fn number(&self) -> i32 {
        self.0
    }

    async fn size(&self) -> Option<i32> {
        Some(self.0 * 10)
    }

    async fn must_fail(&self) -> Result<i32> {
        fail().await
    }

    async fn thing(&self) -> Option<Thing> {
        wait().await;
        Some(Thing(self.0))
    }
}

/// What has an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"), field(name = "label", ty = "Option<String>"))]
pub enum Node {
    Thing(Thing),
    Other(Other),
}

/// A thing or something else.
#[derive(Union)]
pub enum Any {
    Thing(Thing),
    Other(Other),
}

pub struct Query;

#[Object]
impl Query {
    async fn thing(&self) -> Option<Thing> {
        Some(Thing(1))
    }

    async fn must_thing(&self) -> Thing {
        Thing(2)
    }

    async fn slow(&self) -> i32 {
        wait().await;
        7
    }

    async fn things(&self) -> Option<Vec<Thing>> {
        Some(vec![Thing(2), Thing(3), Thing(4)])
    }

    async fn failing(&self) -> Result<Option<i32>> {
        fail().await
    }

    #[graphql(guard = "Closed")]
    async fn guarded(&self) -> Option<Thing> {
        Some(Thing(1))
    }

    async fn must_fail(&self) -> Result<i32> {
        fail().await
    }

    async fn grid(&self) -> Vec<Vec<i32>> {
        vec![vec![1, 2], Vec::new(), vec![3]]
    }

    async fn holes(&self) -> Option<Vec<Option<Vec<Option<i32>>>>> {
        Some(vec![Some(vec![Some(1), None]), None, Some(Vec::new())])
    }

    async fn any(&self) -> Vec<Any> {
        vec![Any::Thing(Thing(1)), Any::Other(Other(2)), Any::Thing(Thing(3))]
    }

    async fn node(&self, id: ID) -> Option<Node> {
        match id.as_str() {
            "thing" => Some(Node::Thing(Thing(1))),
            "other" => Some(Node::Other(Other(2))),
            _ => None,
        }
    }

    /// Tells what it was given.
    #[expect(clippy::too_many_arguments, reason = "an argument of each kind")]
    async fn echo(
        &self,
        #[graphql(default = 3)] int: i32,
        float: Option<f64>,
        text: Option<String>,
        flag: Option<bool>,
        id: Option<ID>,
        color: Option<Color>,
        filter: Option<Filter>,
        ids: Option<Vec<ID>>,
        matrix: Option<Vec<Vec<i32>>>,
    ) -> String {
        let matrix = matrix.map(|rows| rows.iter().map(|row| told_list(row)).collect::<Vec<_>>());
        [
            format!("int={int}"),
            format!("float={}", told(float)),
            format!("text={}", told(text)),
            format!("flag={}", told(flag)),
            format!("id={}", told(id.map(|id| id.0))),
            format!("color={}", told(color.map(word))),
            format!("filter={}", told(filter.as_ref().map(told_filter))),
            format!(
                "ids={}",
                told(ids.map(|ids| told_list(&ids.iter().map(|id| &id.0).collect::<Vec<_>>())))
            ),
            format!("matrix={}", told(matrix.map(|rows| told_list(&rows)))),
        ]
        .join(" ")
    }

    async fn must_echo(&self, int: i32, ids: Vec<ID>) -> String {
        format!("{int} {}", told_list(&ids.iter().map(|id| &id.0).collect::<Vec<_>>()))
    }

    async fn pick(&self, by: Pick) -> String {
        match by {
            Pick::Id(id) => format!("id {}", id.0),
            Pick::Name(name) => format!("name {name}"),
            Pick::Filter(filter) => format!("filter {}", told_filter(&filter)),
        }
    }
}

fn told(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn told_list<T: ToString>(items: &[T]) -> String {
    format!("[{}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

fn told_filter(filter: &Filter) -> String {
    let Filter { name, color, limit, inner, tags } = filter;
    let (inner, tags) =
        (inner.as_ref().map(|inner| told_filter(inner)), tags.as_ref().map(|tags| told_list(tags)));
    format!("{{{name} {} {limit} {} {}}}", told(color.map(word)), told(inner), told(tags))
}

fn word(color: Color) -> &'static str {
    match color {
        Color::Red => "RED",
        Color::Green => "GREEN",
    }
}

#[derive(Default)]
pub struct Mutation(AtomicI32);

#[Object]
impl Mutation {
    /// Adds to the counter of the request, and tells it.
    async fn add(&self, n: i32) -> i32 {
        wait().await;
        self.0.fetch_add(n, Ordering::SeqCst) + n
    }

    /// Adds one, and tells the thing of that number.
    async fn make(&self) -> Option<Thing> {
        Some(Thing(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }

    async fn failing(&self) -> Result<Option<i32>> {
        fail().await
    }
}

pub struct Events;

#[Subscription]
impl Events {
    /// Things from 1.
    async fn things(&self, to: i32) -> impl Stream<Item = Option<Thing>> + use<> {
        stream::iter(1..=to).map(|n| Some(Thing(n)))
    }

    async fn must_things(&self, to: i32) -> impl Stream<Item = Thing> + use<> {
        stream::iter(1..=to).map(Thing)
    }

    async fn unwilling(&self) -> Result<stream::Empty<i32>> {
        fail().await
    }
}
