use std::time::Duration;

/// How often background work is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackgroundSettings {
    /// From the start of one integrity scrub to the start of the next; `None`: no scrub.
    pub(crate) scrub_interval: Option<Duration>,
    /// From one signed root of all audit trails to the next; `None`: no roots.
    pub(crate) audit_root_interval: Option<Duration>,
    /// From the end of one purge to the start of the next.
    pub(crate) purge_interval: Duration,
    /// From the end of one count of events per day to the start of the next.
    pub(crate) daily_totals_interval: Duration,
    /// From one flush of last-used times to the next.
    pub(crate) last_used_flush_interval: Duration,
}
