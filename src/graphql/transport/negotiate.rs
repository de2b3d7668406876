//! What a client sends and what it accepts, by its headers.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::refusal::Refusal;

/// How an answer is labelled; it decides the status of documents that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: such documents are answered with 200, for clients from before the specification.
    Json,
    /// `application/graphql-response+json`: such documents are answered with 400.
    GraphqlResponse,
    /// `text/event-stream`: everything that came of an operation is an event, also that it was refused.
    EventStream,
}

impl Media {
    /// The `content-type` of an answer.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => "text/event-stream; charset=utf-8",
        })
    }

    /// The status for a document that is refused.
    #[must_use]
    pub fn refused_document(self) -> StatusCode {
        match self {
            Self::Json | Self::EventStream => StatusCode::OK,
            Self::GraphqlResponse => StatusCode::BAD_REQUEST,
        }
    }

    /// What `Accept` prefers; `application/json` where it says nothing, or only what we don't have.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Self {
        let mut best = (Self::Json, 0.0f32);
        for (media, quality) in ranges(headers) {
            if quality > best.1 {
                best = (media, quality);
            }
        }
        best.0
    }

    /// How a subscription is answered: as events, if they are acceptable at all.
    #[must_use]
    pub fn takes_events(headers: &HeaderMap) -> bool {
        ranges(headers).any(|(media, quality)| media == Self::EventStream && quality > 0.0)
    }

    /// How a request is answered that was refused before anybody looked into it.
    #[must_use]
    pub fn of_refusals(self) -> Self {
        if self == Self::EventStream { Self::Json } else { self }
    }
}

/// What `Accept` names of what we have, with its quality.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (Media, f32)> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/graphql-response+json" => Media::GraphqlResponse,
            "application/json" | "application/*" | "*/*" => Media::Json,
            "text/event-stream" => Media::EventStream,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        Some((media, quality))
    })
}

/// Refuses bodies that are not JSON in UTF-8, or that are compressed.
///
/// # Errors
/// 415, also for a POST that does not say what it is.
pub fn check_content(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Err(Refusal::unsupported_media_type("compressed bodies are not accepted"));
    }
    let refused = || Refusal::unsupported_media_type("the content type must be application/json");
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return if method == Method::GET { Ok(()) } else { Err(refused()) };
    };
    let value = value.to_str().map_err(|_| refused())?.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    if parts.next() != Some("application/json") {
        return Err(refused());
    }
    let is_utf8 = |charset: &str| charset.trim_matches('"') == "utf-8";
    match parts.find_map(|part| part.strip_prefix("charset=")) {
        Some(charset) if !is_utf8(charset) => {
            Err(Refusal::unsupported_media_type("the charset must be utf-8"))
        }
        _ => Ok(()),
    }
}

/// Parameters that look like a credential.
const CREDENTIALS: [&str; 3] = ["access_token", "authorization", "token"];

/// Refuses credentials in the address: logs and histories keep it.
///
/// # Errors
/// 400 for a parameter that is named like one.
pub fn check_address(uri: &Uri) -> Result<(), Refusal> {
    let names = uri.query().unwrap_or_default().split('&').filter_map(|part| part.split('=').next());
    if names.into_iter().any(|name| CREDENTIALS.iter().any(|known| name.eq_ignore_ascii_case(known))) {
        let message = "a credential belongs into the `Authorization` header, not into the address";
        return Err(Refusal::bad_request(message));
    }
    Ok(())
}

/// Refuses what a page of another host asks.
///
/// # Errors
/// 403 for an `Origin` that is neither the server's own host nor allowed.
pub fn check_origin(headers: &HeaderMap, host: Option<&str>, allowed: &[String]) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let is_own = authority.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host));
    if is_own || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", "this origin is not allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn accept_decides_the_media_type() {
        let accepted = |value| Media::accepted(&headers(header::ACCEPT, value));
        assert_eq!(accepted("*/*"), Media::Json);
        assert_eq!(accepted("application/graphql-response+json"), Media::GraphqlResponse);
        assert_eq!(accepted("text/event-stream"), Media::EventStream);
        assert_eq!(accepted("application/json, text/event-stream"), Media::Json);
        assert_eq!(
            accepted("application/graphql-response+json; charset=utf-8, application/json;q=0.9"),
            Media::GraphqlResponse
        );
        assert_eq!(accepted("application/graphql-response+json;q=0.5, application/json"), Media::Json);
        assert_eq!(accepted("text/html"), Media::Json);
        assert_eq!(Media::accepted(&HeaderMap::new()), Media::Json);
    }

    #[test]
    fn only_plain_json_is_read() {
        let check = |value| check_content(&Method::POST, &headers(header::CONTENT_TYPE, value));
        for good in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "text/plain",
            "application/json; charset=utf-16",
            "multipart/form-data; boundary=a",
            "application/graphql",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check_content(&Method::POST, &HeaderMap::new()).is_err());
        assert!(check_content(&Method::GET, &HeaderMap::new()).is_ok());
        assert!(check_content(&Method::GET, &headers(header::CONTENT_ENCODING, "gzip")).is_err());
    }

    #[test]
    fn s51_a_token_in_the_address_is_refused() {
        let check = |uri: &'static str| check_address(&Uri::from_static(uri)).is_ok();
        assert!(check("/graphql") && check("/graphql?query=%7Btoken%7D&operationName=token"));
        assert!(!check("/graphql?token=abc") && !check("/graphql?a=1&Access_Token=abc"));
    }

    #[test]
    fn foreign_origins_open_no_socket() {
        let allowed = ["https://muster.example".to_owned()];
        let check =
            |origin| check_origin(&headers(header::ORIGIN, origin), Some("localhost:8080"), &allowed).is_ok();
        assert!(check("http://localhost:8080"));
        assert!(check("https://muster.example"));
        assert!(!check("http://localhost"));
        assert!(!check("https://evil.example"));
        assert!(!check("null"));
        assert!(check_origin(&HeaderMap::new(), None, &allowed).is_ok());
    }
}
