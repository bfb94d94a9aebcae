use std::{
    fs::{self, DirBuilder, File},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use crate::{
    PgError,
    folder::{Folder, PREVIOUS, sibling, wait_until},
    programs::Programs,
};

/// Makes the cluster with `make` unless it's there already. It's made next to its place and moved
/// there when it is complete, so an interrupted try is simply done again.
pub(crate) fn ensure(
    programs: &Programs,
    folder: &Folder,
    make: impl FnOnce(&Path) -> Result<(), PgError>,
) -> Result<(), PgError> {
    if is_cluster(folder.data())? {
        return Ok(());
    }
    let fresh = sibling(folder.data(), "new");
    remove(&fresh)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&fresh)
        .map_err(PgError::io(format!(
            "create the folder {}",
            fresh.display()
        )))?;
    programs.give_folder(&fresh)?;
    make(&fresh)?;
    let (from, to) = (fresh.display(), folder.data().display());
    fs::rename(&fresh, folder.data())
        .and_then(|()| File::open(folder.parent())?.sync_all())
        .map_err(PgError::io(format!("move {from} to {to}")))
}

pub(crate) fn is_cluster(data: &Path) -> Result<bool, PgError> {
    let failed = || PgError::io(format!("look into {}", data.display()));
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

/// Removes a folder. A program that was killed there just now may still be writing.
pub(crate) fn remove(folder: &Path) -> Result<(), PgError> {
    let mut removed = Ok(());
    wait_until(PREVIOUS, || {
        removed = match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        };
        Ok(!matches!(&removed, Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty))
    })?;
    removed.map_err(PgError::io(format!("remove {}", folder.display())))
}
