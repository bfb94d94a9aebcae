//! Counts of uses of credentials without a reveal.

use std::sync::Arc;
use std::time::Duration;

use crate::health::count::Count;
use crate::health::histogram::Histogram;
use crate::health::outcome_counts::OutcomeCounts;
use crate::health::upstreams::Upstreams;

/// Upper bounds of times until an answer's head, in microseconds.
const TIMES: &[u64] = &[
    5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];

/// Counts of uses of credentials without a reveal.
#[derive(Debug)]
pub struct RelayCounts {
    /// Uses by outcome, indexed like [`Self::OUTCOMES`].
    outcomes: [Count; Self::OUTCOMES.len()],
    /// Uses whose answer has not ended.
    in_flight: Arc<Count>,
    /// Exchanges of credentials for tokens.
    pub exchanges: OutcomeCounts,
    /// Secrets that were hidden in answers.
    pub redactions: Count,
    /// The times until the heads of answers, in microseconds.
    pub times: Histogram,
    /// The hosts that do not answer.
    pub upstreams: Upstreams,
}

impl Default for RelayCounts {
    fn default() -> Self {
        Self {
            outcomes: Default::default(),
            in_flight: Arc::default(),
            exchanges: OutcomeCounts::default(),
            redactions: Count::default(),
            times: Histogram::new(TIMES),
            upstreams: Upstreams::default(),
        }
    }
}

impl RelayCounts {
    /// The outcomes: `ok`, the code of an error, or that the caller went away.
    pub const OUTCOMES: [&str; 18] = [
        "ok",
        "abandoned",
        "relay_path",
        "relay_header",
        "relay_not_configured",
        "relay_not_allowed",
        "address_refused",
        "too_large",
        "incomplete_body",
        "credential_unusable",
        "token_exchange_failed",
        "token_refused",
        "upstream_unreachable",
        "upstream_tls",
        "upstream_protocol",
        "unscrubbable",
        "relay_busy",
        "upstream_timeout",
    ];

    /// Counts a use that ended with `outcome`.
    pub fn count(&self, outcome: &str) {
        let place = Self::OUTCOMES.iter().position(|one| *one == outcome);
        if let Some(place) = place {
            self.outcomes[place].add(1);
        }
    }

    /// The outcomes with their counts.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, &Count)> {
        Self::OUTCOMES.into_iter().zip(&self.outcomes)
    }

    /// The number of uses whose answer has not ended.
    #[must_use]
    pub fn in_flight(&self) -> &Count {
        &self.in_flight
    }

    /// Counts the head of an answer.
    pub fn answered(&self, time: Duration) {
        self.times
            .observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts a use until the result is dropped.
    #[must_use]
    pub fn begin(&self) -> InFlight {
        self.in_flight.add(1);
        InFlight(self.in_flight.clone())
    }
}

/// A use whose answer has not ended.
#[derive(Debug)]
pub struct InFlight(Arc<Count>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.subtract(1);
    }
}
