//! The certificate of a server that was given none: self-signed ECDSA P-256, made once, in the data directory.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};

use super::{PairFiles, TlsError};

/// The directory in the data directory.
const DIRECTORY: &str = "tls";

/// The files of the certificate below `data`; made for `names` unless they are there.
pub(super) fn ensure(data: &Path, names: &[String]) -> Result<PairFiles, TlsError> {
    let directory = data.join(DIRECTORY);
    let files = PairFiles { cert: directory.join("cert.pem"), key: directory.join("key.pem") };
    if !files.cert.exists() {
        let (cert, key) =
            make(names).map_err(|source| TlsError::Unmade { names: names.to_owned(), source })?;
        keep(data, &directory, &cert, &key)
            .map_err(|source| TlsError::Unwritable { path: directory.clone(), source })?;
    }
    Ok(files)
}

/// Certificate and key as PEM. It is valid for a hundred years: nothing renews it, and hosts trust it by its bytes.
fn make(names: &[String]) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Muster");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Clocks of hosts may be late.
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2125, 1, 1);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Writes both files, or none: a crash between them would leave a key that no certificate belongs to.
fn keep(data: &Path, directory: &Path, cert: &str, key: &str) -> io::Result<()> {
    let draft = tempfile::Builder::new().prefix(".tls-").tempdir_in(data)?;
    write(&draft.path().join("key.pem"), key, 0o600)?;
    write(&draft.path().join("cert.pem"), cert, 0o644)?;
    match fs::rename(draft.path(), directory) {
        // Another process was first, and its certificate holds.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        renamed => renamed,
    }
}

/// Writes a new file with these permissions.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_only_its_owner_reads_the_key() {
        let data = tempfile::tempdir().expect("a directory");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let files = ensure(data.path(), &names).expect("it is made");
        let made = fs::read(&files.cert).expect("it is there");
        ensure(data.path(), &names).expect("it is found");
        assert_eq!(fs::read(&files.cert).expect("it is there"), made);
        let permissions = fs::metadata(&files.key).expect("it is there").permissions().mode();
        assert_eq!(permissions & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(data.path()).expect("it is there").flatten().collect();
        assert_eq!(left.len(), 1, "no draft stays: {left:?}");
    }

    #[test]
    fn the_first_of_two_processes_wins() {
        let data = tempfile::tempdir().expect("a directory");
        let directory = data.path().join(DIRECTORY);
        keep(data.path(), &directory, "first", "first").expect("it is written");
        keep(data.path(), &directory, "second", "second").expect("it is given up");
        let kept = fs::read_to_string(directory.join("cert.pem")).expect("it is there");
        assert_eq!(kept, "first");
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let data = tempfile::tempdir().expect("a directory");
        let error = ensure(data.path(), &["ä".to_owned()]).expect_err("it is no name");
        assert_eq!(error.to_string(), "a certificate can't be made for ä");
    }
}
