//! The limit on the access tokens that a client obtains.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use prometheus::IntCounter;
use strongroom_domain::KeyId;
use strongroom_domain::caller::{Actor, Caller};

use crate::rate_limit::buckets::{Buckets, retry_after};
use crate::refusal::Refusal;
use crate::settings::Rate;

/// The limit on the access tokens that a client obtains. Each is a row until a day after its time.
pub(crate) struct TokenLimit {
    buckets: Option<Buckets<KeyId>>,
    refused: IntCounter,
}

impl TokenLimit {
    pub(super) fn new(rate: Option<Rate>, refused: IntCounter) -> Self {
        let buckets = rate.map(Buckets::new);
        Self { buckets, refused }
    }

    /// Counts a token that `caller` obtains. Returns 429 if it has obtained too many.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<(), Refusal> {
        let (Some(buckets), Actor::Client(id)) = (&self.buckets, caller.actor()) else {
            return Ok(());
        };
        buckets.take(&id).map(drop).map_err(|wait| {
            self.refused.inc();
            too_many_tokens(retry_after(wait))
        })
    }

    pub(super) fn sweep(&self) {
        if let Some(buckets) = &self.buckets {
            buckets.sweep();
        }
    }
}

/// 429 for a client that may obtain its next token after `seconds`.
#[must_use]
pub fn too_many_tokens(seconds: u64) -> Refusal {
    let message = "too many access tokens: use one until it expires; none was issued";
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        .with_header(RETRY_AFTER, seconds)
}
