//! PostgreSQL's programs, for one cluster.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;

use crate::binaries::Binaries;
use crate::error::PgError;
use crate::folder::Folder;
use crate::launcher::{Launcher, ParentDeathSignal};

/// PostgreSQL's programs, and the launcher that starts them for one folder.
pub(crate) struct Programs {
    binaries: Binaries,
    launcher: Launcher,
}

impl Programs {
    pub(crate) fn new(binaries: &Binaries, folder: &Folder) -> Result<Self, PgError> {
        let launcher = Launcher::new(folder.data(), &[folder.parent(), binaries.dir()])?;
        Ok(Self {
            binaries: binaries.clone(),
            launcher,
        })
    }

    /// A command for the program `name`.
    pub(crate) fn command(
        &self,
        name: &'static str,
        death_signal: ParentDeathSignal,
    ) -> Result<Command, PgError> {
        let program = self.binaries.program(name)?;
        Ok(self.launcher.command(&program, death_signal))
    }

    /// Makes PostgreSQL's account the owner of a new folder.
    pub(crate) fn chown_folder(&self, path: &Path) -> Result<(), PgError> {
        self.launcher.chown_folder(path)
    }

    /// Makes PostgreSQL's account the owner of a new file.
    pub(crate) fn chown_file(&self, file: &File) -> Result<(), PgError> {
        self.launcher.chown_file(file)
    }

    /// A file with a line of text and without a name, so that no secret stays on the disk even if
    /// this process is killed.
    pub(crate) fn unnamed_file(&self, text: &str) -> Result<File, PgError> {
        let failed = || PgError::io("write a temporary file");
        let mut file = tempfile::tempfile().map_err(failed())?;
        writeln!(file, "{text}")
            .and_then(|()| file.rewind())
            .map_err(failed())?;
        self.chown_file(&file)?;
        Ok(file)
    }
}
