use std::path::Path;

use serde_json::json;
use strongroom_domain::crypto::{OsRandom, RootKeyId};
use strongroom_domain::keyring::sources::new_root_key;

use crate::cli::RootKeyNewArgs;
use crate::error::CommandError;
use crate::{key_files, output};

/// `strongroom root-key new`.
pub(super) fn run(args: &RootKeyNewArgs) -> Result<(), CommandError> {
    let file = args.output();
    let id = create(file)?;
    let value = json!({"key_id": id.to_string(), "file": file});
    let text = format!(
        "wrote root key {id} to {}\n\
         Keep a copy offline: without it, nothing in the database can be decrypted.",
        file.display()
    );
    output::answer(args.json, &value, &text);
    Ok(())
}

/// Writes a new root key to `file`, which must not exist yet.
pub(super) fn create(file: &Path) -> Result<RootKeyId, CommandError> {
    let key = new_root_key(&OsRandom).map_err(|error| CommandError::Failed(error.to_string()))?;
    key_files::write_new(file, &key)?;
    Ok(key.id())
}
