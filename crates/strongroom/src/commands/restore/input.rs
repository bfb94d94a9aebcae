use std::fs::File;
use std::path::Path;

use indicatif::ProgressBar;
use strongroom_domain::backup::finding::BackupFinding;
use strongroom_domain::backup::rules::OrganizationPlan;
use strongroom_domain::keyring::sources::RootKeySources;
use strongroom_domain::{OpenedBackup, RestoreError, RestoreObserver, RestorePass};
use strongroom_storage::SCHEMA_VERSION;

use crate::cli::RestoreArgs;
use crate::commands::backup::age_file::{Identities, Lines};
use crate::commands::backup::shared::{is_stream, show_finding};
use crate::commands::progress;
use crate::error::CommandError;

/// The backup, which is read once per pass.
pub(super) struct Input {
    file: File,
    identities: Identities,
    bar: ProgressBar,
    findings: u64,
    /// Whether findings are not shown.
    pub(super) quiet: bool,
}

impl Input {
    /// Opens the file that `args` names, or standard input.
    pub(super) fn open(args: &RestoreArgs, identities: Identities) -> Result<Self, CommandError> {
        let file = open(&args.input)?;
        let length = file.metadata().map_or(0, |data| data.len());
        let template = "{wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
        Ok(Self {
            bar: progress::bar(length, template),
            file,
            identities,
            findings: 0,
            quiet: false,
        })
    }

    /// Reads the header, and decrypts the backup's keys with the root keys in `sources`.
    pub(super) fn header(&self, sources: &RootKeySources) -> Result<OpenedBackup, CommandError> {
        let mut lines = Lines::open(&self.file, &self.identities, &self.bar)?;
        let first = lines.next()?;
        let first = first.ok_or_else(|| RestoreError::Damaged("it is empty".into()))?;
        Ok(OpenedBackup::open(first, SCHEMA_VERSION, sources)?)
    }

    /// Sends all lines after the header through `pass`.
    pub(super) async fn read(
        &mut self,
        mut pass: RestorePass<'_>,
    ) -> Result<Vec<OrganizationPlan>, CommandError> {
        let mut lines = Lines::open(&self.file, &self.identities, &self.bar)?;
        lines.next()?;
        while let Some(line) = lines.next()? {
            pass.line(line, self).await?;
        }
        self.bar.finish_and_clear();
        Ok(pass.finish()?)
    }
}

impl RestoreObserver for Input {
    fn found(&mut self, finding: &BackupFinding) {
        if !self.quiet {
            show_finding(&self.bar, &mut self.findings, finding);
        }
    }
}

// Standard input is read once, and copied, still encrypted, to a temporary file without a name.
fn open(input: &Path) -> Result<File, CommandError> {
    if !is_stream(input) {
        let what = format!("cannot read {}", input.display());
        return File::open(input).map_err(|error| CommandError::io(&what, &error));
    }
    let what = "cannot copy standard input to a temporary file";
    let copied = tempfile::tempfile().and_then(|mut file| {
        std::io::copy(&mut std::io::stdin().lock(), &mut file)?;
        Ok(file)
    });
    copied.map_err(|error| CommandError::io(what, &error))
}
