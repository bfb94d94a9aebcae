use std::time::{Duration, Instant};

use actix_web::http::header::HeaderMap;
use strongroom_domain::caller::Caller;
use strongroom_domain::replication::{Consistency, Level};
use strongroom_domain::{FieldError, PendingReplication, Vault, VaultError};

use crate::error::ApiError;
use crate::state::AppState;

/// How far a write must travel before it is answered.
pub(crate) const LEVEL: &str = "SlashID-Required-Consistency";
/// How long it may take.
pub(crate) const TIMEOUT: &str = "SlashID-Required-Consistency-Timeout";

/// What the first header may say, the default first.
pub(crate) const LEVELS: [&str; 2] = ["local_region", "all_regions"];
/// The most that the second may say, in seconds.
pub(crate) const LONGEST_SECONDS: i64 = 120;

/// The shortest wait for a region, when the write itself has used up the time.
const LEAST: Duration = Duration::from_millis(20);

/// A write's consistency headers, and when the request came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Required {
    consistency: Consistency,
    since: Instant,
}

impl Required {
    /// What a write is held to whose API knows no such headers.
    pub(crate) fn by_default() -> Self {
        Self {
            consistency: Consistency::default(),
            since: Instant::now(),
        }
    }

    /// Reads the headers of a write.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let default = Consistency::default();
        let level = once(headers, LEVEL, level).unwrap_or_else(|| {
            let message = "must be local_region or all_regions";
            errors.push(FieldError::new(LEVEL, "invalid_value", message));
            None
        });
        let timeout = once(headers, TIMEOUT, timeout).unwrap_or_else(|| {
            let message = "must be a whole number of seconds from 1 to 120";
            errors.push(FieldError::new(TIMEOUT, "invalid_value", message));
            None
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            consistency: Consistency {
                level: level.unwrap_or(default.level),
                timeout: timeout.unwrap_or(default.timeout),
            },
            since: Instant::now(),
        })
    }

    pub(crate) fn level(&self) -> Level {
        self.consistency.level
    }

    /// Runs a write, and answers once it has traveled as far as required.
    pub(crate) async fn fulfil<T>(
        self,
        state: &AppState,
        vault: &Vault,
        caller: &Caller,
        write: impl Future<Output = Result<PendingReplication<T>, VaultError>>,
    ) -> Result<T, ApiError> {
        let written = state.within_write(write).await?;
        let left = self
            .consistency
            .timeout
            .saturating_sub(self.since.elapsed());
        Ok(vault.replicated(caller, written, left.max(LEAST)).await?)
    }
}

// Sent twice, a header says two things; none of them counts.
fn once<T>(headers: &HeaderMap, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else {
        return Some(None);
    };
    if values.next().is_some() {
        return None;
    }
    read(value.to_str().ok()?).map(Some)
}

fn level(value: &str) -> Option<Level> {
    match value {
        "local_region" => Some(Level::LocalRegion),
        "all_regions" => Some(Level::AllRegions),
        _ => None,
    }
}

fn timeout(value: &str) -> Option<Duration> {
    // `parse` alone would also take "+5".
    if value.len() > 3 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = value.parse().ok()?;
    (1..=LONGEST_SECONDS)
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
