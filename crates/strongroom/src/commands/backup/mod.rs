//! `strongroom backup`.

pub(super) mod age_file;
mod output_file;
pub(super) mod shared;

use std::io::Write;

use age::stream::StreamWriter;
use indicatif::ProgressBar;
use serde_json::json;
use strongroom_domain::backup::finding::BackupFinding;
use strongroom_domain::ports::backup::BackupSink;
use strongroom_domain::{BackupScope, VaultError};
use strongroom_storage::{Database, PgBackupSource};

use self::output_file::OutputFile;
use self::shared::{STATEMENT_TIMEOUT, is_stream, show_finding};
use super::progress;
use crate::cli::BackupArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{callers, open_vault, output};

/// `strongroom backup`.
pub(super) async fn run(args: &BackupArgs) -> Result<(), CommandError> {
    let named = args.org.as_deref().map(callers::operator).transpose()?;
    let scope = match &named {
        Some(caller) => BackupScope::Organization(caller.org()),
        None => BackupScope::Service,
    };
    let recipients = age_file::recipients(&args.recipient, args.recipients_file.as_deref())?;
    let mut access = VaultAccess::read(&args.vault)?;
    access.database.statement_timeout = STATEMENT_TIMEOUT;
    let out = OutputFile::create(&args.output)?;
    let vault = open_vault::with_access(&access).await?;
    let source = PgBackupSource::new(Database::new(&access.database)?);
    let mut sink = Sink {
        out: age_file::encrypt(&recipients, out)?,
        bar: ProgressBar::hidden(),
        findings: 0,
        lines: 0,
    };
    let request = callers::command_line();
    let copied = vault.backup(&source, scope, &request, &mut sink).await;
    sink.bar.finish_and_clear();
    let (organizations, findings) = copied.map_err(|error| {
        let org = args.org.as_deref().unwrap_or_default();
        CommandError::about(error, "organization", org)
    })?;
    if findings > 0 && !args.despite_findings {
        return Err(CommandError::Failed(format!(
            "no backup was kept because {findings} item(s) in the database do not verify; see \
             `strongroom verify` and `strongroom audit verify`. --despite-findings keeps the \
             backup"
        )));
    }
    finish(args, sink, organizations, findings)
}

fn finish(
    args: &BackupArgs,
    sink: Sink,
    organizations: u64,
    findings: u64,
) -> Result<(), CommandError> {
    let rows = sink.lines;
    let out = sink.out.finish();
    let out = out.map_err(|error| CommandError::io("cannot write the backup", &error))?;
    let bytes = out.keep()?;
    let value = json!({
        "file": args.output,
        "organizations": organizations,
        "rows": rows,
        "bytes": bytes,
        "findings": findings,
    });
    let text = format!(
        "backed up {organizations} organization(s): {rows} rows in {}. \
         The backup does not contain the root key",
        args.output.display()
    );
    if is_stream(&args.output) {
        output::note(&text);
    } else {
        output::answer(args.json, &value, &text);
    }
    if findings == 0 {
        return Ok(());
    }
    Err(CommandError::Failed(format!(
        "the backup is complete, but {findings} item(s) in it and in the database do not verify"
    )))
}

/// Writes the backup's lines, and shows findings and progress.
struct Sink {
    out: StreamWriter<OutputFile>,
    bar: ProgressBar,
    findings: u64,
    lines: u64,
}

impl BackupSink for Sink {
    fn put(&mut self, line: &[u8]) -> Result<(), VaultError> {
        self.lines += 1;
        let written = self.out.write_all(line);
        written.map_err(|error| VaultError::Internal(format!("cannot write the backup: {error}")))
    }

    fn found(&mut self, finding: &BackupFinding) {
        show_finding(&self.bar, &mut self.findings, finding);
    }

    fn expect(&mut self, rows: u64) {
        let template = "{wide_bar} {human_pos}/{human_len} rows, {per_sec}, {eta} left";
        self.bar = progress::bar(rows, template);
    }

    fn passed(&mut self, rows: u64) {
        self.bar.inc(rows);
    }
}
