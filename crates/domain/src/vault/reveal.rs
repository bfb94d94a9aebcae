//! Opening a credential for its caller.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use strongroom_crypto::SecretBytes;

use crate::audit::chain::Chain;
use crate::audit::details::Details;
use crate::audit::event::{Action, Event, Outcome};
use crate::caller::Caller;
use crate::credential::{Reveal, RevealedCredential, SealedCredential, StoredCredential};
use crate::entity_tag::Condition;
use crate::error::{FieldError, VaultError};
use crate::health::counters::Counters;
use crate::ids::CredentialId;
use crate::keyring::organization::OrgKeyring;
use crate::permission::Permission;
use crate::ports::error::{StoreError, StoreResult};
use crate::ports::store::{OpenFn, Opened, RevealOutcome};
use crate::trace::{TRACE, trace_parent};
use crate::vault::Vault;

/// The maximum length of the reason of a reveal, in characters.
pub const MAX_REASON_CHARS: usize = 200;

/// The sources of the keys that open a row, in the order in which they are tried. A replica may
/// still show rows under a generation that was retired on the primary, so its own keys come last.
#[derive(Clone, Copy, PartialEq)]
enum KeySource {
    Memory,
    Primary,
    Replica,
}

impl Vault {
    /// Opens a credential, unless it is of a version in `if_none_match`. The audit event is durable
    /// before this returns.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::Integrity`] when the
    /// stored row is not what was sealed, [`VaultError::Stale`], or the store's failure.
    pub async fn reveal_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
        if_none_match: Option<Condition>,
    ) -> Result<Reveal, VaultError> {
        let event = Event::by(caller, Action::CredentialReveal, self.now()).about(id);
        self.reveal(caller, id, if_none_match, event).await
    }

    /// As [`Self::reveal_credential`], for a person who says why. The audit event has the reason.
    ///
    /// # Errors
    /// As for [`Self::reveal_credential`]; [`VaultError::Invalid`] on `reason`.
    pub async fn reveal_for_reason(
        &self,
        caller: &Caller,
        id: CredentialId,
        reason: &str,
    ) -> Result<Reveal, VaultError> {
        check_reason(reason).map_err(|error| VaultError::Invalid(vec![error]))?;
        let event = Event::by(caller, Action::CredentialReveal, self.now()).about(id);
        let event = event.with_details(Details::new([("reason", json!(reason))]));
        self.reveal(caller, id, None, event).await
    }

    async fn reveal(
        &self,
        caller: &Caller,
        id: CredentialId,
        if_none_match: Option<Condition>,
        event: Event,
    ) -> Result<Reveal, VaultError> {
        caller.require(Permission::CredentialsReveal)?;
        self.refuse_stale_reads()?;
        for source in [KeySource::Memory, KeySource::Primary, KeySource::Replica] {
            let keys = self.keys_from(caller, source).await;
            let opener = Opener {
                caller: caller.clone(),
                chain: self.chain.clone(),
                if_none_match: if_none_match.clone(),
                now: event.at,
                keys: keys.as_ref().ok().cloned(),
                last: source == KeySource::Replica,
                counters: self.counters.clone(),
                span: trace_parent(),
            };
            let open: OpenFn = Arc::new(move |row| opener.open_found(row));
            let opened = self
                .store
                .reveal_credential(caller.scope(), id, open, event.clone());
            match (opened.await, keys) {
                (Ok(Opened(revealed)), _) => return self.revealed(caller, id, revealed),
                (Err(StoreError::RetiredKey), Err(error)) => {
                    return Err(self.failed(caller, event, error).await);
                }
                (Err(StoreError::RetiredKey), Ok(_)) => {}
                (Err(error), _) => return Err(error.into()),
            }
        }
        Err(VaultError::Internal(
            "the last source of keys asked for another one".into(),
        ))
    }

    /// Opens a row as the primary has it.
    pub(super) async fn open(
        &self,
        caller: &Caller,
        row: &SealedCredential,
    ) -> Result<SecretBytes, VaultError> {
        let mut keys = self.org_keys(caller.scope()).await?;
        if !keys.has(row.key_generation) {
            keys = self.reload_org_keys(caller.scope()).await?;
        }
        let _span = tracing::info_span!(target: TRACE, "open").entered();
        self.counters.opens.record(keys.open(row))
    }

    fn revealed(
        &self,
        caller: &Caller,
        id: CredentialId,
        revealed: Result<Reveal, VaultError>,
    ) -> Result<Reveal, VaultError> {
        match &revealed {
            Ok(_) => self.record_used(caller, id),
            Err(error) => self.count_integrity_failure(caller, Some(id), error),
        }
        revealed
    }

    async fn keys_from(
        &self,
        caller: &Caller,
        source: KeySource,
    ) -> Result<Arc<OrgKeyring>, VaultError> {
        let scope = caller.scope();
        match source {
            KeySource::Memory => self.org_keys(scope).await,
            KeySource::Primary => self.reload_org_keys(scope).await,
            KeySource::Replica => match self.store.org_keys_of_replica(scope).await? {
                Some(stored) => Ok(Arc::new(self.unwrapped(scope, &stored).await?)),
                None => self.org_keys(scope).await,
            },
        }
    }
}

/// Opens a row where it was looked up, with the keys that are at hand.
struct Opener {
    caller: Caller,
    chain: Chain,
    if_none_match: Option<Condition>,
    now: DateTime<Utc>,
    keys: Option<Arc<OrgKeyring>>,
    /// Whether no other source of keys is left.
    last: bool,
    counters: Arc<Counters>,
    /// The request's, since the row is opened on another thread.
    span: tracing::Span,
}

impl Opener {
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

    fn open(&self, stored: &StoredCredential) -> StoreResult<RevealOutcome> {
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
                opened: Opened(Ok(self.revealed(stored, blob))),
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

fn check_reason(reason: &str) -> Result<(), FieldError> {
    if reason.chars().count() > MAX_REASON_CHARS {
        let message = format!("must have at most {MAX_REASON_CHARS} characters");
        return Err(FieldError::new("reason", "too_long", message));
    }
    if reason.chars().any(char::is_control) {
        let message = "must not contain control characters";
        return Err(FieldError::new("reason", "control_character", message));
    }
    Ok(())
}

fn refused(outcome: Outcome, version: Option<(i64, i64)>, error: VaultError) -> RevealOutcome {
    RevealOutcome {
        outcome,
        version,
        opened: Opened(Err(error)),
    }
}
