//! Documents that nobody would write, made from the schema by a seed: none gets a fault of ours for an answer, and each
//! costs what the directives of the schema say.

use async_graphql::Value as Constant;
use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind};
use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::block_on;
use crate::harness::personas::Person;
use crate::harness::sdl::{Schema, named};
use crate::harness::seeds::{Dice, is_long, seeds};
use crate::harness::server::{Backend, TestServer};
use crate::harness::world::World;

/// Fields that would end the caller's own session.
const LEFT_OUT: &[&str] =
    &["logout", "revokeSession", "rotateSigningKey", "changePassword", "deleteUser", "updateUser"];

/// Documents of one seed.
fn count() -> usize {
    if is_long() { 2_000 } else { 250 }
}

/// Bytes by which the process may grow from the end of the first seed to that of the last.
const GROWTH: usize = 256 << 20;

/// Bytes of memory that the process holds.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("the system tells");
    let pages: usize = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * rustix::param::page_size()
}

/// As an admin, as somebody who may little, and as nobody. In the long tier the process does not grow either.
#[test]
#[expect(clippy::print_stdout, reason = "the memory is a figure for the person who runs the long tier")]
fn no_document_makes_a_fault() {
    block_on(async {
        let settings = &[
            ("graphql.rate_limit", "1000000000"),
            ("graphql.anonymous_rate_limit", "1000000000"),
            ("graphql.max_cost", "500"),
        ];
        let server = TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is inside");
        let world = World::on(server).await;
        let schema = Schema::read();
        let mut memory = Vec::new();
        for seed in seeds() {
            let mut dice = Dice::of(seed);
            let mut host = world.host(&format!("web-{seed}")).await;
            let campaign = world.admin.start("select 1").await;
            host.poll().await.expect("an answer");
            let team = world.team(&format!("berlin-{seed}")).await;
            let little = world.person(&format!("little-{seed}"), Role::Observer, Some(&team)).await;
            let ids =
                vec![campaign, team.public_id.to_string(), little.id().await.to_string(), "hst_1".to_owned()];
            let people = [&world.admin, &world.admin, &little, &world.anonymous()];
            let (mut executed, mut dear) = (0, 0);
            for _ in 0..count() {
                let person = *dice.one_of(&people);
                let document = Writer { schema: &schema, dice: &mut dice, ids: &ids, names: 0, wrong: false }
                    .operation();
                let outcome = hold(person, &document).await;
                executed += usize::from(outcome == Outcome::Executed);
                dear += usize::from(outcome == Outcome::TooDear);
            }
            assert!(executed * 4 > count(), "{executed} of {} documents were executed", count());
            assert!(dear > 0, "some are too dear");
            memory.push(resident());
        }
        let (first, last) = (memory[0], memory[memory.len() - 1]);
        println!("{first} bytes of memory after the first seed, {last} after the last");
        assert!(!is_long() || last < first + GROWTH, "{memory:?}");
        let viewer = world.admin.ask("{ viewer { role } }", json!({})).await;
        assert_eq!(viewer["viewer"]["role"], "ADMIN", "it lives");
    });
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Executed,
    Refused,
    TooDear,
}

/// Sends a document and holds its answer to what every answer must be.
async fn hold(person: &Person, document: &Document) -> Outcome {
    let answer = person.post(&json!({ "query": document.text })).await;
    let text = &document.text;
    assert!(answer.status < 500, "{}: {text}", answer.status);
    let answer = answer.json();
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    assert!(errors.len() <= 20, "{text}: {answer}");
    for error in &errors {
        let extensions = &error["extensions"];
        let code = extensions["code"].as_str().unwrap_or_else(|| panic!("no code: {text}: {answer}"));
        assert!(!["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"].contains(&code), "{text}: {answer}");
        assert!(extensions["requestId"].is_string(), "{text}: {answer}");
        if let Some(cost) = extensions["cost"].as_u64() {
            assert!(
                document.wrong || cost == document.cost + 1,
                "{} and not {cost}: {text}",
                document.cost + 1
            );
            return Outcome::TooDear;
        }
    }
    match &answer["extensions"]["cost"]["requested"] {
        Value::Null => Outcome::Refused,
        cost => {
            assert!(
                document.wrong || *cost == document.cost + 1,
                "{} and not {cost}: {text}",
                document.cost + 1
            );
            Outcome::Executed
        }
    }
}

/// A document, and what its fields cost.
struct Document {
    text: String,
    cost: u64,
    /// Something in it is wrong on purpose.
    wrong: bool,
}

/// Writes one document.
struct Writer<'a> {
    schema: &'a Schema,
    dice: &'a mut Dice,
    ids: &'a [String],
    names: usize,
    wrong: bool,
}

/// The lists in an object: which of its fields, and how long.
#[derive(Default)]
struct Sized {
    fields: Vec<String>,
    size: u64,
}

impl Writer<'_> {
    fn operation(mut self) -> Document {
        let (keyword, root) =
            *self.dice.one_of(&[("query", "Query"), ("query", "Query"), ("mutation", "Mutation")]);
        let (mut text, mut cost) = (String::new(), 0);
        for _ in 0..=self.dice.below(2) {
            let fields = self.schema.fields(root);
            let field = *self.dice.one_of(&fields);
            if !LEFT_OUT.contains(&field.name.node.as_str()) {
                let (more, costs) = self.field(field, 0, &Sized::default());
                (text, cost) = (text + &more, cost + costs);
            }
        }
        Document { text: format!("{keyword} {{ __typename {text}}}"), cost, wrong: self.wrong }
    }

    /// A field under a name of its own, and its cost.
    fn field(&mut self, field: &FieldDefinition, depth: usize, sized: &Sized) -> (String, u64) {
        let arguments = self.arguments(field);
        let ty = named(&field.ty.node).to_owned();
        let list = directive(field, "listSize");
        let length = list.as_ref().map(|list| length(list, field, &arguments));
        let names: Vec<_> = list.iter().flat_map(|list| texts(list, "sizedFields")).collect();
        let below = Sized { fields: names, size: length.unwrap_or_default() };
        let (selection, inner) = if self.schema.is_composite(&ty) {
            self.selection(&ty, depth + 1, &below)
        } else {
            (String::new(), 0)
        };
        let own = directive(field, "cost")
            .map(|cost| cost["weight"].to_string().trim_matches('"').parse().expect("a number"));
        let own = own.unwrap_or_else(|| u64::from(self.schema.is_composite(&ty)));
        let times = match length {
            _ if sized.fields.iter().any(|name| *name == field.name.node.as_str()) => sized.size,
            Some(length) if below.fields.is_empty() => length,
            _ => 1,
        };
        self.names += 1;
        let written: Vec<_> = arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let written = if written.is_empty() { String::new() } else { format!("({})", written.join(", ")) };
        let (condition, counts) = *self.dice.one_of(&[
            ("", 1),
            ("", 1),
            ("", 1),
            ("@include(if: true)", 1),
            ("@skip(if: true)", 0),
        ]);
        let text = format!("f{}: {}{written} {condition} {selection} ", self.names, field.name.node);
        (text, (own + inner) * times * counts)
    }

    fn selection(&mut self, ty: &str, depth: usize, sized: &Sized) -> (String, u64) {
        let (mut text, mut cost) = ("__typename ".to_owned(), 0);
        let fields = self.schema.fields(ty);
        for _ in 0..=self.dice.below(4) {
            if fields.is_empty() {
                break;
            }
            let field = *self.dice.one_of(&fields);
            if depth < 6 || !self.schema.is_composite(named(&field.ty.node)) {
                let (more, costs) = self.field(field, depth, sized);
                (text, cost) = (text + &more, cost + costs);
            }
        }
        let objects = self.schema.objects(ty).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut dearest = 0;
        for object in objects.iter().filter(|_| depth < 4) {
            if self.dice.once_in(4) {
                let (more, costs) = self.selection(object, depth + 1, &Sized::default());
                text += &format!("... on {object} {{ {more}}} ");
                dearest = dearest.max(costs);
            }
        }
        (format!("{{ {text}}}"), cost + dearest)
    }

    fn arguments(&mut self, field: &FieldDefinition) -> Vec<(String, String)> {
        let mut given = Vec::new();
        for argument in &field.arguments {
            if let Some(value) = self.input(&argument.node) {
                given.push((argument.node.name.node.to_string(), value));
            }
        }
        given
    }

    /// A value for an argument or a field of an input object; none where it is left out.
    fn input(&mut self, input: &InputValueDefinition) -> Option<String> {
        let ty = &input.ty.node;
        let may_be_absent = ty.nullable || input.default_value.is_some();
        if may_be_absent && !self.dice.once_in(3) {
            return None;
        }
        if self.dice.once_in(60) {
            self.wrong = true;
            return Some(
                (*self.dice.one_of(&[
                    "null",
                    "{}",
                    "[[]]",
                    "1e400",
                    "\"x\"",
                    "NOTHING",
                    "-9223372036854775809",
                ]))
                .to_owned(),
            );
        }
        Some(self.value(ty))
    }

    fn value(&mut self, ty: &Type) -> String {
        let name = match &ty.base {
            BaseType::List(item) => {
                let items: Vec<_> = (0..self.dice.below(3)).map(|_| self.value(item)).collect();
                return format!("[{}]", items.join(", "));
            }
            BaseType::Named(name) => name.as_str(),
        };
        match name {
            "Int" => (*self.dice.one_of(&[
                "0",
                "1",
                "2",
                "5",
                "7",
                "100",
                "101",
                "-1",
                "2147483647",
                "-2147483648",
            ]))
            .to_owned(),
            "Boolean" => (*self.dice.one_of(&["true", "false"])).to_owned(),
            "ID" => format!("{:?}", self.dice.one_of(self.ids)),
            "DateTime" => (*self.dice.one_of(&[
                "\"2026-11-22T12:00:00Z\"",
                "\"9999-12-31T23:59:59.999+14:00\"",
                "\"yesterday\"",
            ]))
            .to_owned(),
            "UInt64" => "\"18446744073709551615\"".to_owned(),
            _ => self.declared(name),
        }
    }

    fn declared(&mut self, name: &str) -> String {
        match self.schema.kind(name) {
            Some(TypeKind::Enum(values)) => self.dice.one_of(&values.values).node.value.node.to_string(),
            Some(TypeKind::InputObject(object)) => {
                let is_one_of =
                    self.schema.ty(name).directives.iter().any(|one| one.node.name.node == "oneOf");
                let fields: Vec<_> = object.fields.iter().map(|field| &field.node).collect();
                let written: Vec<_> = if is_one_of {
                    let field = *self.dice.one_of(&fields);
                    vec![format!("{}: {}", field.name.node, self.value(&field.ty.node))]
                } else {
                    let value = |field: &&InputValueDefinition| {
                        Some(format!("{}: {}", field.name.node, self.input(field)?))
                    };
                    fields.iter().filter_map(value).collect()
                };
                format!("{{ {} }}", written.join(", "))
            }
            // A text.
            _ => {
                let texts = [
                    "\"\"",
                    "\"a\"",
                    "\"select 1\"",
                    "\"\\u0000\"",
                    "\"%_\\\\'; --\"",
                    "\"\\u202e\\ud83d\\ude00\"",
                    "\"a@b.test\"",
                    "\"host-1\"",
                    "\"\"\"block\"\"\"",
                ];
                (*self.dice.one_of(&texts)).to_owned()
            }
        }
    }
}

/// The arguments of a directive of a field, as JSON.
fn directive(field: &FieldDefinition, name: &str) -> Option<Value> {
    let found = field.directives.iter().find(|directive| directive.node.name.node == name)?;
    let arguments =
        found.node.arguments.iter().map(|(name, value)| {
            (name.node.to_string(), value.node.clone().into_json().expect("it is no file"))
        });
    Some(Value::Object(arguments.collect()))
}

fn texts(list: &Value, name: &str) -> Vec<String> {
    list[name].as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

/// How long the list of a field is by `@listSize`.
fn length(list: &Value, field: &FieldDefinition, given: &[(String, String)]) -> u64 {
    let said = texts(list, "slicingArguments").into_iter().filter_map(|name| {
        let default = || {
            let argument =
                field.arguments.iter().find(|argument| argument.node.name.node == name.as_str())?;
            match &argument.node.default_value.as_ref()?.node {
                Constant::Number(number) => number.as_i64(),
                _ => None,
            }
        };
        let given = given.iter().find(|(argument, _)| *argument == name);
        given.map_or_else(default, |(_, value)| value.parse().ok())
    });
    let said = said.max().or(list["assumedSize"].as_i64()).unwrap_or(1);
    u64::try_from(said).unwrap_or_default().min(1_000)
}
