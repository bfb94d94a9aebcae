//! Opening a row, on the thread that looked it up or on that of its request.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::SecretBytes;

use crate::audit::chain::Chain;
use crate::audit::event::Outcome;
use crate::caller::Caller;
use crate::credential::{Reveal, RevealedCredential, StoredCredential};
use crate::entity_tag::Condition;
use crate::error::VaultError;
use crate::health::counters::Counters;
use crate::keyring::organization::OrgKeyring;
use crate::ports::error::{StoreError, StoreResult};
use crate::ports::store::{OpenFn, Opened, RevealOutcome};
use crate::trace::TRACE;

/// Opens a row where it was looked up, with the keys that are at hand.
pub(super) struct Opener {
    pub(super) caller: Caller,
    pub(super) chain: Chain,
    pub(super) if_none_match: Option<Condition>,
    pub(super) now: DateTime<Utc>,
    pub(super) keys: Option<Arc<OrgKeyring>>,
    /// Whether no other source of keys is left.
    pub(super) last: bool,
    pub(super) counters: Arc<Counters>,
    /// The request's: the row may be opened on another thread.
    pub(super) span: tracing::Span,
}

impl Opener {
    pub(super) fn open_fn(self) -> OpenFn {
        Arc::new(move |row| self.open_found(row))
    }

    fn open_found(
        &self,
        row: StoreResult<Option<Arc<StoredCredential>>>,
    ) -> StoreResult<RevealOutcome> {
        match row {
            Ok(Some(stored)) if self.caller.reaches(&stored.sealed) => self.open(&stored),
            Ok(_) => Ok(refused(Outcome::NotFound, None, VaultError::NotFound)),
            Err(StoreError::Malformed(what)) => {
                let error = VaultError::Integrity(what);
                Ok(refused(Outcome::IntegrityFailure, None, error))
            }
            Err(error) => Err(error),
        }
    }

    fn open(&self, stored: &Arc<StoredCredential>) -> StoreResult<RevealOutcome> {
        let row = &stored.sealed;
        let keys = self.keys.as_ref().ok_or(StoreError::RetiredKey)?;
        if !keys.has(row.key_generation) && !self.last {
            return Err(StoreError::RetiredKey);
        }
        let version = Some((row.version, row.value_version));
        let span = tracing::info_span!(target: TRACE, parent: &self.span, "open");
        match span.in_scope(|| self.counters.opens.record(keys.open(row))) {
            Ok(blob) => Ok(RevealOutcome {
                outcome: Outcome::Ok,
                version,
                opened: Opened {
                    revealed: Ok(self.revealed(stored, blob)),
                    row: Some(stored.clone()),
                },
            }),
            Err(error @ VaultError::Integrity(_)) => {
                Ok(refused(Outcome::IntegrityFailure, version, error))
            }
            Err(error) => Err(StoreError::Refused(Box::new(error))),
        }
    }

    // A version that the caller has is opened, too: what does not open is not answered 304.
    fn revealed(&self, stored: &StoredCredential, blob: SecretBytes) -> Reveal {
        let org = self.caller.org();
        let etag = self.chain.entity_tag(org, &stored.sealed);
        let known = self.if_none_match.as_ref();
        if known.is_some_and(|known| known.matches(etag)) {
            return Reveal::Unchanged(etag);
        }
        let mut info = stored.sealed.info(org, Some(etag));
        info.last_used = stored.last_used;
        let is_expired = info.expiry.is_some_and(|expiry| expiry.is_past(self.now));
        Reveal::Opened(RevealedCredential {
            info,
            blob,
            is_expired,
        })
    }
}

fn refused(outcome: Outcome, version: Option<(i64, i64)>, error: VaultError) -> RevealOutcome {
    RevealOutcome {
        outcome,
        version,
        opened: Opened {
            revealed: Err(error),
            row: None,
        },
    }
}
