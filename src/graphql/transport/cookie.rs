//! The cookie that carries a browser's session: scripts never see it, and other sites can't use it.

use axum::http::uri::Scheme;
use axum::http::{Extensions, HeaderMap, HeaderValue, header};

/// The header that a request with the cookie must carry, with any value: a page of another site can't add one without
/// being asked first, and is refused then.
pub const PREFLIGHT_HEADER: &str = "graphql-preflight";

/// Its name over HTTPS: browsers take it from this very host alone, with `Secure`.
const SECURE: &str = "__Host-muster-session";

/// Its name over plain HTTP, where the other is not to be had.
const PLAIN: &str = "muster-session";

/// How the cookie is set where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCookie {
    /// Over HTTPS.
    Secure,
    /// Over plain HTTP.
    Plain,
}

impl SessionCookie {
    /// That of a request: the listener notes the scheme.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        match extensions.get::<Scheme>() {
            Some(scheme) if *scheme == Scheme::HTTPS => Self::Secure,
            _ => Self::Plain,
        }
    }

    /// What the cookie of a request holds.
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name()).map(|(_, value)| value.to_owned())
    }

    /// The header value that sets the cookie for so many seconds.
    #[must_use]
    pub fn set(self, value: &str, seconds: u64) -> HeaderValue {
        let secure = if self == Self::Secure { "; Secure" } else { "" };
        let text =
            format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.name());
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The header value that removes the cookie.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        self.set("", 0)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Secure => SECURE,
            Self::Plain => PLAIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|value| (header::COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn it_is_read_by_its_whole_name_among_others() {
        let read = |cookies: &[&'static str]| SessionCookie::Plain.read(&headers(cookies));
        assert_eq!(read(&["a=b; muster-session=x"]).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "muster-session=x"]).as_deref(), Some("x"));
        for other in ["x-muster-session=x", "muster-session", "__Host-muster-session=x", ""] {
            assert_eq!(read(&[other]), None, "{other}");
        }
        let secure = SessionCookie::Secure;
        assert_eq!(
            secure.read(&headers(&["muster-session=y; __Host-muster-session=x"])).as_deref(),
            Some("x")
        );
    }

    #[test]
    fn it_is_set_so_that_no_script_and_no_other_site_has_it() {
        assert_eq!(
            SessionCookie::Secure.set("x", 60),
            "__Host-muster-session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            SessionCookie::Plain.clear(),
            "muster-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
        );
    }
}
