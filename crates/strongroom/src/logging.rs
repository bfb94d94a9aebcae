mod json_lines;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use strongroom_domain::trace::TRACE;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use self::json_lines::JsonLines;
use crate::traces::Traces;

/// The look of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Human on a terminal, else JSON.
    Auto,
    Json,
    Human,
}

/// The log's format and level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logging {
    pub(crate) format: LogFormat,
    pub(crate) level: tracing::Level,
}

/// Lines that wait for whoever reads standard error. When he is slower than they come, further ones are dropped,
/// and no request waits for him.
const LINES: usize = 100_000;

/// How long the log's thread rests after it has written. Lines that come meanwhile wake nobody, and are written together:
/// to wake a thread takes a request longer than all else about its line.
const REST: Duration = Duration::from_millis(5);

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// How many lines were dropped so far.
pub(crate) fn dropped_lines() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}

/// Writes what is left of the log when dropped.
#[must_use = "the log's last lines are written when it is dropped"]
pub(crate) struct LogGuard {
    _writer: WorkerGuard,
}

/// Sends log lines to standard error, from a thread of its own. Other crates' lines count from warnings on; at
/// debug level they could quote what passes through them. Spans of requests go to `traces`, if there are any.
pub(crate) fn start(logging: Logging, traces: Option<&Traces>) -> LogGuard {
    let json = match logging.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES)
        .lossy(true)
        .thread_name("log")
        .finish(Resting(BufWriter::new(io::stderr())));
    let _ = DROPPED.set(writer.error_counter());
    let lines = fmt::layer().with_writer(writer);
    let lines = if json {
        lines
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .boxed()
    } else {
        lines.with_target(false).compact().boxed()
    };
    let others = LevelFilter::from_level(logging.level.min(tracing::Level::WARN));
    let filter = Targets::new()
        .with_target("strongroom", logging.level)
        // It calls every client an error that sends no HTTP; and whoever sends much of it would fill the log.
        .with_target("actix_http", LevelFilter::OFF)
        .with_target(TRACE, LevelFilter::OFF)
        .with_default(others);
    // Fails when a subscriber is set already, which then serves as well.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(traces.map(Traces::layer))
        .try_init();
    LogGuard { _writer: guard }
}

/// Rests after each flush.
struct Resting<W>(W);

impl<W: Write> Write for Resting<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        std::thread::sleep(REST);
        Ok(())
    }
}
