//! Where a request comes from: the peer of the connection, or, where that is a trusted proxy, whom it names.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{FORWARDED, HeaderMap, HeaderName};

use crate::config::Networks;

/// The header in which most proxies tell whom they speak for.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is known of a connection, beside its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The other end.
    pub(super) address: SocketAddr,
    /// Whether it showed a client certificate that is good.
    pub(super) is_certified: bool,
    /// Whether it speaks TLS.
    pub(super) is_tls: bool,
}

/// The address that a request comes from: the last one in the chain of proxies that is not a trusted one. Where the
/// two headers tell different addresses, one of them was the client's own: then it is the proxy's address.
pub(super) fn source(peer: IpAddr, headers: &HeaderMap, proxies: &Networks) -> IpAddr {
    let peer = peer.to_canonical();
    if !proxies.contains(peer) {
        return peer;
    }
    let told = |addresses: Vec<Option<IpAddr>>| client(peer, &addresses, proxies);
    match (told(by_x_forwarded_for(headers)), told(by_forwarded(headers))) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => peer,
    }
}

/// Walks a chain of addresses from its end while they are trusted; none where nothing was told. What can't be read
/// ends the walk, for what lies before it was told by nobody known.
fn client(peer: IpAddr, addresses: &[Option<IpAddr>], proxies: &Networks) -> Option<IpAddr> {
    let mut current = peer;
    for address in addresses.iter().rev() {
        if !proxies.contains(current) {
            break;
        }
        let Some(address) = address else { break };
        current = *address;
    }
    (!addresses.is_empty()).then_some(current)
}

fn by_x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(X_FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(address).collect()
}

/// The `for` of each element of `Forwarded`.
fn by_forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
    let elements = values.flat_map(|value| value.split(','));
    elements
        .map(|element| {
            let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
            let mut named = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
            named.next().and_then(|(_, value)| address(value.trim().trim_matches('"')))
        })
        .collect()
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `::1`, `[::1]`, `[::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config::{Config, Sources};

    fn told(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let flags = vec![("http.trusted_proxies".to_owned(), "10.0.0.0/8, ::1".to_owned())];
        let config = Config::load(&Sources { flags, ..Sources::default() }).expect("they are networks");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        source(peer.parse().expect("an address"), &map, &config.http.trusted_proxies).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let headers = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(told("203.0.113.5", &headers), "203.0.113.5");
    }

    #[test]
    fn the_last_address_that_is_no_proxy_counts() {
        let told = |value| told("10.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(told("192.0.2.1"), "192.0.2.1");
        assert_eq!(
            told("6.6.6.6, 192.0.2.1"),
            "192.0.2.1",
            "what a client claims is left of what its proxy says"
        );
        assert_eq!(told("192.0.2.1, 10.9.9.9,::1"), "192.0.2.1");
        assert_eq!(told("192.0.2.1:4711"), "192.0.2.1");
        assert_eq!(told("[2001:db8::1]:4711"), "2001:db8::1");
        assert_eq!(told("10.3.3.3, 10.2.2.2"), "10.3.3.3", "a chain of proxies alone begins at its first");
        assert_eq!(told("192.0.2.1, unknown"), "10.0.0.1", "what nobody known has told is not believed");
        assert_eq!(told(""), "10.0.0.1");
    }

    #[test]
    fn several_headers_are_one_list() {
        let headers = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1, 10.1.1.1")];
        assert_eq!(told("::1", &headers), "192.0.2.1");
        assert_eq!(told("::1", &[]), "::1");
    }

    #[test]
    fn forwarded_is_read_and_must_not_contradict() {
        let forwarded = ("forwarded", "for=6.6.6.6, For=\"[2001:db8::1]:80\";proto=https;by=10.0.0.1");
        assert_eq!(told("10.0.0.1", &[forwarded]), "2001:db8::1");
        assert_eq!(told("10.0.0.1", &[("forwarded", "for=_hidden")]), "10.0.0.1");
        let spoofed = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=6.6.6.6")];
        assert_eq!(told("10.0.0.1", &spoofed), "10.0.0.1");
        let agreed = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(told("10.0.0.1", &agreed), "192.0.2.1");
    }
}
