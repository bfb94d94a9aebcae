//! TLS on the main listener.

use std::path::PathBuf;

use crate::settings::error::ConfigError;
use crate::settings::setting::{AnySetting, Setting};
use crate::settings::sources::Sources;
use crate::settings::table::{TLS_CERT_FILE, TLS_CLIENT_AUTH, TLS_CLIENT_CA_FILE, TLS_KEY_FILE};
use crate::tls::{BrokenTls, Part, TlsFiles};

/// The files of the main listener's TLS, which were read once without an error; `None` for plain
/// HTTP.
pub(super) fn tls(sources: &Sources) -> Result<Option<TlsFiles>, ConfigError> {
    let client_required = sources.get(&TLS_CLIENT_AUTH)?;
    let client_ca = sources.get(&TLS_CLIENT_CA_FILE)?;
    let (cert, key) = match (sources.get(&TLS_CERT_FILE)?, sources.get(&TLS_KEY_FILE)?) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) => return without(sources),
        (Some(_), None) => return Err(alone(sources, &TLS_CERT_FILE, "tls_key_file")),
        (None, Some(_)) => return Err(alone(sources, &TLS_KEY_FILE, "tls_cert_file")),
    };
    if client_ca.is_none()
        && let Some(found) = sources.found(&TLS_CLIENT_AUTH)
    {
        return Err(found.invalid(TLS_CLIENT_AUTH.row(), "needs tls_client_ca_file"));
    }
    let files = TlsFiles {
        cert,
        key,
        client_ca,
        client_required,
    };
    match files.load() {
        Ok(_) => Ok(Some(files)),
        Err(error) => Err(broken(sources, error)),
    }
}

// Without a certificate, the settings for clients' certificates are mistakes.
fn without(sources: &Sources) -> Result<Option<TlsFiles>, ConfigError> {
    let problem = "needs tls_cert_file and tls_key_file";
    if let Some(found) = sources.found(&TLS_CLIENT_CA_FILE) {
        return Err(found.invalid(TLS_CLIENT_CA_FILE.row(), problem));
    }
    if let Some(found) = sources.found(&TLS_CLIENT_AUTH) {
        return Err(found.invalid(TLS_CLIENT_AUTH.row(), problem));
    }
    Ok(None)
}

// Both are needed: one of them set is a mistake.
fn alone(sources: &Sources, set: &Setting<Option<PathBuf>>, other: &str) -> ConfigError {
    let problem = format!("needs {other} too, which is not set");
    match sources.found(set) {
        Some(found) => found.invalid(set.row(), problem),
        None => missing(set, &problem),
    }
}

fn broken(sources: &Sources, error: BrokenTls) -> ConfigError {
    let setting = match error.part {
        Part::Certificate => &TLS_CERT_FILE,
        Part::Key => &TLS_KEY_FILE,
        Part::ClientCa => &TLS_CLIENT_CA_FILE,
    };
    match sources.found(setting) {
        Some(found) => found.invalid(setting.row(), error.problem),
        None => missing(setting, "it could not be read"),
    }
}

fn missing(setting: &dyn AnySetting, hint: &str) -> ConfigError {
    ConfigError::Missing {
        key: setting.row().key,
        hint: hint.to_owned(),
    }
}
