//! The answer to a request that carried a credential, and the record of how it ended.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;
use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::egress::{EgressAnswer, EgressError};
use crate::error::VaultError;
use crate::health::relay_counts::InFlight;
use crate::relay::answer::{RelayHead, ScrubbedBody, scrubbed};
use crate::relay::error::RelayError;
use crate::vault::Vault;
use crate::vault::relay_plan::RelayPlan;

/// The end of a use that was not recorded yet. When it is dropped, how the use ended is recorded as
/// `credential.used`.
pub struct PendingUse {
    vault: Arc<Vault>,
    caller: Caller,
    event: Event,
    request_bytes: u64,
    started: Instant,
    status: Option<u16>,
    bytes: u64,
    redactions: u64,
    failure: Option<&'static str>,
    _in_flight: InFlight,
}

impl std::fmt::Debug for PendingUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a pending use")
    }
}

impl PendingUse {
    /// A use that was recorded, whose request is now sent.
    #[must_use]
    pub fn begin(vault: &Arc<Vault>, caller: &Caller, plan: &RelayPlan) -> Self {
        Self {
            vault: vault.clone(),
            caller: caller.clone(),
            event: plan.event.clone(),
            request_bytes: plan.limits.request_bytes,
            started: Instant::now(),
            status: None,
            bytes: 0,
            redactions: 0,
            // Until the answer has ended, its caller can go away.
            failure: Some("abandoned"),
            _in_flight: vault.counters.relay.begin(),
        }
    }

    /// The use failed: there is no answer.
    pub fn failed(mut self, error: EgressError) -> VaultError {
        let error = RelayError::of(error, self.request_bytes);
        self.failure = Some(error.code());
        error.into()
    }

    /// The upstream refused the token that was minted, with this status.
    pub fn refused(mut self, status: u16) {
        self.status = Some(status);
        self.failure = Some("token_refused");
    }

    /// What of `answer` reaches the caller.
    ///
    /// # Errors
    /// [`VaultError::Relay`] if secrets could not be found in it.
    pub fn answered(
        mut self,
        plan: &RelayPlan,
        answer: EgressAnswer,
    ) -> Result<(RelayHead, RelayBody), VaultError> {
        self.status = Some(answer.status);
        self.vault.counters.relay.answered(self.started.elapsed());
        match scrubbed(answer, &plan.scrubber, plan.scrub) {
            Ok((head, body)) => {
                self.redactions = head.redactions;
                let body = RelayBody { body, used: self };
                Ok((head, body))
            }
            Err(error) => {
                self.failure = Some(error.code());
                Err(error.into())
            }
        }
    }
}

impl Drop for PendingUse {
    fn drop(&mut self) {
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let details = Details::new([
            ("status", json!(self.status)),
            ("bytes", json!(self.bytes)),
            ("milliseconds", json!(milliseconds)),
            ("redactions", json!(self.redactions)),
            ("failure", json!(self.failure)),
        ]);
        let counts = &self.vault.counters.relay;
        counts.count(self.failure.unwrap_or("ok"));
        counts.redactions.add(self.redactions);
        let event = Event {
            at: self.vault.now(),
            action: Action::CredentialUsed,
            ..self.event.clone()
        };
        let event = event.with_details(details);
        self.vault.store.record_later(self.caller.scope(), event);
    }
}

/// The body of an answer, without secrets. Its end is recorded.
#[derive(Debug)]
pub struct RelayBody {
    body: ScrubbedBody,
    used: PendingUse,
}

impl Stream for RelayBody {
    type Item = Result<Bytes, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = ready!(Pin::new(&mut this.body).poll_next(context));
        match &next {
            Some(Ok(data)) => this.used.bytes += data.len() as u64,
            Some(Err(error)) => {
                let error = RelayError::of(error.clone(), this.used.request_bytes);
                this.used.failure = Some(error.code());
            }
            None => {
                this.used.redactions += this.body.redactions();
                this.used.failure = None;
            }
        }
        Poll::Ready(next)
    }
}
