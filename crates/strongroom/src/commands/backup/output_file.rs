use std::fs::{File, OpenOptions, remove_file, rename};
use std::io::{BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::shared::is_stream;
use crate::error::CommandError;
use crate::files::{folder_of, partial_name, sync_folder};

/// The output of a backup: standard output, or a file that has another name until it is complete
/// and durable, and is removed when dropped before.
pub(super) enum OutputFile {
    Stream(std::io::Stdout),
    File {
        out: BufWriter<File>,
        partial: PathBuf,
        file: PathBuf,
        kept: bool,
    },
}

impl OutputFile {
    /// Opens `file`, which must not exist, or standard output.
    pub(super) fn create(file: &Path) -> Result<Self, CommandError> {
        if is_stream(file) {
            if std::io::stdout().is_terminal() {
                let problem = "the backup is not text; redirect standard output to a file or pipe";
                return Err(CommandError::Failed(problem.into()));
            }
            return Ok(Self::Stream(std::io::stdout()));
        }
        if file.symlink_metadata().is_ok() {
            return Err(CommandError::Failed(format!(
                "{} exists already; give another --output",
                file.display()
            )));
        }
        let partial = partial_name(file);
        let what = format!("cannot write {}", partial.display());
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial);
        let opened = opened.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => CommandError::Failed(format!(
                "{what}: it exists already, from a backup that is running or was killed. \
                 Remove it if no backup is running"
            )),
            _ => CommandError::io(&what, &error),
        })?;
        Ok(Self::File {
            out: BufWriter::new(opened),
            partial,
            file: file.to_owned(),
            kept: false,
        })
    }

    /// Makes the complete file durable under its name; returns its size in bytes, `None` for
    /// standard output.
    pub(super) fn keep(mut self) -> Result<Option<u64>, CommandError> {
        let kept = self.flush().and_then(|()| self.sync_and_rename());
        kept.map_err(|error| CommandError::io("cannot write the backup", &error))
    }

    fn sync_and_rename(&mut self) -> std::io::Result<Option<u64>> {
        let Self::File {
            out,
            partial,
            file,
            kept,
        } = self
        else {
            return Ok(None);
        };
        let written = out.get_ref();
        written.sync_all()?;
        let bytes = written.metadata()?.len();
        rename(&*partial, &*file)?;
        *kept = true;
        sync_folder(&folder_of(file))?;
        Ok(Some(bytes))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Stream(out) => out.write(bytes),
            Self::File { out, .. } => out.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Stream(out) => out.flush(),
            Self::File { out, .. } => out.flush(),
        }
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Self::File { partial, kept, .. } = self
            && !*kept
        {
            let _ = remove_file(partial);
        }
    }
}
