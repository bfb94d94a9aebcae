//! The limit on open files, which bounds the number of connections.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Open files that are not client connections: connections to PostgreSQL, the log, the workers.
const OTHERS: u64 = 256;

/// Raises the limit on open files to its maximum, and returns how many of `wanted` client
/// connections fit under it beside `pool` connections to each database.
pub(crate) fn connections_that_fit(wanted: usize, pool: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted;
    };
    let limit = match soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        true => hard,
        false => soft,
    };
    let room = limit.saturating_sub(others(pool)).max(limit / 2);
    let fit = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
    if fit < wanted {
        tracing::warn!(
            max_connections = wanted,
            open_files = limit,
            connections = fit,
            "the limit on open files allows fewer connections than max_connections; \
             raise it (ulimit -n, LimitNOFILE)"
        );
    }
    fit
}

/// How many files a server needs for this number of client connections, beside `pool` connections
/// to each database.
pub(crate) fn files_for(connections: usize, pool: usize) -> u64 {
    others(pool) + connections as u64
}

fn others(pool: usize) -> u64 {
    OTHERS + 2 * pool as u64
}
