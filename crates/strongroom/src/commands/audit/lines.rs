use std::fs::{File, OpenOptions};
use std::io;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use strongroom_domain::audit::stored::StoredEvent;
use strongroom_domain::{AuditExport, OrgId, Vault};

use crate::error::CommandError;
use crate::files::{folder_of, sync_folder};

/// One exported event.
#[derive(Serialize)]
struct Line<'a> {
    org_id: OrgId,
    #[serde(flatten)]
    event: &'a StoredEvent,
}

/// Writes events as JSON Lines.
pub(super) struct Lines<W: Write> {
    out: BufWriter<W>,
    /// The number of events that were written.
    pub(super) count: u64,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out: BufWriter::new(out),
            count: 0,
        }
    }

    /// Writes the rest of `export`. `false` when the output was closed by its reader.
    pub(super) async fn write(
        &mut self,
        vault: &Vault,
        org: OrgId,
        mut export: AuditExport,
    ) -> Result<bool, CommandError> {
        while let Some(events) = vault.exported(&mut export).await? {
            for event in &events {
                let line = self.line(&Line { org_id: org, event });
                if !self.written(line)? {
                    return Ok(false);
                }
                self.count += 1;
            }
        }
        self.written(Ok(()))
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    fn written(&mut self, written: io::Result<()>) -> Result<bool, CommandError> {
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Flushes, and returns the output.
    pub(super) fn finish(self) -> Result<W, CommandError> {
        match self.out.into_inner() {
            Ok(out) => Ok(out),
            Err(error) if error.error().kind() == io::ErrorKind::BrokenPipe => {
                Ok(error.into_inner().into_parts().0)
            }
            Err(error) => Err(failed(error.error())),
        }
    }
}

fn failed(error: &io::Error) -> CommandError {
    CommandError::io("cannot write the export", error)
}

/// Opens `file` for writing, readable only by its owner. An existing file is an error unless
/// `replace` is set.
pub(super) fn create(file: &Path, replace: bool) -> Result<File, CommandError> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if replace {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let what = format!("cannot write {}", file.display());
    options
        .open(file)
        .map_err(|error| CommandError::io(&what, &error))
}

/// Makes the content of `file` durable.
pub(super) fn sync_content(file: &File) -> Result<(), CommandError> {
    file.sync_all().map_err(|error| failed(&error))
}

/// Makes the name of `file` durable.
pub(super) fn sync_name(file: &Path) -> Result<(), CommandError> {
    sync_folder(&folder_of(file)).map_err(|error| failed(&error))
}
