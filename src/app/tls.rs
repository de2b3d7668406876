//! TLS as configured: with files, or with a self-signed certificate of the data directory.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{AppError, data_directory};
use crate::config::Config;
use crate::config::tls::ClientAuth;
use crate::http::tls::{ClientFiles, PairFiles, Tls, TlsError};

/// TLS of the listeners that speak it; none when there is no such listener.
pub(super) fn tls(config: &Config) -> Result<Option<Arc<Tls>>, AppError> {
    let for_agents = config.agent.listen.is_some() && config.tls.cert.is_some();
    if config.https.listen.is_none() && !for_agents {
        return Ok(None);
    }
    let (clients, patience) = (clients(config)?, config.tls.handshake_timeout);
    let tls = match (&config.tls.cert, &config.tls.key) {
        (Some(cert), Some(key)) => {
            Tls::load(PairFiles { cert: cert.clone(), key: key.clone() }, clients, patience)
        }
        (None, None) => {
            Tls::self_signed(data_directory(&config.data.dir)?, &names(config), clients, patience)
        }
        _ => Err(TlsError::Half),
    };
    Ok(Some(Arc::new(tls?)))
}

/// By what clients are known, if they are asked.
fn clients(config: &Config) -> Result<Option<ClientFiles>, TlsError> {
    let are_required = match config.tls.client_auth {
        ClientAuth::Off => return Ok(None),
        ClientAuth::Optional => false,
        ClientAuth::Required => true,
    };
    let authorities = config.tls.client_ca.clone().ok_or(TlsError::NoAuthorities)?;
    Ok(Some(ClientFiles { are_required, authorities, revoked: config.tls.client_crl.clone() }))
}

/// What clients may call this server: this machine, the public address, and the addresses it listens on.
fn names(config: &Config) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let public = config.http.public_address.as_deref().map(host).map(str::to_owned);
    let listening = [config.https.listen, config.agent.listen].into_iter().flatten();
    let listening = listening.filter_map(|address: SocketAddr| match address.ip() {
        ip if ip.is_unspecified() => host_name(),
        ip => Some(ip.to_string()),
    });
    for name in public.into_iter().chain(listening) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What this machine calls itself, where that can be the name of a host.
pub(super) fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_plain)).then_some(name)
}

/// The host of `HOST:PORT`, `[ADDRESS]:PORT` or `HOST`.
fn host(address: &str) -> &str {
    let host = match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => address,
    };
    host.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_certificate_names_what_hosts_reach_the_server_by() {
        let mut config = Config::default();
        config.http.public_address = Some("muster.example:8443".to_owned());
        config.https.listen = Some(SocketAddr::from(([0, 0, 0, 0], 8443)));
        config.agent.listen = Some(SocketAddr::from(([10, 1, 2, 3], 8444)));
        let mut expected = ["localhost", "127.0.0.1", "::1", "muster.example"].map(str::to_owned).to_vec();
        expected.extend(host_name().filter(|name| !expected.contains(name)));
        expected.push("10.1.2.3".to_owned());
        assert_eq!(names(&config).iter().collect::<BTreeSet<_>>(), expected.iter().collect());
    }

    #[test]
    fn a_host_is_found_with_and_without_its_port() {
        for (address, expected) in [("a.b:443", "a.b"), ("a.b", "a.b"), ("[fe80::1]:443", "fe80::1")] {
            assert_eq!(host(address), expected);
        }
    }

    #[test]
    fn there_is_tls_only_where_a_listener_speaks_it() {
        let data = tempfile::tempdir().expect("a directory");
        let mut config = Config::default();
        data.path().clone_into(&mut config.data.dir);
        assert!(tls(&config).expect("nothing is to be done").is_none());
        config.agent.listen = Some(SocketAddr::from(([127, 0, 0, 1], 8444)));
        assert!(tls(&config).expect("plain, for a proxy").is_none());
        config.https.listen = Some(SocketAddr::from(([127, 0, 0, 1], 8443)));
        config.tls.cert = Some("cert.pem".into());
        assert!(matches!(tls(&config), Err(AppError::Tls(TlsError::Half))));
        config.tls.cert = None;
        assert!(tls(&config).expect("it is made").is_some());
    }
}
