//! Progress bars of long commands.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Whether progress is shown: only when standard error is a terminal.
pub(super) fn is_shown() -> bool {
    std::io::stderr().is_terminal()
}

/// A bar on standard error that ends at `total`; hidden unless progress is shown.
pub(super) fn bar(total: u64, template: &str) -> ProgressBar {
    if !is_shown() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
