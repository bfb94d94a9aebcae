use prometheus::proto::MetricFamily;

use super::family::Family;

/// What only the program itself knows of its process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessInfo {
    /// How many lines of the log were dropped, because nobody read them fast enough.
    pub log_lines_dropped: fn() -> usize,
}

impl Default for ProcessInfo {
    fn default() -> Self {
        Self {
            log_lines_dropped: || 0,
        }
    }
}

/// What runs here.
pub(super) fn families(about: &ProcessInfo, ready: bool) -> Vec<MetricFamily> {
    let mut build = Family::gauge("strongroom_build_info", "What runs here; always 1.");
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("architecture", std::env::consts::ARCH),
        ("profile", profile),
    ];
    build.add(&labels, 1.0);
    let opened = Family::gauge(
        "strongroom_ready",
        "Whether the vault was opened (1), or the server still waits for its database or root key (0).",
    );
    let dropped = Family::counter(
        "strongroom_log_lines_dropped_total",
        "Lines of the log that were dropped because nobody read them fast enough.",
    );
    vec![
        build.finish(),
        opened.of(f64::from(u8::from(ready))),
        dropped.of((about.log_lines_dropped)() as f64),
    ]
}
