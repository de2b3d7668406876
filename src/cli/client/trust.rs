//! Whose certificate a client believes, and what to tell a person when it does not.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Whose certificate is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum Trust {
    /// One by a public authority.
    #[default]
    Public,
    /// One that leads to a certificate of this PEM text, or is one of them.
    Roots(String),
    /// The one certificate of this fingerprint, whatever it says.
    Pinned(Fingerprint),
    /// Any: for load tests.
    Anyone,
}

/// SHA-256 of a certificate, shown as `AB:CD:…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Self(hash)
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    /// Reads 64 hexadecimal digits in any case, with or without colons between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a fingerprint is a SHA-256 in hexadecimal, such as AB:CD:…, 64 digits in all";
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(EXPECTED) };
        let mut hash = [0; 32];
        if pairs.len() != hash.len() {
            return Err(EXPECTED);
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
            *byte = nibble(pair[0]).ok_or(EXPECTED)? << 4 | nibble(pair[1]).ok_or(EXPECTED)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

/// A TLS configuration, and the certificate that the last server showed to it.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Tls {
    /// For connections.
    pub(in crate::cli) config: Arc<ClientConfig>,
    seen: Seen,
}

type Seen = Arc<Mutex<Option<Fingerprint>>>;

impl Tls {
    /// TLS that believes whom `trust` says.
    ///
    /// # Errors
    /// A sentence: the PEM text has no certificate that can be used.
    pub(in crate::cli) fn new(trust: &Trust) -> Result<Self, String> {
        let provider = Arc::new(provider::default_provider());
        let seen = Seen::default();
        let judge = Judge::new(trust, &provider)?;
        let verifier = Verifier { judge, provider: Arc::clone(&provider), seen: Arc::clone(&seen) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), seen })
    }

    /// What a failed handshake means, and what to do; none when it is not about TLS.
    pub(super) fn explain(&self, error: &io::Error, host: &str) -> Option<String> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = seen.map_or_else(|| "(none)".to_owned(), |seen| seen.to_string());
        let cause = error.get_ref()?.downcast_ref::<Error>()?;
        Some(match cause {
            Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => format!(
                "it shows another certificate than the expected one; its SHA-256 fingerprint is {shown}. If it was \
                 renewed, pass --fingerprint with the new one; else somebody may stand between"
            ),
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_),
            ) => format!(
                "its certificate is self-signed, or by an authority that is not known here: pass --ca FILE with the \
                 certificate (the server keeps its own in its data directory, tls/cert.pem), or --fingerprint \
                 {shown} if that is what the server's log says"
            ),
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => format!(
                "its certificate is not for `{host}`: use a name that it has (the server's own has \
                 http.public_address), or pass --fingerprint {shown} if that is what the server's log says"
            ),
            Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => "its certificate is over: renew it on the server".to_owned(),
            Error::InvalidMessage(_) => "it does not speak TLS at that port: try http://".to_owned(),
            other => format!("TLS: {other}"),
        })
    }
}

/// Notes which certificate a server shows, and judges it.
#[derive(Debug)]
struct Verifier {
    judge: Judge,
    provider: Arc<CryptoProvider>,
    seen: Seen,
}

#[derive(Debug)]
enum Judge {
    Authorities(Arc<WebPkiServerVerifier>),
    Pinned(Fingerprint),
    Anyone,
}

impl Judge {
    fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let roots = match trust {
            Trust::Anyone => return Ok(Self::Anyone),
            Trust::Pinned(fingerprint) => return Ok(Self::Pinned(*fingerprint)),
            Trust::Public => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            Trust::Roots(pem) => roots(pem)?,
        };
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        builder.build().map(Self::Authorities).map_err(|error| error.to_string())
    }
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("it is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate in it can't be used: {error}"))?;
    }
    if roots.is_empty() { Err("it has no PEM certificate".to_owned()) } else { Ok(roots) }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Fingerprint::of(end_entity);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        match &self.judge {
            Judge::Authorities(inner) => {
                inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Judge::Pinned(expected) if *expected != shown => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Judge::Pinned(_) | Judge::Anyone => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_shown_and_as_others_show_it() {
        let fingerprint = Fingerprint::of(b"certificate");
        let shown = fingerprint.to_string();
        assert_eq!(shown.len(), 95);
        assert_eq!(shown.parse(), Ok(fingerprint));
        assert_eq!(shown.replace(':', "").to_lowercase().parse(), Ok(fingerprint));
        for wrong in ["", "AB", &shown[1..], &shown.replace(|c| c != ':', "G"), &format!("{shown}:00")] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused_at_once() {
        let error = |pem: &str| Tls::new(&Trust::Roots(pem.to_owned())).expect_err("it is none");
        assert_eq!(error("nonsense"), "it has no PEM certificate");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(error(broken).starts_with("a certificate in it can't be used"));
    }
}
