//! The file `postmaster.pid`, in which a running PostgreSQL tells about itself.
use std::{fs, io::ErrorKind, os::unix::fs::MetadataExt, path::Path};

use nix::{errno::Errno, sys::signal::kill};

use crate::{
    PgError,
    folder::{PREVIOUS, wait_until},
    process,
};

const FILE: &str = "postmaster.pid";

pub(crate) struct Recorded {
    pub(crate) pid: u32,
    pub(crate) ready: bool,
}

/// What the file says; nothing when it's missing or just being written.
pub(crate) fn recorded(data: &Path) -> Option<Recorded> {
    let text = fs::read_to_string(data.join(FILE)).ok()?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    // Negative for a server in single-user mode.
    let pid = lines.first()?.parse::<i32>().ok()?.unsigned_abs();
    Some(Recorded {
        pid,
        ready: lines.get(7) == Some(&"ready"),
    })
}

/// Waits for a server that somebody else started in the folder; one that crashed is left to
/// PostgreSQL's own recovery.
pub(crate) fn await_foreign(data: &Path) -> Result<(), PgError> {
    let Some(Recorded { pid, .. }) = recorded(data) else {
        return Ok(());
    };
    if !wait_until(PREVIOUS, || Ok(!works_in(pid, data)))? {
        return Err(PgError::InUse {
            data: data.to_owned(),
            pid: Some(pid),
        });
    }
    if runs(pid) {
        // The number has been given to another process since, e.g. in a restarted container:
        // PostgreSQL would take that one for a running server.
        let path = data.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(PgError::io(format!("remove {}", path.display()))(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn runs(pid: u32) -> bool {
    pid != 0 && kill(process::pid(pid), None) != Err(Errno::ESRCH)
}

/// A server's working directory is its data folder. Where that can't be told (no /proc),
/// every running process counts.
fn works_in(pid: u32, data: &Path) -> bool {
    if !runs(pid) {
        return false;
    }
    let Ok(data) = fs::metadata(data) else {
        return false;
    };
    match fs::metadata(format!("/proc/{pid}/cwd")) {
        Ok(cwd) => (cwd.dev(), cwd.ino()) == (data.dev(), data.ino()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => false,
        Err(_) => !Path::new("/proc/self/cwd").exists(),
    }
}
