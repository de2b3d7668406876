//! One file that the page loads.

use std::io::Read as _;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use ring::digest::{SHA256, digest};

/// For a name that carries the hash of its content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For a name that stays when the content changes.
const ASK_AGAIN: &str = "no-cache";

/// A file as it is answered.
pub(super) struct Asset {
    /// Its name under `/graphql/assets`.
    pub(super) name: String,
    /// What stands for the name in the page.
    pub(super) placeholder: String,
    content_type: &'static str,
    cache: &'static str,
    etag: HeaderValue,
    bytes: &'static [u8],
    is_gzip: bool,
}

/// What a packed file is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Script,
    Style,
}

impl Asset {
    /// A gzip file whose name gets the hash of its content.
    pub(super) fn packed(stem: &str, kind: Kind, bytes: &'static [u8]) -> Self {
        let (extension, content_type) = match kind {
            Kind::Script => ("js", "text/javascript; charset=utf-8"),
            Kind::Style => ("css", "text/css; charset=utf-8"),
        };
        let hash = hash(bytes);
        Self {
            name: format!("{stem}-{hash}.{extension}"),
            placeholder: format!("{{{{{stem}.{extension}}}}}"),
            content_type,
            cache: FOR_EVER,
            etag: etag(&hash),
            bytes,
            is_gzip: true,
        }
    }

    /// A text under its own name.
    pub(super) fn plain(name: &str, bytes: &'static [u8]) -> Self {
        Self {
            name: name.to_owned(),
            placeholder: format!("{{{{{name}}}}}"),
            content_type: "text/plain; charset=utf-8",
            cache: ASK_AGAIN,
            etag: etag(&hash(bytes)),
            bytes,
            is_gzip: false,
        }
    }

    /// The answer to a request with these headers: packed where gzip is accepted, nothing where it is known already.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let headers = [
            (header::ETAG, self.etag.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static(self.cache)),
            (header::VARY, HeaderValue::from_static("Accept-Encoding")),
            (header::CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")),
        ];
        if is_known(request, &self.etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        if self.is_gzip && accepts_gzip(request) {
            return (headers, [(header::CONTENT_ENCODING, "gzip")], self.bytes).into_response();
        }
        (headers, self.unpacked()).into_response()
    }

    /// The content as the page sees it.
    pub(super) fn unpacked(&self) -> Vec<u8> {
        if !self.is_gzip {
            return self.bytes.to_vec();
        }
        let mut content = Vec::new();
        GzDecoder::new(self.bytes).read_to_end(&mut content).expect("a test unpacks what is built in");
        content
    }
}

/// The first 64 bits of the SHA-256, in hex.
fn hash(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Weak: packed and unpacked are the same file.
fn etag(hash: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("W/\"{hash}\"")).expect("hex is a header value")
}

fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).any(|tag| tag.trim().as_bytes() == etag.as_bytes())
}

/// Whether gzip is named, or everything is, and not refused by a quality of 0.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut accepted = None;
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        if name.eq_ignore_ascii_case("gzip") {
            return quality > 0.0;
        }
        if name == "*" {
            accepted = Some(quality > 0.0);
        }
    }
    accepted.unwrap_or(false)
}
