//! PostgreSQL's log file.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::Stdio;

use crate::error::PgError;

const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 64 * 1024;

/// PostgreSQL's log file. This process opens it, so PostgreSQL's account needs no access to it.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub(crate) fn open(path: &Path) -> Result<Self, PgError> {
        let failed = || PgError::io(format!("open PostgreSQL's log {}", path.display()));
        let path = absolute(path).map_err(failed())?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed())?;
        }
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed())?;
        Ok(Self { path, file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A handle of the file, for the standard output or error of a program.
    pub(crate) fn for_child(&self) -> Result<Stdio, PgError> {
        Ok(self
            .file
            .try_clone()
            .map_err(PgError::io("copy a file handle"))?
            .into())
    }

    /// The length of the file in bytes: the offset of the next entry.
    pub(crate) fn end(&self) -> u64 {
        self.file.metadata().map_or(0, |file| file.len())
    }

    /// The last lines after the offset `start`: at most 20 lines and 64 KiB.
    pub(crate) fn tail(&self, start: u64) -> String {
        let start = start.max(self.end().saturating_sub(TAIL_BYTES));
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.take(TAIL_BYTES).read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            return format!("(cannot be read: {error})");
        }
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}
