//! Certificates of clients: what holds them good.

use std::path::Path;
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};

use super::pair::unreadable;
use super::{ClientFiles, TlsError};

/// Who judges clients' certificates, by who comes to the listener.
pub(super) struct Verifiers {
    /// Where people come too.
    pub(super) all: Arc<dyn ClientCertVerifier>,
    /// Where agents come alone.
    pub(super) agents: Arc<dyn ClientCertVerifier>,
    /// SHA-256 of all that they were made of.
    pub(super) digest: [u8; 32],
}

impl Verifiers {
    /// Reads the authorities and the revocation lists.
    pub(super) fn read(files: &ClientFiles) -> Result<Self, TlsError> {
        let authorities = authorities(&files.authorities)?;
        let lists = files.revoked.as_deref().map(lists).transpose()?.unwrap_or_default();
        let mut digest = Context::new(&SHA256);
        for bytes in authorities.iter().map(AsRef::as_ref).chain(lists.iter().map(AsRef::as_ref)) {
            digest.update(bytes);
        }
        let verifier = |is_required| {
            let unusable = |source| TlsError::UnusableAuthorities { path: files.authorities.clone(), source };
            verifier(&authorities, &lists, is_required).map_err(unusable)
        };
        let (all, agents) = (verifier(false)?, verifier(files.are_required)?);
        let digest = digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        Ok(Self { all, agents, digest })
    }
}

/// Judges a certificate that is shown; one that no list speaks of is not revoked.
fn verifier(
    authorities: &[CertificateDer<'static>],
    lists: &[CertificateRevocationListDer<'static>],
    is_required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    let provider = Arc::new(default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls(lists.iter().cloned())
        .only_check_end_entity_revocation()
        .allow_unknown_revocation_status();
    if is_required { builder.build() } else { builder.allow_unauthenticated().build() }
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    read.map_err(|source| unreadable(file, source))
}

fn lists(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let read = CertificateRevocationListDer::pem_file_iter(file).and_then(Iterator::collect);
    read.map_err(|source| unreadable(file, source))
}
