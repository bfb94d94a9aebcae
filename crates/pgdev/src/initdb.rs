use std::path::Path;

use crate::{PgError, folder::Folder, fresh, launcher::OnOurDeath, programs::Programs};

/// Makes the cluster unless it's there already.
pub(crate) fn ensure(programs: &Programs, folder: &Folder, password: &str) -> Result<(), PgError> {
    fresh::ensure(programs, folder, |fresh| {
        if password.is_empty() || password.contains(char::is_control) {
            return Err(PgError::UnusablePassword);
        }
        run(programs, fresh, password)
    })
}

fn run(programs: &Programs, fresh: &Path, password: &str) -> Result<(), PgError> {
    let output = programs
        // Asked to quit, it would tidy up after us, maybe while our successor is at work there.
        .command("initdb", OnOurDeath::Kill)?
        .args(["--encoding=UTF8", "--locale=C", "--username=postgres"])
        .args([
            "--auth=scram-sha-256",
            "--data-checksums",
            "--pwfile=/dev/stdin",
        ])
        .arg("-D")
        .arg(fresh)
        .stdin(programs.unnamed_file(password)?)
        .output()
        .map_err(PgError::io("run PostgreSQL's `initdb`"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(PgError::InitDb {
        data: fresh.to_owned(),
        status: output.status.to_string(),
        stderr: String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned(),
    })
}
