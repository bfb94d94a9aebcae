//! The consistency that a write requires.

use std::time::{Duration, Instant};

use actix_web::http::header::HeaderMap;
use futures_util::TryFutureExt;
use strongroom_domain::caller::Caller;
use strongroom_domain::replication::Level;
use strongroom_domain::{FieldError, PendingReplication, Vault, VaultError};
use strongroom_web::state::{AppState, write_within};

use crate::headers::{CONSISTENCY, CONSISTENCY_TIMEOUT};

/// The values of `SlashID-Required-Consistency`, the default first.
pub(crate) const LEVEL_NAMES: [&str; 2] = ["local_region", "all_regions"];
/// The default of `SlashID-Required-Consistency-Timeout`, in seconds.
pub(crate) const DEFAULT_TIMEOUT_SECONDS: u32 = 30;
/// The maximum of `SlashID-Required-Consistency-Timeout`, in seconds.
pub(crate) const MAX_TIMEOUT_SECONDS: i64 = 120;

/// The minimum time to wait for a region when the write itself has used up the timeout.
const MIN_WAIT: Duration = Duration::from_millis(20);

/// The regions that must have a write before its response, and the time until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteConsistency {
    level: Level,
    deadline: Instant,
}

impl WriteConsistency {
    /// The default, for a request that begins now and whose API has no such headers.
    pub(crate) fn default_from_now() -> Self {
        Self::from_now(None, None)
    }

    /// Reads the headers of a request that begins now.
    ///
    /// # Errors
    /// One for each header that is sent twice or has an unknown value.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let level = read_once(headers, CONSISTENCY, level).unwrap_or_else(|| {
            let message = "must be local_region or all_regions";
            errors.push(FieldError::new(CONSISTENCY, "invalid_value", message));
            None
        });
        let timeout = read_once(headers, CONSISTENCY_TIMEOUT, timeout).unwrap_or_else(|| {
            let message = "must be a whole number of seconds from 1 to 120";
            let error = FieldError::new(CONSISTENCY_TIMEOUT, "invalid_value", message);
            errors.push(error);
            None
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self::from_now(level, timeout))
    }

    fn from_now(level: Option<Level>, timeout: Option<Duration>) -> Self {
        let default = Duration::from_secs(DEFAULT_TIMEOUT_SECONDS.into());
        Self {
            level: level.unwrap_or_default(),
            deadline: Instant::now() + timeout.unwrap_or(default),
        }
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    // Neither this nor `run_within` is an `async fn`, which would hold the write, of some
    // kilobytes, twice: as an argument and while it runs.
    /// Runs a write, and returns its result once the required regions have it.
    ///
    /// # Errors
    /// Those of the write, and [`VaultError::ReplicationTimeout`] if a region does not have it in
    /// time.
    pub(crate) fn run<T>(
        self,
        state: &AppState,
        vault: &Vault,
        caller: &Caller,
        write: impl Future<Output = Result<PendingReplication<T>, VaultError>>,
    ) -> impl Future<Output = Result<T, VaultError>> {
        state
            .write_with_deadline(write)
            .and_then(move |written| self.await_regions(vault, caller, written))
    }

    /// As [`Self::run`], for a write of many transactions, which may take up to `limit`.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub(crate) fn run_within<T>(
        self,
        limit: Duration,
        vault: &Vault,
        caller: &Caller,
        write: impl Future<Output = Result<PendingReplication<T>, VaultError>>,
    ) -> impl Future<Output = Result<T, VaultError>> {
        write_within(limit, write)
            .and_then(move |written| self.await_regions(vault, caller, written))
    }

    async fn await_regions<T>(
        self,
        vault: &Vault,
        caller: &Caller,
        written: PendingReplication<T>,
    ) -> Result<T, VaultError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        vault.replicated(caller, written, left.max(MIN_WAIT)).await
    }
}

// `None` if the header is sent twice or its value is not valid, `Some(None)` if it is absent.
fn read_once<T>(
    headers: &HeaderMap,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<Option<T>> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else {
        return Some(None);
    };
    if values.next().is_some() {
        return None;
    }
    parse(value.to_str().ok()?).map(Some)
}

fn level(value: &str) -> Option<Level> {
    match value {
        "local_region" => Some(Level::LocalRegion),
        "all_regions" => Some(Level::AllRegions),
        _ => None,
    }
}

fn timeout(value: &str) -> Option<Duration> {
    // `parse` alone would also accept "+5".
    if value.len() > 3 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = value.parse().ok()?;
    (1..=MAX_TIMEOUT_SECONDS)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_whole_seconds_from_1_to_120() {
        for good in ["1", "30", "120", "007"] {
            assert!(timeout(good).is_some(), "{good}");
        }
        for bad in [
            "", "0", "121", "-1", "+5", "1.5", "1e2", " 5", "5s", "300", "0x1", "1000000",
        ] {
            assert!(timeout(bad).is_none(), "{bad}");
        }
    }
}
