//! Opening a credential for its caller.

use std::sync::Arc;

use serde_json::json;
use strongroom_crypto::SecretBytes;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event, Outcome};
use crate::caller::Caller;
use crate::credential::{Reveal, RevealedCredential, SealedCredential};
use crate::entity_tag::Condition;
use crate::error::{FieldError, VaultError};
use crate::ids::CredentialId;
use crate::keyring::organization::OrgKeyring;
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::ports::store::Opened;
use crate::trace::{TRACE, trace_parent};
use crate::vault::Vault;
use crate::vault::known_credential::KnownCredential;
use crate::vault::opener::Opener;

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
        let wanted = (caller, id, if_none_match.as_ref());
        if let Some(revealed) = self.reveal_known(wanted, &event).await {
            return revealed;
        }
        for source in [KeySource::Memory, KeySource::Primary, KeySource::Replica] {
            let keys = self.keys_from(caller, source).await;
            let opener = Opener {
                last: source == KeySource::Replica,
                ..self.opener(wanted, keys.as_ref().ok().cloned(), &event)
            };
            let opened = self.store.reveal_credential(
                caller.scope(),
                id,
                None,
                opener.open_fn(),
                event.clone(),
            );
            match (opened.await, keys) {
                (Ok(opened), _) => return self.revealed(caller, id, opened),
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

    /// Opens what was revealed a moment ago, if the primary still has it. If not, what the primary
    /// has now decides; and a read, for a caller to whom this would be refused.
    async fn reveal_known(
        &self,
        wanted @ (caller, id, if_none_match): (&Caller, CredentialId, Option<&Condition>),
        event: &Event,
    ) -> Option<Result<Reveal, VaultError>> {
        let known = self.known_credentials.get(caller.org(), id)?;
        let keys = self.org_keys(caller.scope()).await.ok()?;
        let row = &known.row;
        if !caller.reaches(&row.sealed) || !keys.has(row.sealed.key_generation) {
            return None;
        }
        let last_used = known.last_used();
        let open = self.opener(wanted, Some(keys), event).open_fn();
        let opened = self.store.reveal_credential(
            caller.scope(),
            id,
            Some(row.clone()),
            open,
            event.clone(),
        );
        Some(match opened.await {
            Ok(opened) => {
                let mut revealed = self.noted(caller, id, opened.revealed);
                if let Ok(Reveal::Opened(revealed)) = &mut revealed {
                    revealed.info.last_used = last_used;
                }
                revealed
            }
            Err(StoreError::OutdatedRow) => {
                self.known_credentials.remove(caller.org(), id, &known);
                // Boxed, since it is rare, and the future of every reveal would have its size.
                let event = event.clone();
                Box::pin(self.reveal_from_primary(caller, id, if_none_match, event)).await
            }
            Err(error) => Err(error.into()),
        })
    }

    /// Opens a credential as the primary has it.
    pub(super) async fn reveal_from_primary(
        &self,
        caller: &Caller,
        id: CredentialId,
        if_none_match: Option<&Condition>,
        event: Event,
    ) -> Result<Reveal, VaultError> {
        let scope = caller.scope();
        let current = self.store.current(scope, id, false).await?;
        let row = current.map(|current| current.row);
        let row = row.filter(|row| row.deletion.is_none() && caller.reaches(row));
        let Some(row) = row else {
            let event = event.with_outcome(Outcome::NotFound);
            self.store.record(scope, event).await?;
            return Err(VaultError::NotFound);
        };
        let event = event.of_version(row.version, row.value_version);
        let blob = match self.open(caller, &row).await {
            Ok(blob) => blob,
            Err(error) => return Err(self.failed(caller, event, error).await),
        };
        let now = event.at;
        self.store.record(scope, event).await?;
        self.record_used(caller, id);
        let etag = self.chain.entity_tag(caller.org(), &row);
        if if_none_match.is_some_and(|known| known.matches(etag)) {
            return Ok(Reveal::Unchanged(etag));
        }
        let info = row.info(caller.org(), Some(etag));
        Ok(Reveal::Opened(RevealedCredential {
            is_expired: info.expiry.is_some_and(|expiry| expiry.is_past(now)),
            info,
            blob,
        }))
    }

    /// Forgets what was read of a credential, after a change of it.
    pub(super) fn forget_rows(&self, caller: &Caller, id: CredentialId) {
        self.known_credentials.forget(caller.org(), id);
        self.relay_sources.forget(caller.org(), id);
    }

    fn opener(
        &self,
        (caller, _, if_none_match): (&Caller, CredentialId, Option<&Condition>),
        keys: Option<Arc<OrgKeyring>>,
        event: &Event,
    ) -> Opener {
        Opener {
            caller: caller.clone(),
            chain: self.chain.clone(),
            if_none_match: if_none_match.cloned(),
            now: event.at,
            keys,
            last: false,
            counters: self.counters.clone(),
            span: trace_parent(),
        }
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

    // From the second reveal on, the row stays in memory for the next one.
    fn revealed(
        &self,
        caller: &Caller,
        id: CredentialId,
        Opened { revealed, row }: Opened,
    ) -> Result<Reveal, VaultError> {
        if let Some(row) = row
            && self.known_credentials.is_requested_again(caller.org(), id)
        {
            let known = Arc::new(KnownCredential::new(row));
            self.known_credentials.insert(caller.org(), id, known);
        }
        self.noted(caller, id, revealed)
    }

    fn noted(
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
