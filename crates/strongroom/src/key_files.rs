//! Writes root keys to files: completely or not at all, durably, and readable only by their owner.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{Error, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::Path;

use strongroom_domain::crypto::RootKey;
use zeroize::Zeroizing;

use crate::error::CommandError;
use crate::files::{folder_of, sync_folder};

const HEADING: &str =
    "# Strongroom root key. Secret: with it, everything in the database can be decrypted.";

/// Writes `key` to `file`, which must not exist yet.
pub(crate) fn write_new(file: &Path, key: &RootKey) -> Result<(), CommandError> {
    let what = format!("cannot write the root key to {}", file.display());
    let failed = |error: Error| CommandError::io(&what, &error);
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    writeln!(out, "{HEADING}")
        .and_then(|()| writeln!(out, "{}", key.to_text().expose()))
        .and_then(|()| out.sync_all())
        .and_then(|()| sync_folder(&folder_of(file)))
        .map_err(failed)
}

/// Adds `key` as the newest key: to a file at its end, or to a folder as a new file.
pub(crate) fn append(path: &Path, key: &RootKey) -> Result<(), CommandError> {
    if path.is_dir() {
        let files = fs::read_dir(path).map(Iterator::count).unwrap_or(0);
        // The last file by name holds the newest key.
        return write_new(&path.join(format!("z{files:06}-{}.key", key.id())), key);
    }
    let what = format!("cannot add the new root key to {}", path.display());
    append_to_file(path, key).map_err(|error| CommandError::io(&what, &error))
}

fn append_to_file(path: &Path, key: &RootKey) -> Result<(), Error> {
    let folder = folder_of(path);
    // Two concurrent commands must not lose each other's key. The lock is on the folder because the
    // file is replaced.
    let lock = File::open(&folder)?;
    lock.lock()?;
    let mut text = Zeroizing::new(fs::read_to_string(path)?);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(key.to_text().expose());
    text.push('\n');
    let owner = fs::metadata(path)?;
    // Mode 0600, an unpredictable name, and removed unless it replaces the file.
    let mut draft = tempfile::Builder::new()
        .prefix(".root-key-")
        .tempfile_in(&folder)?;
    draft.write_all(text.as_bytes())?;
    // The server may run as another user than the operator.
    chown(draft.path(), Some(owner.uid()), Some(owner.gid()))?;
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|error| error.error)?;
    sync_folder(&folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use strongroom_domain::crypto::OsRandom;
    use strongroom_domain::keyring::sources::new_root_key;

    use super::*;

    #[test]
    fn keys_are_added_at_the_end_and_none_is_lost_in_a_race() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("root.key");
        write_new(&file, &new_root_key(&OsRandom).unwrap()).unwrap();
        assert!(write_new(&file, &new_root_key(&OsRandom).unwrap()).is_err());
        let racing: Vec<_> = (0..8)
            .map(|_| {
                let file = file.clone();
                std::thread::spawn(move || append(&file, &new_root_key(&OsRandom).unwrap()))
            })
            .collect();
        for thread in racing {
            thread.join().unwrap().unwrap();
        }
        let text = fs::read_to_string(&file).unwrap();
        let keys = text.lines().filter(|line| RootKey::parse(line).is_ok());
        assert_eq!(keys.count(), 9);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
