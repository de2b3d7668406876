//! Reading a body: within its limit, within its time, within the memory that all bodies share, or drained.
//!
//! An agent that is cut off while it still uploads sees a broken connection and sends everything again for ever. So
//! a body is read to its end before any answer, and what is over a limit is read without being kept.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::time::Instant;

use super::budget::{Budget, Share};
use super::inflate::{InflateError, Inflater};
use super::reply::Refusal;
use super::skim::Skim;

/// What came of a body.
#[derive(Debug)]
pub(super) enum Received {
    /// The whole body, inflated.
    Whole(Vec<u8>, Share),
    /// More than the limit: not kept, only skimmed.
    Over {
        /// What was noted on the way.
        skim: Skim,
        /// Whether it came to its end before the deadline.
        ended: bool,
    },
}

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Unknown,
}

/// A body on its way.
pub(super) struct Incoming {
    body: Body,
    encoding: Encoding,
    /// Length on the wire, where it is told.
    announced: Option<usize>,
    deadline: Instant,
}

impl Incoming {
    /// The body of a request, which may take `time` from now.
    pub(super) fn new(body: Body, headers: &HeaderMap, time: Duration) -> Self {
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self { body, encoding: encoding(headers), announced, deadline: Instant::now() + time }
    }

    /// Reads the body, keeping `limit` bytes of it, inflated, at most.
    pub(super) async fn receive(mut self, limit: usize, budget: &Budget) -> Result<Received, Refusal> {
        let mut kept = match self.encoding {
            Encoding::Plain => Kept::Plain(Vec::new(), limit),
            Encoding::Gzip => Kept::Gzip(Box::new(Inflater::new(limit))),
            Encoding::Unknown => return Err(self.refuse(Refusal::UnknownEncoding).await),
        };
        // What is compressed has its key at the beginning, and is to be looked at.
        let is_plain = self.encoding == Encoding::Plain;
        if is_plain && self.announced.is_some_and(|length| length > limit) {
            return Ok(self.skim(Skim::default()).await);
        }
        let mut share = budget.share();
        while let Some(piece) = self.next().await? {
            match kept.push(&piece) {
                Ok(()) => {}
                Err(InflateError::Malformed) => return Err(self.refuse(NOT_GZIP).await),
                Err(InflateError::TooLarge) => {
                    let skim = kept.into_skim(&piece);
                    drop(share);
                    return Ok(self.skim(skim).await);
                }
            }
            if let Err(busy) = share.grow_to(kept.len()) {
                drop(kept);
                return Err(self.refuse(busy).await);
            }
        }
        Ok(Received::Whole(kept.finish().map_err(|_| NOT_GZIP)?, share))
    }

    /// Reads the rest without keeping anything, and answers the refusal, or that it came too slowly.
    pub(super) async fn refuse(mut self, refusal: Refusal) -> Refusal {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return refusal,
                Err(broken) => return broken,
            }
        }
    }

    /// Reads the rest without keeping more than what is noted.
    async fn skim(mut self, mut skim: Skim) -> Received {
        loop {
            match self.next().await {
                // A compressed body shows nothing.
                Ok(Some(piece)) if self.encoding == Encoding::Plain => skim.feed(&piece),
                Ok(Some(_)) => {}
                Ok(None) => return Received::Over { skim, ended: true },
                Err(_) => return Received::Over { skim, ended: false },
            }
        }
    }

    /// The next piece; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            // A check-in comes in one piece, which is there already: no need for a timer.
            let frame = match self.body.frame().now_or_never() {
                Some(frame) => frame,
                None if self.body.is_end_stream() => None,
                None => tokio::time::timeout_at(self.deadline, self.body.frame())
                    .await
                    .map_err(|_| Refusal::TooSlow)?,
            };
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(Refusal::Malformed("the body broke off")),
                // Trailers are of no interest.
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

const NOT_GZIP: Refusal = Refusal::Malformed("the body is not one gzip member");

fn encoding(headers: &HeaderMap) -> Encoding {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let (first, second) = (values.next(), values.next());
    match (first.map(|value| value.as_bytes().trim_ascii().to_ascii_lowercase()).as_deref(), second) {
        (None | Some(b"" | b"identity"), None) => Encoding::Plain,
        (Some(b"gzip" | b"x-gzip"), None) => Encoding::Gzip,
        _ => Encoding::Unknown,
    }
}

/// What is kept of a body so far, inflated.
enum Kept {
    Plain(Vec<u8>, usize),
    Gzip(Box<Inflater>),
}

impl Kept {
    fn push(&mut self, piece: &[u8]) -> Result<(), InflateError> {
        match self {
            Self::Plain(bytes, limit) if bytes.len() + piece.len() > *limit => Err(InflateError::TooLarge),
            Self::Plain(bytes, _) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
            Self::Gzip(inflater) => inflater.push(piece),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(bytes, _) => bytes.len(),
            Self::Gzip(inflater) => inflater.inflated().len(),
        }
    }

    /// What can be noted of it and of the piece that it had no room for.
    fn into_skim(self, piece: &[u8]) -> Skim {
        let mut skim = Skim::default();
        match self {
            Self::Plain(bytes, _) => {
                skim.feed(&bytes);
                skim.feed(piece);
            }
            Self::Gzip(inflater) => skim.feed(inflater.inflated()),
        }
        skim
    }

    fn finish(self) -> Result<Vec<u8>, InflateError> {
        match self {
            Self::Plain(bytes, _) => Ok(bytes),
            Self::Gzip(inflater) => inflater.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use entity::id::CampaignId;
    use futures_util::stream;

    use super::*;

    const TIME: Duration = Duration::from_secs(14);

    fn chunked(pieces: &[&str]) -> Body {
        let pieces: Vec<Result<String, std::io::Error>> =
            pieces.iter().map(|piece| Ok((*piece).to_owned())).collect();
        Body::from_stream(stream::iter(pieces))
    }

    async fn receive(body: Body, headers: HeaderMap, limit: usize) -> Result<Received, Refusal> {
        Incoming::new(body, &headers, TIME).receive(limit, &Budget::new(1 << 20)).await
    }

    fn header(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[tokio::test]
    async fn a_chunked_body_comes_whole_up_to_its_limit() {
        let received = receive(chunked(&["ab", "", "cd"]), HeaderMap::new(), 4).await;
        assert!(matches!(received, Ok(Received::Whole(bytes, _)) if bytes == b"abcd"));
    }

    #[tokio::test]
    async fn over_the_limit_names_and_key_are_noted() {
        let pieces = ["{\"queries\":{\"campaign_0000000", "00007\":[]},\"node", "_key\":\"k\"}"];
        for (headers, limit) in
            [(HeaderMap::new(), 40), (HeaderMap::new(), 1), (header(CONTENT_LENGTH, "99"), 40)]
        {
            let Ok(Received::Over { skim, ended: true }) = receive(chunked(&pieces), headers, limit).await
            else {
                panic!("the body is over the limit")
            };
            assert_eq!(skim.node_key().as_deref(), Some("k"));
            assert_eq!(Vec::from_iter(skim.into_campaigns()), [CampaignId(7)]);
        }
    }

    #[tokio::test]
    async fn encodings_that_nobody_sends_are_refused() {
        for name in ["br", "zstd", "deflate", "gzip, gzip"] {
            let refused = receive(chunked(&["{}"]), header(CONTENT_ENCODING, name), 9).await;
            assert!(matches!(refused, Err(Refusal::UnknownEncoding)), "{name}");
        }
        let plain = receive(chunked(&["{}"]), header(CONTENT_ENCODING, "gzip"), 9).await;
        assert!(matches!(plain, Err(Refusal::Malformed(_))));
        let identity = receive(chunked(&["{}"]), header(CONTENT_ENCODING, "Identity"), 9).await;
        assert!(matches!(identity, Ok(Received::Whole(..))));
    }

    #[tokio::test]
    async fn bodies_share_a_budget_and_give_it_back() {
        let budget = Budget::new(10);
        let body = || Incoming::new(chunked(&["12345678"]), &HeaderMap::new(), TIME);
        let first = body().receive(100, &budget).await;
        assert!(matches!(first, Ok(Received::Whole(..))));
        assert!(matches!(body().receive(100, &budget).await, Err(Refusal::Busy)));
        drop(first);
        assert!(matches!(body().receive(100, &budget).await, Ok(Received::Whole(..))));
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_in_time_is_refused() {
        let late = |headers: &HeaderMap| {
            let never = Body::from_stream(stream::pending::<Result<String, std::io::Error>>());
            Incoming::new(never, headers, Duration::ZERO)
        };
        let budget = Budget::new(9);
        let announced = header(CONTENT_LENGTH, "99");
        assert!(matches!(late(&HeaderMap::new()).receive(9, &budget).await, Err(Refusal::TooSlow)));
        let over = late(&announced).receive(9, &budget).await;
        assert!(matches!(over, Ok(Received::Over { ended: false, .. })));
        assert_eq!(late(&announced).refuse(Refusal::NodeInvalid).await, Refusal::TooSlow);
    }
}
