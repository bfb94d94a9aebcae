use std::io::{BufWriter, IsTerminal};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{LogFormat, Logging};

/// Lines that wait for whoever reads standard error. When he is slower than they come, further ones are dropped,
/// and no request waits for him.
const LINES: usize = 100_000;

/// Writes what is left of the log when dropped.
#[must_use = "the log's last lines are written when it is dropped"]
pub(crate) struct LogGuard {
    _writer: WorkerGuard,
}

/// Sends log lines to standard error, from a thread of its own. Other crates' lines count from warnings on; at
/// debug level they could quote what passes through them.
pub(crate) fn start(logging: Logging) -> LogGuard {
    let json = match logging.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES)
        .lossy(true)
        .thread_name("log")
        .finish(BufWriter::new(std::io::stderr()));
    let lines = fmt::layer().with_writer(writer);
    let lines = if json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed()
    } else {
        lines.with_target(false).compact().boxed()
    };
    let others = LevelFilter::from_level(logging.level.min(tracing::Level::WARN));
    let filter = Targets::new()
        .with_target("strongroom", logging.level)
        // It calls every client an error that sends no HTTP; and whoever sends much of it would fill the log.
        .with_target("actix_http", LevelFilter::OFF)
        .with_default(others);
    // Fails when a subscriber is set already, which then serves as well.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init();
    LogGuard { _writer: guard }
}
