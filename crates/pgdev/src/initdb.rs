use std::{
    fs::{self, DirBuilder, File},
    io::{ErrorKind, Seek, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use crate::{
    Binaries, PgError,
    folder::{Folder, PREVIOUS, sibling, wait_until},
    launcher::{Launcher, OnOurDeath},
};

/// Makes the cluster unless it's there already. It's made next to its place and moved there when
/// it is complete, so an interrupted try is simply done again.
pub(crate) fn ensure(
    binaries: &Binaries,
    launcher: &Launcher,
    folder: &Folder,
    password: &str,
) -> Result<(), PgError> {
    if is_cluster(folder.data())? {
        return Ok(());
    }
    if password.is_empty() || password.contains(char::is_control) {
        return Err(PgError::UnusablePassword);
    }
    let fresh = sibling(folder.data(), "new");
    remove_leftovers(&fresh)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&fresh)
        .map_err(PgError::io(format!(
            "create the folder {}",
            fresh.display()
        )))?;
    launcher.give_folder(&fresh)?;
    run(binaries, launcher, &fresh, password)?;
    let (from, to) = (fresh.display(), folder.data().display());
    fs::rename(&fresh, folder.data())
        .and_then(|()| File::open(folder.parent())?.sync_all())
        .map_err(PgError::io(format!("move {from} to {to}")))
}

fn is_cluster(data: &Path) -> Result<bool, PgError> {
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

/// A child of an `initdb` that was killed just now may still be writing.
fn remove_leftovers(fresh: &Path) -> Result<(), PgError> {
    let mut removed = Ok(());
    wait_until(PREVIOUS, || {
        removed = match fs::remove_dir_all(fresh) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        };
        Ok(!matches!(&removed, Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty))
    })?;
    removed.map_err(PgError::io(format!("remove {}", fresh.display())))
}

fn run(
    binaries: &Binaries,
    launcher: &Launcher,
    fresh: &Path,
    password: &str,
) -> Result<(), PgError> {
    let output = launcher
        // Asked to quit, it would tidy up after us, maybe while our successor is at work there.
        .command(&binaries.dir().join("initdb"), OnOurDeath::Kill)
        .args(["--encoding=UTF8", "--locale=C", "--username=postgres"])
        .args([
            "--auth=scram-sha-256",
            "--data-checksums",
            "--pwfile=/dev/stdin",
        ])
        .arg("-D")
        .arg(fresh)
        .stdin(password_file(launcher, password)?)
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

/// A file without a name, so that no password is left behind however we end.
fn password_file(launcher: &Launcher, password: &str) -> Result<File, PgError> {
    let failed = || PgError::io("write a temporary file");
    let mut file = tempfile::tempfile().map_err(failed())?;
    writeln!(file, "{password}")
        .and_then(|()| file.rewind())
        .map_err(failed())?;
    launcher.give_file(&file)?;
    Ok(file)
}
