//! What `strongroom backup` and `strongroom restore` share.

use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use strongroom_domain::backup::finding::BackupFinding;

use crate::output;

/// Longest time for one statement, including the time to process its rows.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3600);
/// Most findings that are shown one by one.
const MAX_SHOWN: u64 = 1000;

/// Whether `path` is `-`, which means standard output or input.
pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Increments `count`, and shows `finding` unless many were shown.
pub(crate) fn show_finding(bar: &ProgressBar, count: &mut u64, finding: &BackupFinding) {
    *count += 1;
    if *count > MAX_SHOWN {
        return;
    }
    let about = finding.credential.map(|id| format!("credential {id} "));
    let about = about.unwrap_or_default();
    let line = format!("organization {}: {about}{}", finding.org, finding.message);
    bar.suspend(|| output::note(&line));
}
