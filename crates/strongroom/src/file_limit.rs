//! How many files, and thereby connections, the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that are no clients' connections: PostgreSQL's, the log, the workers'.
const OTHERS: u64 = 256;

/// Raises the limit on open files as far as it goes, and says how many of `wanted` client connections fit under it
/// beside `pool` connections to each database.
pub(crate) fn connections_that_fit(wanted: usize, pool: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted;
    };
    let limit = match soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        true => hard,
        false => soft,
    };
    let others = OTHERS + 2 * pool as u64;
    let room = limit.saturating_sub(others).max(limit / 2);
    let fit = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
    if fit < wanted {
        tracing::warn!(
            max_connections = wanted,
            open_files = limit,
            connections = fit,
            "fewer connections than max_connections fit under the limit on open files; raise it (ulimit -n, LimitNOFILE)"
        );
    }
    fit
}
