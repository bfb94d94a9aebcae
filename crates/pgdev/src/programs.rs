use std::{
    fs::File,
    io::{Seek, Write},
    path::Path,
    process::Command,
};

use crate::{
    Binaries, PgError,
    folder::Folder,
    launcher::{Launcher, OnOurDeath},
};

/// PostgreSQL's programs, and how they are started for one folder.
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

    pub(crate) fn command(
        &self,
        name: &'static str,
        on_our_death: OnOurDeath,
    ) -> Result<Command, PgError> {
        let program = self.binaries.program(name)?;
        Ok(self.launcher.command(&program, on_our_death))
    }

    /// Makes a new folder PostgreSQL's own.
    pub(crate) fn give_folder(&self, path: &Path) -> Result<(), PgError> {
        self.launcher.give_folder(path)
    }

    /// Makes a new file PostgreSQL's own.
    pub(crate) fn give_file(&self, file: &File) -> Result<(), PgError> {
        self.launcher.give_file(file)
    }

    /// A file without a name that holds a line of text, so that nothing secret is left behind
    /// however we end.
    pub(crate) fn unnamed_file(&self, text: &str) -> Result<File, PgError> {
        let failed = || PgError::io("write a temporary file");
        let mut file = tempfile::tempfile().map_err(failed())?;
        writeln!(file, "{text}")
            .and_then(|()| file.rewind())
            .map_err(failed())?;
        self.give_file(&file)?;
        Ok(file)
    }
}
