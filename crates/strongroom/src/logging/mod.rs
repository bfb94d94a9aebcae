mod human_lines;
mod json_lines;
pub(crate) mod request_lines;

use std::io;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use strongroom_domain::trace::TRACE;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use self::human_lines::HumanLines;
use self::json_lines::JsonLines;
use crate::traces::Traces;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Human on a terminal, otherwise JSON.
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

/// Log lines that are buffered for standard error. When its reader is slower than the lines are
/// written, further lines are dropped, and no request waits.
const BUFFERED_LINES: usize = 30_000;

/// How long the log's thread sleeps after it has written. Lines that arrive in the meantime wake no
/// thread and are written together: waking a thread costs a request more than the rest of its line.
const SLEEP: Duration = Duration::from_millis(5);

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// The number of log lines that were dropped since the start.
pub(crate) fn dropped_lines() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}

/// Writes the remaining log lines when dropped.
#[must_use = "the log's last lines are written when it is dropped"]
pub(crate) struct LogGuard {
    _writer: WorkerGuard,
}

/// Sends log lines to standard error, from a thread of its own. Lines of other crates are logged
/// from level `warn` on; at level `debug` they could quote the data that passes through these
/// crates. Spans of requests go to `traces`, if given.
pub(crate) fn start(logging: Logging, traces: Option<&Traces>) -> LogGuard {
    let json = match logging.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(SleepAfterFlush(BufWriter::new(io::stderr())));
    let _ = DROPPED.set(writer.error_counter());
    if json && logging.level >= tracing::Level::INFO {
        request_lines::write_json_to(writer.clone());
    }
    let lines = fmt::layer().with_writer(writer);
    let lines = if json {
        lines
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .boxed()
    } else {
        lines.event_format(HumanLines::new()).boxed()
    };
    let others = LevelFilter::from_level(logging.level.min(tracing::Level::WARN));
    let filter = Targets::new()
        .with_target("strongroom", logging.level)
        // It logs an error for every client that does not send HTTP; such clients could fill the
        // log.
        .with_target("actix_http", LevelFilter::OFF)
        .with_target(TRACE, LevelFilter::OFF)
        .with_default(others);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    // Fails when a subscriber is set already, which then stays in use.
    let _ = match traces {
        Some(traces) => subscriber.with(traces.layer()).try_init(),
        // With an absent layer (`None`), every span would be created and dropped.
        None => subscriber.try_init(),
    };
    LogGuard { _writer: guard }
}

/// Sleeps after each flush.
struct SleepAfterFlush<W>(W);

impl<W: Write> Write for SleepAfterFlush<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        std::thread::sleep(SLEEP);
        Ok(())
    }
}
