use std::path::PathBuf;

use super::sources::{ConfigError, Key, Sources};
use crate::cli::TlsArgs;
use crate::tls::{Part, TlsFiles};

/// The flags of TLS, by their settings' names.
pub(super) fn tls_flags(args: &TlsArgs) -> Vec<(Key, Option<String>)> {
    vec![
        (CERT, args.tls_cert_file.clone()),
        (KEY, args.tls_key_file.clone()),
        (CLIENT_CA, args.tls_client_ca_file.clone()),
        (CLIENT_AUTH, args.tls_client_auth.clone()),
    ]
}

const CERT: Key = "tls_cert_file";
const KEY: Key = "tls_key_file";
const CLIENT_CA: Key = "tls_client_ca_file";
const CLIENT_AUTH: Key = "tls_client_auth";

/// The files of the main listener's TLS, which were read once and are right; `None` for plain HTTP.
pub(super) fn tls_from(sources: &Sources) -> Result<Option<TlsFiles>, ConfigError> {
    let path = |key| sources.get(key).map(|found| PathBuf::from(&found.text));
    let required = sources.parse(CLIENT_AUTH, None, client_auth)?;
    let client_ca = path(CLIENT_CA);
    let (cert, key) = match (path(CERT), path(KEY)) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) => {
            let needless = [CLIENT_CA, CLIENT_AUTH]
                .into_iter()
                .find_map(|key| Some((key, sources.get(key)?)));
            return match needless {
                None => Ok(None),
                Some((key, found)) => {
                    Err(found.invalid(key, "needs tls_cert_file and tls_key_file"))
                }
            };
        }
        (Some(_), None) => return Err(missing(KEY, "the private key of tls_cert_file")),
        (None, Some(_)) => return Err(missing(CERT, "the certificate of tls_key_file")),
    };
    if let (Some(_), None, Some(found)) = (required, &client_ca, sources.get(CLIENT_AUTH)) {
        return Err(found.invalid(CLIENT_AUTH, "needs tls_client_ca_file"));
    }
    let files = TlsFiles {
        cert,
        key,
        client_ca,
        client_required: required.unwrap_or(true),
    };
    if let Err(broken) = files.load() {
        let key = match broken.part {
            Part::Certificate => CERT,
            Part::Key => KEY,
            Part::ClientCa => CLIENT_CA,
        };
        let found = sources.get(key);
        return Err(found.map_or_else(
            || missing(key, "it could not be read"),
            |found| found.invalid(key, broken.problem),
        ));
    }
    Ok(Some(files))
}

fn missing(key: Key, hint: &'static str) -> ConfigError {
    ConfigError::Missing { key, hint }
}

fn client_auth(text: &str) -> Result<Option<bool>, String> {
    match text {
        "required" => Ok(Some(true)),
        "optional" => Ok(Some(false)),
        _ => Err("must be required or optional".into()),
    }
}
