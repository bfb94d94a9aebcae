use std::fs::{File, OpenOptions, remove_file, rename};
use std::io::{BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::stream::StreamWriter;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use strongroom_domain::backup::finding::BackupFinding;
use strongroom_domain::ports::backup::BackupSink;
use strongroom_domain::{BackupScope, VaultError};
use strongroom_storage::{Database, PgBackupSource};

use crate::cli::BackupArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{age_file, output, vault_access};

/// Longest time for one statement, and for writing what it read.
pub(super) const PATIENCE: Duration = Duration::from_secs(3600);
/// Most findings that are told one by one.
const MOST_SHOWN: u64 = 1000;

/// `strongroom backup`.
pub(super) async fn run(args: &BackupArgs) -> Result<(), CommandError> {
    let named = args
        .org
        .as_deref()
        .map(vault_access::operator)
        .transpose()?;
    let scope = match &named {
        Some(caller) => BackupScope::Organization(caller.org()),
        None => BackupScope::Service,
    };
    let recipients = age_file::recipients(&args.recipient, args.recipients_file.as_deref())?;
    let mut access = VaultAccess::read(&args.vault)?;
    access.database.statement_timeout = PATIENCE;
    let out = Out::create(&args.output)?;
    let vault = vault_access::open(&access).await?;
    let source = PgBackupSource::new(Database::new(&access.database)?);
    let mut sink = Sink {
        out: age_file::encrypt(&recipients, out)?,
        bar: ProgressBar::hidden(),
        findings: 0,
        lines: 0,
    };
    let request = vault_access::command_line();
    let copied = vault.backup(&source, scope, &request, &mut sink).await;
    sink.bar.finish_and_clear();
    let (organizations, findings) = copied.map_err(|error| match error {
        VaultError::NotFound => CommandError::Failed(format!(
            "there is no organization with id {}",
            args.org.as_deref().unwrap_or_default()
        )),
        other => other.into(),
    })?;
    if findings > 0 && !args.despite_findings {
        return Err(CommandError::Failed(format!(
            "no backup was kept, since {findings} thing(s) in the database do not verify: see `strongroom verify` and \
             `strongroom audit verify`. --despite-findings keeps the backup all the same"
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
    let out = sink.out.finish().map_err(|error| failed(&error))?;
    let bytes = out.keep()?;
    let value = json!({
        "file": args.output,
        "organizations": organizations,
        "rows": rows,
        "bytes": bytes,
        "findings": findings,
    });
    let text = format!(
        "backed up {organizations} organization(s): {rows} rows in {}. The root key is not in it",
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
        "the backup is complete, and {findings} thing(s) in it do not verify, as they do not in the database"
    )))
}

pub(super) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

pub(super) fn failed(error: &std::io::Error) -> CommandError {
    CommandError::io("cannot write the backup", error)
}

/// Tells a finding, unless many were told.
pub(super) fn tell(bar: &ProgressBar, count: &mut u64, finding: &BackupFinding) {
    *count += 1;
    if *count > MOST_SHOWN {
        return;
    }
    let about = finding.credential.map(|id| format!("credential {id} "));
    let about = about.unwrap_or_default();
    let line = format!("organization {}: {about}{}", finding.org, finding.message);
    bar.suspend(|| output::note(&line));
}

struct Sink {
    out: StreamWriter<Out>,
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
        tell(&self.bar, &mut self.findings, finding);
    }

    fn expect(&mut self, rows: u64) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let style = "{wide_bar} {human_pos}/{human_len} rows, {per_sec}, {eta} left";
        self.bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.bar.set_style(style);
        }
    }

    fn passed(&mut self, rows: u64) {
        self.bar.inc(rows);
    }
}

/// Where the encrypted bytes go. A file has another name until it is complete and durable, and goes when dropped
/// before.
enum Out {
    Stream(std::io::Stdout),
    File {
        out: BufWriter<File>,
        partial: PathBuf,
        file: PathBuf,
        kept: bool,
    },
}

impl Out {
    fn create(file: &Path) -> Result<Self, CommandError> {
        if is_stream(file) {
            if std::io::stdout().is_terminal() {
                let problem = "the backup is not text: send standard output to a file or a program";
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
        let mut partial = file.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let what = format!("cannot write {}", partial.display());
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial);
        let opened = opened.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => CommandError::Failed(format!(
                "{what}: it exists already, from a backup that is under way or was killed. Remove it if none runs"
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

    // How many bytes a file has now.
    fn keep(mut self) -> Result<Option<u64>, CommandError> {
        self.flush().map_err(|error| failed(&error))?;
        let Self::File {
            out,
            partial,
            file,
            kept,
        } = &mut self
        else {
            return Ok(None);
        };
        let written = out.get_ref();
        written.sync_all().map_err(|error| failed(&error))?;
        let bytes = written.metadata().map_err(|error| failed(&error))?.len();
        rename(&*partial, &*file).map_err(|error| failed(&error))?;
        *kept = true;
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed(&error))?;
        Ok(Some(bytes))
    }
}

impl Write for Out {
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

impl Drop for Out {
    fn drop(&mut self) {
        if let Self::File { partial, kept, .. } = self
            && !*kept
        {
            let _ = remove_file(partial);
        }
    }
}
