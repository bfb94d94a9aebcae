//! The folder of a cluster, locked against concurrent use.

use std::ffi::OsString;
use std::fs;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};

use crate::error::PgError;
use crate::postmaster;
use crate::wait::{PREVIOUS_SERVER_TIMEOUT, wait_until};

/// A cluster's folder, and an exclusive lock on the file `<data>.lock` next to it.
pub(crate) struct Folder {
    data: PathBuf,
    parent: PathBuf,
    lock: File,
}

impl Folder {
    /// Locks the folder, after creating its parent if it is missing. Waits up to 10 seconds for a
    /// previous holder of the lock.
    pub(crate) fn lock(data: &Path) -> Result<Self, PgError> {
        let (parent, data) = resolve(data)?;
        let path = sibling(&data, "lock");
        let failed = || PgError::io(format!("lock {}", path.display()));
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed())?;
        let free = wait_until(PREVIOUS_SERVER_TIMEOUT, || match lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(failed()(error)),
        })?;
        if !free {
            let pid = postmaster::read_pid_file(&data).map(|file| file.pid);
            return Err(PgError::InUse { data, pid });
        }
        Ok(Self { data, parent, lock })
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn parent(&self) -> &Path {
        &self.parent
    }

    /// A handle of the lock file, for the standard input of the server. The server's children
    /// inherit it, so the folder stays locked until the last of them has ended, even if this
    /// process ends earlier.
    pub(crate) fn lock_handle_for_child(&self) -> Result<File, PgError> {
        self.lock
            .try_clone()
            .map_err(PgError::io("copy a file handle"))
    }
}

/// The parent of the folder and the folder, both absolute and without symbolic links.
fn resolve(data: &Path) -> Result<(PathBuf, PathBuf), PgError> {
    let failed = |verb: &str, path: &Path| PgError::io(format!("{verb} {}", path.display()));
    let data = absolute(data).map_err(failed("find", data))?;
    let data = match data.canonicalize() {
        Ok(data) => data,
        Err(_) => data,
    };
    let (Some(parent), Some(name)) = (data.parent(), data.file_name()) else {
        return Err(PgError::NotACluster(data));
    };
    fs::create_dir_all(parent).map_err(failed("create the folder", parent))?;
    let parent = parent.canonicalize().map_err(failed("find", parent))?;
    let data = parent.join(name);
    Ok((parent, data))
}

/// The path `<data>.<extension>`, next to the folder.
pub(crate) fn sibling(data: &Path, extension: &str) -> PathBuf {
    let mut name = OsString::from(data);
    name.push(".");
    name.push(extension);
    name.into()
}
