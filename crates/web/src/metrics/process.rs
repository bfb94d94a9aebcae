use prometheus::proto::MetricFamily;

use crate::metrics::family::Family;
use crate::settings::ProcessInfo;

/// The program and its process.
pub(super) fn families(process: &ProcessInfo, ready: bool) -> Vec<MetricFamily> {
    let mut build = Family::gauge("strongroom_build_info", "The running version; always 1.");
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
        "Whether the vault was opened (1), or the server waits for its database or root key (0).",
    );
    let dropped = Family::counter(
        "strongroom_log_lines_dropped_total",
        "Log lines that were dropped because they were not read fast enough.",
    );
    vec![
        build.finish(),
        opened.of(f64::from(u8::from(ready))),
        dropped.of((process.log_lines_dropped)() as f64),
    ]
}
