//! The same documents answered by our engine and by graphql-js, whose answers are committed beside them.
//!
//! `tests/clients/differential` holds the documents, the schema, and the test that the answers are those of graphql-js.
//! A case that differs on purpose says why, and what we answer; `docs/graphql-differences.md` lists them.

mod schema;

use std::net::IpAddr;
use std::path::PathBuf;

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, ServerError, ValidationMode};
use futures_util::StreamExt;
use muster::clock::Clock;
use muster::graphql::context::{Place, RequestContext};
use muster::graphql::precheck::types::Types;
use muster::graphql::transport::encode::{Payload, encode};
use muster::graphql::transport::engine::{Engine, Outcome, Unprepared};
use muster::graphql::transport::points::Points;
use muster::graphql::transport::{CostSettings, TransportSettings};
use muster::graphql::validation::Validator;
use muster::policy::Actor;
use serde::Deserialize;
use serde_json::{Value, json};

/// A document, and what became of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: Value,
    /// What graphql-js answers.
    answer: Value,
    /// What we answer instead, and why.
    ours: Option<Ours>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ours {
    because: String,
    answer: Value,
}

/// The cases of one file, by its name.
fn cases(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases").join(name)).expect("the file is there");
    serde_json::from_str(&text).expect("it holds cases")
}

fn folder() -> PathBuf {
    root().join("tests/clients/differential")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn answers_are_those_of_graphql_js() {
    let files = std::fs::read_dir(folder().join("cases")).expect("the folder is there");
    let mut names: Vec<_> =
        files.map(|file| file.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let documented = root().join("docs/graphql-differences.md");
    let documented = std::fs::read_to_string(documented).expect("the file is there");
    let (mut asked, mut wrong) = (0, Vec::new());
    for file in names {
        for case in cases(&file) {
            asked += 1;
            let answer = if file.starts_with("muster-") {
                validated(&case.request)
            } else {
                answered(&case.request).await
            };
            let expected = match &case.ours {
                Some(ours) => {
                    assert!(documented.contains(&ours.because), "{} is not in the documentation", case.name);
                    assert_ne!(ours.answer, case.answer, "{} does not differ", case.name);
                    &ours.answer
                }
                None => &case.answer,
            };
            // As text, for the order of keys counts too.
            let (answer, expected) = (answer.to_string(), expected.to_string());
            if answer != expected {
                wrong.push(format!("{file}: {}\n  ours     {answer}\n  expected {expected}", case.name));
            }
        }
    }
    assert!(asked >= 60, "{asked} documents");
    assert!(wrong.is_empty(), "{} of {asked} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn both_sides_have_one_schema() {
    let sdl = std::fs::read_to_string(folder().join("schema.graphql")).expect("the file is there");
    assert_eq!(sdl, schema::builder().finish().sdl(), "{sdl}");
}

/// What our schema says of a document.
fn validated(request: &Value) -> Value {
    let executor = schema::builder().finish();
    let types = Types::from_sdl(&muster::graphql::schema::sdl()).expect("the library reads what it writes");
    let settings = settings();
    let validator = muster::graphql::schema::validator();
    let engine = Engine::new(executor, validator, types, points(), &settings);
    match engine.prepare(read(request), context()) {
        Err(refused) => compared(&Outcome::Refused(errors(refused))),
        Ok(_) => json!({ "refused": null }),
    }
}

/// What the schema for tests answers: one answer, or a list of them for a subscription that began.
async fn answered(request: &Value) -> Value {
    let executor = schema::builder().validation_mode(ValidationMode::Fast).finish();
    let types = Types::from_sdl(&executor.sdl()).expect("the library reads what it writes");
    let settings = settings();
    let engine = Engine::new(executor, Validator::new(schema::builder()), types, points(), &settings);
    match engine.prepare(read(request), context()) {
        Err(refused) => compared(&Outcome::Refused(errors(refused))),
        Ok(prepared) if prepared.operation == OperationType::Subscription => {
            let outcomes: Vec<_> = engine.subscribe(prepared).collect().await;
            match &outcomes[..] {
                [refused @ Outcome::Refused(_)] => compared(refused),
                outcomes => outcomes.iter().map(compared).collect(),
            }
        }
        Ok(prepared) => compared(&engine.execute(prepared).await),
    }
}

/// Everybody may read the schema, as with graphql-js.
fn settings() -> TransportSettings {
    TransportSettings { anonymous_introspection: true, ..TransportSettings::default() }
}

fn points() -> Points {
    Points::new(&CostSettings::default(), Clock::System)
}

fn errors(refused: Unprepared) -> Vec<ServerError> {
    match refused {
        Unprepared::Document(errors) => errors,
        Unprepared::Caller(refusal) => panic!("{refusal:?}"),
    }
}

fn read(request: &Value) -> Request {
    serde_json::from_value(request.clone()).expect("a request")
}

fn context() -> RequestContext {
    let source = IpAddr::from([127, 0, 0, 1]);
    RequestContext {
        actor: Actor::Anonymous,
        source,
        request_id: "req_1".to_owned(),
        agent: None,
        cookie: None,
        place: Place::default(),
    }
}

/// What is compared of an answer: data with its order, and of errors the path and the code; of refusals the code.
fn compared(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Refused(errors) => {
            let code = errors[0].extensions.as_ref().and_then(|extensions| extensions.get("code"));
            json!({ "refused": code })
        }
        Outcome::Executed(response) => {
            let text = encode(&Payload::executed(response));
            let mut answer: Value = serde_json::from_slice(&text).expect("JSON");
            let errors = answer["errors"].as_array().into_iter().flatten().map(|error| {
                json!({ "message": error["message"], "path": error["path"],
                    "at": error["locations"][0], "code": error["extensions"]["code"] })
            });
            let errors: Vec<_> = errors.collect();
            let data = answer["data"].take();
            if errors.is_empty() {
                json!({ "data": data })
            } else {
                json!({ "data": data, "errors": errors })
            }
        }
    }
}
