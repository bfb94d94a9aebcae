//! The file `postmaster.pid`, which describes the server that runs in a folder.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;

use crate::error::PgError;
use crate::process;
use crate::wait::{PREVIOUS_SERVER_TIMEOUT, wait_until};

const PID_FILE: &str = "postmaster.pid";

/// The content of the file.
pub(crate) struct PidFile {
    pub(crate) pid: u32,
    pub(crate) ready: bool,
}

/// Reads the file. Returns `None` if it is missing or incomplete.
pub(crate) fn read_pid_file(data: &Path) -> Option<PidFile> {
    let text = fs::read_to_string(data.join(PID_FILE)).ok()?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    // The number is negative for a server in single-user mode.
    let pid = lines.first()?.parse::<i32>().ok()?.unsigned_abs();
    Some(PidFile {
        pid,
        ready: lines.get(7) == Some(&"ready"),
    })
}

/// Waits up to 10 seconds for a server that another program started in the folder to end.
///
/// The file of a crashed server is left to PostgreSQL's own recovery.
pub(crate) fn wait_for_other_server(data: &Path) -> Result<(), PgError> {
    let Some(PidFile { pid, .. }) = read_pid_file(data) else {
        return Ok(());
    };
    if !wait_until(PREVIOUS_SERVER_TIMEOUT, || Ok(!works_in(pid, data)))? {
        return Err(PgError::InUse {
            data: data.to_owned(),
            pid: Some(pid),
        });
    }
    if runs(pid) {
        // The system has reused the number for another process, as in a restarted container.
        // PostgreSQL would assume that this process is a running server.
        let path = data.join(PID_FILE);
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

/// Whether the process is a server in the folder, which is the working directory of its server.
/// Without `/proc`, every running process counts.
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
