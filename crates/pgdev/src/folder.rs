use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf, absolute},
    thread,
    time::{Duration, Instant},
};

use crate::{PgError, postmaster};

/// How long a PostgreSQL that's still in the folder may take to end.
pub(crate) const PREVIOUS: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A cluster's folder, claimed for one user at a time.
pub(crate) struct Folder {
    data: PathBuf,
    parent: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes the parent folder where it's missing, and waits a while for a previous user to end.
    pub(crate) fn claim(data: &Path) -> Result<Self, PgError> {
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
        let free = wait_until(PREVIOUS, || match lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(failed()(error)),
        })?;
        if !free {
            let pid = postmaster::recorded(&data).map(|recorded| recorded.pid);
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

    /// The claim for the server's standard input: it and all its children inherit that, so the
    /// folder stays claimed until the last of them has ended, also when we're gone before.
    pub(crate) fn claim_for_child(&self) -> Result<File, PgError> {
        self.lock
            .try_clone()
            .map_err(PgError::io("copy a file handle"))
    }
}

/// The parent and the folder, both absolute and without symbolic links.
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

/// `<data>.<extension>`, next to the folder.
pub(crate) fn sibling(data: &Path, extension: &str) -> PathBuf {
    let mut name = OsString::from(data);
    name.push(".");
    name.push(extension);
    name.into()
}

/// Polls until `done` says so; whether that was within the limit.
pub(crate) fn wait_until(
    limit: Duration,
    mut done: impl FnMut() -> Result<bool, PgError>,
) -> Result<bool, PgError> {
    let deadline = Instant::now() + limit;
    while !done()? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
    Ok(true)
}
