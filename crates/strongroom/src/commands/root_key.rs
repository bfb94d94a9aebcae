use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;
use strongroom_domain::crypto::{OsRandom, RootKeyId};
use strongroom_domain::keyring::new_root_key;

use crate::cli::RootKeyCommand;
use crate::error::CommandError;
use crate::output;

/// `strongroom root-key …`.
pub(super) fn run(command: &RootKeyCommand) -> Result<(), CommandError> {
    let RootKeyCommand::New { file, json } = command;
    let id = create(file)?;
    let value = json!({"key_id": id.to_string(), "file": file});
    let text = format!(
        "wrote root key {id} to {}\nKeep a copy offline: without it nothing in the database can be opened.",
        file.display()
    );
    output::answer(*json, &value, &text);
    Ok(())
}

/// Writes a new root key to `file`, which must not exist yet.
pub(super) fn create(file: &Path) -> Result<RootKeyId, CommandError> {
    let key = new_root_key(&OsRandom).map_err(|error| CommandError::Failed(error.to_string()))?;
    let what = format!("cannot write the root key to {}", file.display());
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(|error| CommandError::io(&what, &error))?;
    let text = key.to_text();
    writeln!(
        out,
        "# Strongroom root key. Secret: whoever has it and the database can open everything."
    )
    .and_then(|()| writeln!(out, "{}", text.expose()))
    .and_then(|()| out.sync_all())
    .map_err(|error| CommandError::io(&what, &error))?;
    Ok(key.id())
}
