use indicatif::ProgressBar;

use crate::commands::progress;

/// A bar that counts rows, up to `total`, after the label `what`.
pub(super) fn bar(total: i64, what: &str) -> ProgressBar {
    let total = u64::try_from(total).unwrap_or(0);
    let template = "{msg} {wide_bar} {pos}/{len} ({per_sec}, {eta} left)";
    progress::bar(total, template).with_message(what.to_owned())
}

/// Adds `rows` to the bar's position.
pub(super) fn advance(bar: &ProgressBar, rows: i64) {
    bar.inc(u64::try_from(rows).unwrap_or(0));
}
