use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_domain::crypto::SecretString;
use zeroize::Zeroizing;

use crate::client::identity::Identity;
use crate::error::CommandError;
use crate::private_file::{check_private, replace};
use crate::settings::profile::folder;

/// The profile that is used when none is named.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// What a caller needs to call a server, kept in a file of the user's own.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) url: String,
    /// Whether `http://` is accepted for other machines.
    pub(crate) insecure_http: bool,
    pub(crate) org: String,
    pub(crate) identity: Identity,
    /// PEM file with the authorities of the server's certificate.
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM files with a client certificate and its private key.
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) cert_key_file: Option<PathBuf>,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    url: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    insecure_http: bool,
    org_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert_key_file: Option<PathBuf>,
}

impl Profile {
    /// The file of the profile `name`.
    pub(crate) fn file(name: &str) -> Result<PathBuf, CommandError> {
        // The name is part of the file's name.
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(CommandError::Usage(
                "--profile must have 1 to 64 letters, digits, '-' or '_'".into(),
            ));
        }
        let folder = folder().ok_or_else(|| {
            let problem =
                "there is no folder for profiles: set XDG_CONFIG_HOME or HOME to a full path";
            CommandError::Failed(problem.into())
        })?;
        Ok(folder.join(format!("{name}.json")))
    }

    /// Whether there is a profile `name`.
    pub(crate) fn exists(name: &str) -> bool {
        Self::file(name).is_ok_and(|file| file.symlink_metadata().is_ok())
    }

    /// Reads the profile `name`.
    pub(crate) fn read(name: &str) -> Result<Self, CommandError> {
        let file = Self::file(name)?;
        let broken = |problem: String| {
            CommandError::Failed(format!("profile {name:?} ({}): {problem}", file.display()))
        };
        let text = match fs::read(&file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing(name, &file)),
            Err(error) => return Err(broken(error.to_string())),
        };
        check_private(&file).map_err(broken)?;
        // The error's own text may quote a secret.
        let stored: Stored = serde_json::from_slice(&text)
            .map_err(|_| broken("is damaged; run `strongroom login` again".into()))?;
        let identity = match (stored.api_key, stored.client_id, stored.client_secret) {
            (Some(key), None, None) => Identity::ApiKey(secret(key)),
            (None, Some(id), Some(text)) => {
                let secret = secret(text);
                Identity::Client { id, secret }
            }
            _ => return Err(broken("needs one key; run `strongroom login` again".into())),
        };
        Ok(Self {
            url: stored.url,
            insecure_http: stored.insecure_http,
            org: stored.org_id,
            identity,
            ca_file: stored.ca_file,
            cert_file: stored.cert_file,
            cert_key_file: stored.cert_key_file,
        })
    }

    /// Keeps the profile under `name`, in place of an earlier one, and returns its file.
    pub(crate) fn write(self, name: &str) -> Result<PathBuf, CommandError> {
        let file = Self::file(name)?;
        // Exposed to be kept in a file that is private.
        let text = |secret: &SecretString| Some(Zeroizing::new(secret.expose().to_owned()));
        let (api_key, client_id, client_secret) = match &self.identity {
            Identity::ApiKey(key) => (text(key), None, None),
            Identity::Client { id, secret } => (None, Some(id.clone()), text(secret)),
        };
        let stored = Stored {
            url: self.url,
            insecure_http: self.insecure_http,
            org_id: self.org,
            api_key,
            client_id,
            client_secret,
            ca_file: self.ca_file,
            cert_file: self.cert_file,
            cert_key_file: self.cert_key_file,
        };
        let what = format!("cannot write {}", file.display());
        let failed = |error| CommandError::io(&what, &error);
        let text = serde_json::to_vec_pretty(&stored).map(Zeroizing::new);
        let text = text.map_err(|error| failed(error.into()))?;
        if let Some(folder) = file.parent() {
            let mut private = DirBuilder::new();
            private.recursive(true).mode(0o700);
            private.create(folder).map_err(failed)?;
        }
        replace(&file, &text).map_err(failed)?;
        Ok(file)
    }

    /// Removes the profile `name`.
    pub(crate) fn remove(name: &str) -> Result<PathBuf, CommandError> {
        let file = Self::file(name)?;
        match fs::remove_file(&file) {
            Ok(()) => Ok(file),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(name, &file)),
            Err(error) => {
                let what = format!("cannot remove {}", file.display());
                Err(CommandError::io(&what, &error))
            }
        }
    }
}

fn secret(mut text: Zeroizing<String>) -> SecretString {
    SecretString::new(std::mem::take(&mut text))
}

fn missing(name: &str, file: &Path) -> CommandError {
    CommandError::Failed(format!(
        "there is no profile {name:?} ({}); make it with `strongroom login --profile {name}`",
        file.display()
    ))
}
