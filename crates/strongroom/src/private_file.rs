//! Files that contain secrets.

use std::io::{Error, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::CommandError;
use crate::files::{folder_of, sync_folder};

/// Refuses a file that others than its owner can read or change.
pub(crate) fn check_private(file: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "others can read or change this file (mode {:04o}); run: chmod 600 {}",
        mode & 0o7777,
        file.display()
    ))
}

/// Replaces the content of `file`, or creates it: completely or not at all, durably, and readable
/// only by its owner.
pub(crate) fn replace(file: &Path, content: &[u8]) -> Result<(), Error> {
    let folder = folder_of(file);
    let draft = write_draft(draft_in(&folder)?, content)?;
    draft.persist(file).map_err(|error| error.error)?;
    sync_folder(&folder)
}

/// A file that will be created, of which nothing is visible before [`Self::keep`].
pub(crate) struct NewPrivateFile {
    draft: NamedTempFile,
    file: PathBuf,
}

impl NewPrivateFile {
    /// Prepares to create `file`, which must not exist.
    pub(crate) fn prepare(file: &Path) -> Result<Self, CommandError> {
        if file.symlink_metadata().is_ok() {
            return Err(CommandError::Failed(format!(
                "{} exists already; give another --output",
                file.display()
            )));
        }
        let draft = draft_in(&folder_of(file)).map_err(|error| failed(file, &error))?;
        Ok(Self {
            draft,
            file: file.to_owned(),
        })
    }

    /// Creates the file with `content`, durably, and readable only by its owner.
    pub(crate) fn keep(self, content: &[u8]) -> Result<(), CommandError> {
        let Self { draft, file } = self;
        let kept = write_draft(draft, content)
            .and_then(|draft| draft.persist_noclobber(&file).map_err(|error| error.error))
            .and_then(|_| sync_folder(&folder_of(&file)));
        kept.map_err(|error| failed(&file, &error))
    }
}

// Mode 0600, and removed when dropped.
fn draft_in(folder: &Path) -> Result<NamedTempFile, Error> {
    tempfile::Builder::new()
        .prefix(".strongroom-")
        .tempfile_in(folder)
}

fn write_draft(mut draft: NamedTempFile, content: &[u8]) -> Result<NamedTempFile, Error> {
    draft.write_all(content)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

fn failed(file: &Path, error: &Error) -> CommandError {
    CommandError::io(&format!("cannot write {}", file.display()), error)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_private_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let prepared = NewPrivateFile::prepare(&file).unwrap();
        assert!(!file.exists());
        prepared.keep(b"one").unwrap();
        assert_eq!(
            (mode(&file), fs::read(&file).unwrap()),
            (0o600, b"one".into())
        );
        assert!(NewPrivateFile::prepare(&file).is_err());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(
            (mode(&file), fs::read(&file).unwrap()),
            (0o600, b"two".into())
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
