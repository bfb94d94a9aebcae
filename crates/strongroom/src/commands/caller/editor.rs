//! Edits a secret in the user's editor.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{Error, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use super::revealed::check_json;
use crate::error::CommandError;
use crate::output;
use crate::settings::profile::{editor, runtime_folder};

/// A folder that only its owner can enter. What editors leave in it is wiped as well.
struct PrivateFolder(TempDir);

impl PrivateFolder {
    // The runtime folder is in memory on most systems.
    fn new() -> Result<Self, Error> {
        let folder = runtime_folder().unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::Builder::new()
            .prefix("strongroom-edit-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(folder)?;
        Ok(Self(folder))
    }

    fn write(&self, text: &str) -> Result<PathBuf, Error> {
        let file = self.0.path().join("secret.json");
        let mut options = OpenOptions::new();
        let mut out = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)?;
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        Ok(file)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let entries = fs::read_dir(self.0.path()).into_iter().flatten();
        for file in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let _ = wipe(&file);
        }
    }
}

fn wipe(file: &Path) -> Result<(), Error> {
    let length = fs::symlink_metadata(file)?.len();
    let zeros = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut out = OpenOptions::new().write(true).open(file)?;
    out.write_all(&zeros)?;
    out.sync_all()
}

/// `text` as the user edited it; `None` if it is the same.
pub(super) async fn edit(text: &str) -> Result<Option<Zeroizing<String>>, CommandError> {
    let failed = |error| CommandError::io("cannot edit the secret in a private file", &error);
    // While the editor runs, signals are its own, so that the file is wiped in any case.
    let _ignored = ignore_signals().map_err(failed)?;
    let folder = PrivateFolder::new().map_err(failed)?;
    let file = folder.write(text).map_err(failed)?;
    loop {
        run_editor(&file).await?;
        let edited = fs::read_to_string(&file).map(Zeroizing::new);
        let edited = edited.map_err(failed)?;
        match check_json(&edited) {
            Ok(json) if json == text => return Ok(None),
            Ok(json) => return Ok(Some(Zeroizing::new(json.to_owned()))),
            Err(error) => {
                let question = format!("{error}. Edit it again? Type yes, or no to discard it: ");
                if output::ask(&question).map_err(failed)? != "yes" {
                    return Err(error);
                }
            }
        }
    }
}

async fn run_editor(file: &Path) -> Result<(), CommandError> {
    let editor = editor();
    // The variable may have arguments, so it is the shell's to take apart.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$@\""), &editor])
        .arg(file)
        .status()
        .await
        .map_err(|error| CommandError::io(&format!("cannot start {editor}"), &error))?;
    if status.success() {
        return Ok(());
    }
    let problem = format!("the editor ({editor}) failed: {status}; nothing was changed");
    Err(CommandError::Failed(problem))
}

// A child does not inherit these handlers.
fn ignore_signals() -> Result<Vec<Signal>, Error> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    kinds.into_iter().map(signal).collect()
}
