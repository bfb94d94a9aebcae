//! Opening a credential for its caller.

use std::sync::{Arc, Mutex, PoisonError};

use strongroom_crypto::SecretBytes;

use crate::audit::event::{Action, Event, Outcome};
use crate::caller::{Caller, Permission};
use crate::credential::{RevealedCredential, SealedCredential, StoredCredential};
use crate::error::VaultError;
use crate::health::counters::Counters;
use crate::ids::{CredentialId, OrgId};
use crate::keyring::organization::OrgKeyring;
use crate::ports::error::{StoreError, StoreResult};
use crate::ports::store::{OpenFn, RevealOutcome};
use crate::trace::{TRACE, trace_parent};
use crate::vault::Vault;

/// Where the keys to open a row are looked for, one after the other: in memory, in the primary, and, since a replica may
/// still show rows under a generation that was retired meanwhile, there.
#[derive(Clone, Copy, PartialEq)]
enum KeysOf {
    Memory,
    Primary,
    Replica,
}

impl Vault {
    /// Opens a credential. The audit event is durable before this returns.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::Integrity`] when the stored row is
    /// not what was sealed, [`VaultError::Stale`], or the store's failure.
    pub async fn reveal_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<RevealedCredential, VaultError> {
        caller.require(Permission::RevealCredential)?;
        self.refuse_stale_reads()?;
        let event = Event::by(caller, Action::CredentialReveal, self.now()).about(id);
        for source in [KeysOf::Memory, KeysOf::Primary, KeysOf::Replica] {
            let keys = self.keys_of(caller, source).await;
            let reveal = Arc::new(Reveal {
                org: caller.org(),
                keys: keys.as_ref().ok().cloned(),
                last: source == KeysOf::Replica,
                counters: self.counters.clone(),
                span: trace_parent(),
                revealed: Mutex::new(None),
            });
            let looking = reveal.clone();
            let look: OpenFn = Arc::new(move |found| looking.look(found));
            let looked = self
                .store
                .reveal_credential(caller.scope(), id, look, event.clone());
            match (looked.await, keys) {
                (Ok(()), _) => return self.revealed(caller, id, reveal.take()),
                (Err(StoreError::RetiredKey), Err(error)) => {
                    return Err(self.failed(caller, event, error).await);
                }
                (Err(StoreError::RetiredKey), Ok(_)) => {}
                (Err(error), _) => return Err(error.into()),
            }
        }
        Err(VaultError::Internal("a look that never ended".into()))
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
        self.counters.opens.note(keys.open(row))
    }

    fn revealed(
        &self,
        caller: &Caller,
        id: CredentialId,
        revealed: Result<RevealedCredential, VaultError>,
    ) -> Result<RevealedCredential, VaultError> {
        match &revealed {
            Ok(_) => self.note_used(caller, id),
            Err(error) => self.note_broken(caller, Some(id), error),
        }
        revealed
    }

    async fn keys_of(
        &self,
        caller: &Caller,
        source: KeysOf,
    ) -> Result<Arc<OrgKeyring>, VaultError> {
        let scope = caller.scope();
        match source {
            KeysOf::Memory => self.org_keys(scope).await,
            KeysOf::Primary => self.reload_org_keys(scope).await,
            KeysOf::Replica => match self.store.org_keys_of_replica(scope).await? {
                Some(stored) => Ok(Arc::new(self.unwrapped(scope, &stored).await?)),
                None => self.org_keys(scope).await,
            },
        }
    }
}

/// A look that opens what it sees, with the keys that are at hand.
struct Reveal {
    org: OrgId,
    keys: Option<Arc<OrgKeyring>>,
    /// There are no other keys to be had.
    last: bool,
    counters: Arc<Counters>,
    /// The request's, since the row is opened on another thread.
    span: tracing::Span,
    revealed: Mutex<Option<Result<RevealedCredential, VaultError>>>,
}

impl Reveal {
    fn look(
        &self,
        found: StoreResult<Option<Arc<StoredCredential>>>,
    ) -> StoreResult<RevealOutcome> {
        let (seen, revealed) = match found {
            Ok(Some(stored)) => self.open(&stored)?,
            Ok(None) => (seen(Outcome::NotFound, None), Err(VaultError::NotFound)),
            Err(StoreError::Malformed(what)) => (
                seen(Outcome::IntegrityFailure, None),
                Err(VaultError::Integrity(what)),
            ),
            Err(error) => return Err(error),
        };
        *self.revealed.lock().unwrap_or_else(PoisonError::into_inner) = Some(revealed);
        Ok(seen)
    }

    fn open(
        &self,
        stored: &StoredCredential,
    ) -> StoreResult<(RevealOutcome, Result<RevealedCredential, VaultError>)> {
        let row = &stored.sealed;
        let keys = self.keys.as_ref().ok_or(StoreError::RetiredKey)?;
        if !keys.has(row.key_generation) && !self.last {
            return Err(StoreError::RetiredKey);
        }
        let version = Some(row.version);
        let span = tracing::info_span!(target: TRACE, parent: &self.span, "open");
        match span.in_scope(|| self.counters.opens.note(keys.open(row))) {
            Ok(blob) => {
                let mut info = row.info(self.org);
                info.last_used = stored.last_used;
                let revealed = RevealedCredential { info, blob };
                Ok((seen(Outcome::Ok, version), Ok(revealed)))
            }
            Err(error @ VaultError::Integrity(_)) => {
                Ok((seen(Outcome::IntegrityFailure, version), Err(error)))
            }
            Err(error) => Err(StoreError::Refused(Box::new(error))),
        }
    }

    fn take(&self) -> Result<RevealedCredential, VaultError> {
        let mut revealed = self.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        let never = || Err(VaultError::Internal("nobody looked".into()));
        revealed.take().unwrap_or_else(never)
    }
}

fn seen(outcome: Outcome, version: Option<i64>) -> RevealOutcome {
    RevealOutcome { outcome, version }
}
