//! Atomic creation of a cluster's folder, and its removal.

use std::fs;
use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::error::PgError;
use crate::folder::{Folder, sibling};
use crate::programs::Programs;
use crate::wait::{PREVIOUS_SERVER_TIMEOUT, wait_until};

/// Creates the cluster with `create` if the folder has none. The cluster is created in
/// `<data>.new` and renamed when it is complete, so an interrupted attempt can be repeated.
pub(crate) fn create_if_missing(
    programs: &Programs,
    folder: &Folder,
    create: impl FnOnce(&Path) -> Result<(), PgError>,
) -> Result<(), PgError> {
    if is_cluster(folder.data())? {
        return Ok(());
    }
    let new = sibling(folder.data(), "new");
    remove(&new)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&new)
        .map_err(PgError::io(format!("create the folder {}", new.display())))?;
    programs.chown_folder(&new)?;
    create(&new)?;
    let (from, to) = (new.display(), folder.data().display());
    fs::rename(&new, folder.data())
        .and_then(|()| File::open(folder.parent())?.sync_all())
        .map_err(PgError::io(format!("move {from} to {to}")))
}

/// Whether the folder has a database cluster; false if it is empty or missing.
pub(crate) fn is_cluster(data: &Path) -> Result<bool, PgError> {
    let failed = || PgError::io(format!("read the folder {}", data.display()));
    if data.join("PG_VERSION").try_exists().map_err(failed())? {
        return Ok(true);
    }
    match fs::read_dir(data) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(PgError::NotACluster(data.to_owned())),
            None => Ok(false),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed()(error)),
    }
}

/// Removes a folder, if it exists. Retries while a killed program still writes to it.
pub(crate) fn remove(folder: &Path) -> Result<(), PgError> {
    let mut removed = Ok(());
    wait_until(PREVIOUS_SERVER_TIMEOUT, || {
        removed = match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        };
        Ok(!matches!(&removed, Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty))
    })?;
    removed.map_err(PgError::io(format!("remove {}", folder.display())))
}
