//! Kinesis and Firehose: a record a line, many in a request, each with its own fate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::client::Answer;
use super::super::egress::Egress;
use super::super::envelope::{Content, Line};
use super::super::{Destination, Failure};
use super::{Account, Service};
use crate::clock::Clock;

/// Bytes of a record at most: Firehose takes 1,000 KiB, Kinesis a little more.
const MAX_RECORD: usize = 1_000 << 10;
/// Errors that are of the moment.
const PASSING: &[&str] = &["Throughput", "Throttl", "LimitExceeded", "Unavailable", "Internal", "Timeout"];

/// What can be set of Kinesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KinesisTarget {
    /// Name of the stream.
    pub stream: String,
    /// What a record is.
    #[serde(default)]
    pub content: Content,
    /// Who asks, and where.
    #[serde(flatten)]
    pub account: Account,
}

/// What can be set of Firehose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirehoseTarget {
    /// Name of the delivery stream.
    pub delivery_stream: String,
    /// What a record is; a line feed follows.
    #[serde(default)]
    pub content: Content,
    /// Who asks, and where.
    #[serde(flatten)]
    pub account: Account,
}

impl KinesisTarget {
    /// What is wrong with it.
    pub(in super::super) fn validate(&self) -> Result<(), String> {
        if self.stream.is_empty() {
            return Err("`stream` is the name of a stream".to_owned());
        }
        self.account.validate()
    }
}

impl FirehoseTarget {
    /// What is wrong with it.
    pub(in super::super) fn validate(&self) -> Result<(), String> {
        if self.delivery_stream.is_empty() {
            return Err("`delivery_stream` is the name of a delivery stream".to_owned());
        }
        self.account.validate()
    }
}

/// Either of them.
pub(in super::super) struct Kinesis {
    service: Service,
    form: Form,
    content: Content,
}

/// In what they differ.
enum Form {
    Kinesis { stream: String },
    Firehose { delivery_stream: String },
}

impl Kinesis {
    pub(in super::super) fn stream(
        target: &KinesisTarget,
        egress: Egress,
        clock: Clock,
    ) -> Result<Self, String> {
        let host = format!("kinesis.{}.amazonaws.com", target.account.region);
        let service = Service::new(&target.account, ("kinesis", &host), egress, clock)?;
        let form = Form::Kinesis { stream: target.stream.clone() };
        Ok(Self { service, form, content: target.content })
    }

    pub(in super::super) fn firehose(
        target: &FirehoseTarget,
        egress: Egress,
        clock: Clock,
    ) -> Result<Self, String> {
        let host = format!("firehose.{}.amazonaws.com", target.account.region);
        let service = Service::new(&target.account, ("firehose", &host), egress, clock)?;
        let form = Form::Firehose { delivery_stream: target.delivery_stream.clone() };
        Ok(Self { service, form, content: target.content })
    }

    async fn put(&mut self, lines: &[Line]) -> Result<(), Failure> {
        let content = self.content;
        let (operation, body) = match &self.form {
            Form::Kinesis { stream } => {
                let record = |line: &Line| {
                    // A host's lines stay in order: they are in one shard.
                    let key = line.host.as_deref().unwrap_or(&line.batch);
                    json!({ "Data": BASE64.encode(content.text(line)), "PartitionKey": key })
                };
                let records: Vec<Value> = lines.iter().map(record).collect();
                ("Kinesis_20131202.PutRecords", json!({ "StreamName": stream, "Records": records }))
            }
            Form::Firehose { delivery_stream } => {
                let record =
                    |line: &Line| json!({ "Data": BASE64.encode([content.text(line), b"\n"].concat()) });
                let records: Vec<Value> = lines.iter().map(record).collect();
                let body = json!({ "DeliveryStreamName": delivery_stream, "Records": records });
                ("Firehose_20150804.PutRecordBatch", body)
            }
        };
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", operation)];
        let answer = self.service.send(("POST", "/"), &headers, body.to_string().into_bytes()).await?;
        judge(&answer)?;
        fates(&answer, lines.len())
    }
}

/// What the answer means for all lines.
fn judge(answer: &Answer) -> Result<(), Failure> {
    if answer.status.is_success() {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = body["__type"].as_str().unwrap_or_default();
    let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default();
    let reason: String =
        format!("it answered {}: {kind} {message}", answer.status).chars().take(300).collect();
    let is_passing = answer.status.is_server_error() || PASSING.iter().any(|word| kind.contains(word));
    Err(match kind.rsplit('#').next().unwrap_or_default() {
        _ if is_passing => Failure::Retry(reason, None),
        "ValidationException" | "InvalidArgumentException" | "SerializationException" => {
            Failure::Refused(reason)
        }
        _ => Failure::Wrong(reason),
    })
}

/// What became of each line: what was not put is put again.
fn fates(answer: &Answer, lines: usize) -> Result<(), Failure> {
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::retry("its answer does not tell of every line"))?;
    let failed = body["FailedRecordCount"].as_u64().or(body["FailedPutCount"].as_u64());
    if failed == Some(0) {
        return Ok(());
    }
    let records = body["Records"].as_array().or(body["RequestResponses"].as_array());
    let Some(records) = records.filter(|records| records.len() == lines) else {
        return Err(Failure::retry("its answer does not tell of every line"));
    };
    let failed = records.iter().enumerate().filter(|(_, record)| record["ErrorCode"].is_string());
    let (again, codes): (Vec<usize>, Vec<&Value>) =
        failed.map(|(at, record)| (at, &record["ErrorCode"])).unzip();
    match codes.first() {
        None => Ok(()),
        Some(code) => {
            let reason = format!("{} of {lines} lines were not taken: {code}", again.len());
            Err(Failure::Partly { again, refused: Vec::new(), reason })
        }
    }
}

impl Destination for Kinesis {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.put(lines))
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.service.reach())
    }

    fn longest_line(&self) -> usize {
        MAX_RECORD - 1
    }
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, StatusCode};

    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        let status = StatusCode::from_u16(status).expect("a status");
        Answer { status, headers: HeaderMap::new(), body: body.into() }
    }

    #[test]
    fn each_record_has_its_own_fate() {
        let some = answer(
            200,
            r#"{"FailedRecordCount":1,"Records":[{"SequenceNumber":"1"},{"ErrorCode":"ProvisionedThroughputExceededException"}]}"#,
        );
        let Err(Failure::Partly { again, refused, .. }) = fates(&some, 2) else { panic!("one failed") };
        assert_eq!((again, refused), (vec![1], vec![]));
        assert_eq!(fates(&answer(200, r#"{"FailedPutCount":0,"RequestResponses":[]}"#), 2), Ok(()));
        assert!(matches!(fates(&answer(200, r#"{"FailedPutCount":1}"#), 2), Err(Failure::Retry(..))));
    }

    #[test]
    fn errors_are_of_the_moment_the_lines_or_the_account() {
        let kind = |status, body| judge(&answer(status, body)).expect_err("it failed");
        assert!(matches!(kind(400, r#"{"__type":"ThrottlingException"}"#), Failure::Retry(..)));
        assert!(matches!(kind(500, ""), Failure::Retry(..)));
        assert!(matches!(kind(400, r#"{"__type":"com.x#ValidationException"}"#), Failure::Refused(_)));
        assert!(matches!(kind(400, r#"{"__type":"ResourceNotFoundException"}"#), Failure::Wrong(_)));
        assert!(matches!(kind(403, "<x>"), Failure::Wrong(_)));
    }
}
