//! A connection to a NATS server, and what comes back on it.

use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::destination::Failure;
use crate::destination::egress::Connection;

/// Bytes of a line of the protocol at most.
const MAX_LINE: u64 = 64 << 10;
/// Bytes of an acknowledgement at most.
const MAX_ANSWER: usize = 64 << 10;

/// A connection that has an inbox.
pub(super) struct Session {
    pub(super) stream: BufReader<Connection>,
    pub(super) inbox: String,
}

/// What became of each line.
pub(super) enum Answer {
    Kept,
    Again(String),
    Refused(String),
}

impl Session {
    /// Reads an answer for each of so many messages.
    pub(super) async fn acknowledgements(&mut self, count: usize) -> Result<Vec<Answer>, Failure> {
        let mut answers: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
        let mut left = count;
        while left > 0 {
            let line = self.line().await?;
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.as_slice() {
                ["PING"] => self.write(b"PONG\r\n").await?,
                ["MSG", subject, _, rest @ ..] => {
                    let answer = judge(&self.payload(rest.last()).await?, 0);
                    left -= usize::from(keep(&mut answers, subject, answer));
                }
                ["HMSG", subject, _, rest @ ..] => {
                    let headers = rest.iter().rev().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0);
                    let answer = judge(&self.payload(rest.last()).await?, headers);
                    left -= usize::from(keep(&mut answers, subject, answer));
                }
                ["-ERR", ..] => return Err(Failure::Retry(line, None)),
                _ => {}
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// A line of the protocol, without its end.
    pub(super) async fn line(&mut self) -> Result<String, Failure> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(MAX_LINE);
        limited.read_until(b'\n', &mut line).await.map_err(Failure::retry)?;
        if !line.ends_with(b"\n") {
            return Err(Failure::retry("it closed the connection"));
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// What follows a line that says its size.
    async fn payload(&mut self, size: Option<&&str>) -> Result<Vec<u8>, Failure> {
        let size = size.and_then(|size| size.parse::<usize>().ok()).filter(|size| *size <= MAX_ANSWER);
        let size = size.ok_or_else(|| Failure::retry("it sent a message of an odd size"))?;
        let mut payload = vec![0; size + 2];
        self.stream.read_exact(&mut payload).await.map_err(Failure::retry)?;
        payload.truncate(size);
        Ok(payload)
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).await.map_err(Failure::retry)?;
        self.stream.flush().await.map_err(Failure::retry)
    }
}

/// Keeps the answer for the message whose number the subject ends with; whether it is the first one.
fn keep(answers: &mut [Option<Answer>], subject: &str, answer: Answer) -> bool {
    let number = subject.rsplit('.').next().and_then(|number| number.parse::<usize>().ok());
    let Some(place) = number.and_then(|number| answers.get_mut(number)).filter(|place| place.is_none())
    else {
        return false;
    };
    *place = Some(answer);
    true
}

/// What an acknowledgement says; one of a server without a stream has only headers, with 503.
pub(super) fn judge(payload: &[u8], headers: usize) -> Answer {
    let head = String::from_utf8_lossy(&payload[..headers.min(payload.len())]);
    if head.starts_with("NATS/1.0 503") {
        return Answer::Again("no stream listens to the subject".to_owned());
    }
    let answer: Value = serde_json::from_slice(&payload[headers.min(payload.len())..]).unwrap_or_default();
    let Some(error) = answer.get("error") else {
        let is_kept = answer["seq"].is_u64();
        return if is_kept { Answer::Kept } else { Answer::Again("it was not acknowledged".to_owned()) };
    };
    let reason = error["description"].as_str().unwrap_or("an error").to_owned();
    match error["code"].as_u64() {
        Some(400) => Answer::Refused(reason),
        _ => Answer::Again(reason),
    }
}

/// A subject that nobody else listens to.
pub(super) fn inbox() -> Result<String, Failure> {
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).map_err(|_| Failure::retry("there is no randomness"))?;
    Ok(format!("_INBOX.{:032x}", u128::from_be_bytes(random)))
}
