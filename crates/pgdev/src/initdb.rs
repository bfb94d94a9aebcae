//! Creation of a cluster by `initdb`.

use std::path::Path;

use crate::create::create_if_missing;
use crate::error::PgError;
use crate::folder::Folder;
use crate::launcher::ParentDeathSignal;
use crate::programs::Programs;

/// Runs `initdb` if the folder has no cluster.
pub(crate) fn init_if_missing(
    programs: &Programs,
    folder: &Folder,
    password: &str,
) -> Result<(), PgError> {
    create_if_missing(programs, folder, |new| {
        if password.is_empty() || password.contains(char::is_control) {
            return Err(PgError::UnusablePassword);
        }
        run(programs, new, password)
    })
}

fn run(programs: &Programs, new: &Path, password: &str) -> Result<(), PgError> {
    let output = programs
        // On SIGQUIT, `initdb` would remove its files, while the next start may write there.
        .command("initdb", ParentDeathSignal::Kill)?
        .args(["--encoding=UTF8", "--locale=C", "--username=postgres"])
        .args([
            "--auth=scram-sha-256",
            "--data-checksums",
            "--pwfile=/dev/stdin",
        ])
        .arg("-D")
        .arg(new)
        .stdin(programs.unnamed_file(password)?)
        .output()
        .map_err(PgError::io("run PostgreSQL's `initdb`"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(PgError::InitDb {
        data: new.to_owned(),
        status: output.status.to_string(),
        stderr: String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned(),
    })
}
