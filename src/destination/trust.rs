//! What TLS of a destination stands on: whom it trusts, and who it says that it is.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::secret::Secret;

/// How TLS is spoken; verification is always on.
#[derive(Clone)]
pub(super) struct Trust(Arc<ClientConfig>);

/// What a destination says of TLS, each in PEM.
#[derive(Clone, Copy, Default)]
pub(super) struct Pem<'a> {
    /// Authorities to trust instead of those of browsers.
    pub(super) ca: Option<&'a str>,
    /// The certificate that is shown to a server that wants one, and what leads to its authority.
    pub(super) certificate: Option<&'a str>,
    /// The private key of the certificate.
    pub(super) key: Option<&'a Secret>,
}

impl Pem<'_> {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.ca.is_none() && self.certificate.is_none() && self.key.is_none()
    }

    /// The authorities that browsers trust, or those alone that are named.
    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let Some(pem) = self.ca else {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            return Ok(roots);
        };
        for certificate in certificates("ca", pem)? {
            roots.add(certificate).map_err(|_| "`ca` holds no certificates in PEM".to_owned())?;
        }
        Ok(roots)
    }

    /// Who the destination says that it is, if anybody.
    fn identity(&self) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, String> {
        match (self.certificate, self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes())
                    .map_err(|_| "`client_key` holds no private key in PEM".to_owned())?;
                Ok(Some((certificates("client_certificate", certificate)?, key)))
            }
            _ => Err("`client_certificate` and `client_key` come together".to_owned()),
        }
    }
}

fn certificates(name: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| format!("`{name}` holds no certificates in PEM"))
}

impl Trust {
    /// Reads it; an error says which key is wrong, and not what is in it.
    pub(super) fn new(pem: &Pem<'_>) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?.with_root_certificates(pem.roots()?);
        let config = match pem.identity()? {
            None => config.with_no_client_auth(),
            Some((chain, key)) => config
                .with_client_auth_cert(chain, key)
                .map_err(|_| "`client_key` is not the key of `client_certificate`".to_owned())?,
        };
        Ok(Self(Arc::new(config)))
    }

    /// For a connection.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;

    #[test]
    fn what_is_no_pem_is_refused_by_its_name() {
        let key = |pem: &str| serde_json::from_value::<Secret>(pem.into()).expect("a text");
        let pair = KeyPair::generate().expect("a key");
        let other = KeyPair::generate().expect("a key").serialize_pem();
        let params = rcgen::CertificateParams::new(vec!["agent".to_owned()]).expect("a name");
        let certificate = params.self_signed(&pair).expect("a certificate").pem();
        let (good, other, none) = (key(&pair.serialize_pem()), key(&other), key("x"));
        let said = |ca, certificate, key| Trust::new(&Pem { ca, certificate, key }).err().unwrap_or_default();
        let certificate = Some(certificate.as_str());
        assert_eq!(said(None, None, None), "");
        assert_eq!(said(certificate, certificate, Some(&good)), "");
        assert_eq!(said(Some("nothing"), None, None), "`ca` holds no certificates in PEM");
        assert_eq!(said(None, Some("x"), Some(&good)), "`client_certificate` holds no certificates in PEM");
        assert_eq!(said(None, certificate, Some(&none)), "`client_key` holds no private key in PEM");
        assert_eq!(
            said(None, certificate, Some(&other)),
            "`client_key` is not the key of `client_certificate`"
        );
        for (certificate, key) in [(certificate, None), (None, Some(&good))] {
            assert_eq!(said(None, certificate, key), "`client_certificate` and `client_key` come together");
        }
    }
}
