use std::path::Path;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use zeroize::Zeroizing;

use crate::client::profile::Profile;
use crate::error::CommandError;

/// How connections are encrypted, with the files that `profile` names.
pub(super) fn config(profile: &Profile) -> Result<TlsConfig, CommandError> {
    let roots = match &profile.ca_file {
        Some(file) => RootCerts::from(certificates(file, "--ca-file")?),
        None => RootCerts::PlatformVerifier,
    };
    let own = match (&profile.cert_file, &profile.cert_key_file) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert, "--cert-file")?;
            Some(ClientCert::new_with_certs(&chain, private_key(key)?))
        }
        _ => None,
    };
    let config = TlsConfig::builder().root_certs(roots).client_cert(own);
    Ok(config.build())
}

fn certificates(file: &Path, flag: &str) -> Result<Vec<Certificate<'static>>, CommandError> {
    let pem = read(file, flag)?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        let item = item.map_err(|error| failed(file, flag, &error.to_string()))?;
        if let PemItem::Certificate(certificate) = item {
            found.push(certificate);
        }
    }
    match found.is_empty() {
        true => Err(failed(file, flag, "there is no certificate in this file")),
        false => Ok(found),
    }
}

fn private_key(file: &Path) -> Result<PrivateKey<'static>, CommandError> {
    const FLAG: &str = "--cert-key-file";
    let key = PrivateKey::from_pem(&read(file, FLAG)?);
    key.map_err(|_| failed(file, FLAG, "there is no private key in this file"))
}

fn read(file: &Path, flag: &str) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let pem = std::fs::read(file).map(Zeroizing::new);
    pem.map_err(|error| failed(file, flag, &error.to_string()))
}

fn failed(file: &Path, flag: &str, problem: &str) -> CommandError {
    CommandError::Failed(format!("{flag} {}: {problem}", file.display()))
}
