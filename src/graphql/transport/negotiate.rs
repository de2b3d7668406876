//! What a client sends and what it accepts, by its headers.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::refusal::Refusal;

/// How an answer is labelled; it decides the status of documents that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: such documents are answered with 200, for clients from before the specification.
    Json,
    /// `application/graphql-response+json`: such documents are answered with 400.
    GraphqlResponse,
}

impl Media {
    /// The `content-type` of an answer.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }

    /// The status for a document that is refused.
    #[must_use]
    pub fn refused_document(self) -> StatusCode {
        match self {
            Self::Json => StatusCode::OK,
            Self::GraphqlResponse => StatusCode::BAD_REQUEST,
        }
    }

    /// What `Accept` prefers; `application/json` where it says nothing, or only what we don't have.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut best = (Self::Json, 0.0f32);
        for range in values.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            if quality > best.1 {
                best = (media, quality);
            }
        }
        best.0
    }
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
