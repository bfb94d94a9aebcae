//! Creation, listing and deletion of credentials.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::{Drawn, RandomSource};

use crate::audit::event::{Action, Event, Outcome};
use crate::blob::JsonBlob;
use crate::caller::Caller;
use crate::credential::{CredentialFilter, CredentialPage, NewCredential, Page, SealedCredential};
use crate::entity_tag::EntityTag;
use crate::error::{Denial, VaultError};
use crate::expiry::Expiry;
use crate::idempotency::{IdempotencyKey, IdempotencyRecord};
use crate::ids::CredentialId;
use crate::keyring::organization::OrgKeyring;
use crate::kinds::CredentialType;
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::ports::store::{Committed, Tracking};
use crate::record_format::VALUES;
use crate::replication::{Level, OPERATION_RETENTION};
use crate::trace::TRACE;
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;

/// Random bytes of a create: of its id (10), its data key (32), and both nonces (12 each).
pub(super) const CREATE_RANDOM: usize = 10 + 32 + 12 + 12;

impl Vault {
    /// Stores a new credential and returns its id and entity tag after the commit. If the request
    /// repeats an earlier one, returns the id of the earlier credential.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Invalid`], [`VaultError::ReusedIdempotencyKey`], or
    /// an error of the store. After an error nothing was written, except possibly after
    /// [`VaultError::OutcomeUnknown`].
    pub async fn create_credential(
        &self,
        caller: &Caller,
        request: CreateRequest,
    ) -> Result<PendingReplication<CreatedCredential>, VaultError> {
        let CreateRequest { new, level, key } = request;
        caller.require(Permission::CredentialsWrite)?;
        let errors = new
            .blob
            .errors(new.provider, new.kind, self.settings.blob_validation);
        if !errors.is_empty() {
            return Err(VaultError::Invalid(errors));
        }
        if new.expires_at.is_some() {
            self.require_record_format(VALUES)?;
        }
        let now = self.now();
        let random = self.draw_for_create()?;
        let id = CredentialId::new(now, &random)?;
        let event = Event::by(caller, Action::CredentialCreate, now).about(id);
        let record = key.map(|key| {
            let service_key = &self.service.idempotency;
            IdempotencyRecord::of_create(
                service_key,
                caller.org(),
                &key,
                &new,
                now + OPERATION_RETENTION,
            )
        });
        let tracking = self.track(caller, level, record)?;
        let operation = tracking.operation;
        let unsealed = self.unsealed(id, &new, now);
        let committed = self
            .insert(caller, unsealed, &new.blob, tracking, event, &random)
            .await?;
        let id = committed.earlier.map_or(id, |earlier| earlier.credential);
        let etag = committed.etag;
        let created = CreatedCredential { id, etag };
        Ok(self.pending_replication(created, level, operation, committed))
    }

    fn unsealed(
        &self,
        id: CredentialId,
        new: &NewCredential,
        now: DateTime<Utc>,
    ) -> SealedCredential {
        SealedCredential {
            id,
            provider: new.provider,
            kind: new.kind,
            label: new.label.clone(),
            version: 1,
            value_version: 1,
            expiry: self.first_expiry(new.expires_at, new.kind, &new.blob),
            key_generation: 0,
            wrapped_key: Vec::new(),
            sealed_blob: Vec::new(),
            updated_at: now,
            pieces_user: None,
            history: None,
            deletion: None,
        }
    }

    /// Seals `blob` as the content of `unsealed`, and stores the row.
    pub(super) async fn insert(
        &self,
        caller: &Caller,
        unsealed: SealedCredential,
        blob: &JsonBlob,
        tracking: Tracking,
        event: Event,
        random: &dyn RandomSource,
    ) -> Result<Committed, StoreError> {
        let refused = |error| StoreError::Refused(Box::new(error));
        if !caller.reaches(&unsealed) {
            let denied = Err(VaultError::Forbidden(Denial::Reach));
            return self.permit(caller, denied).await.map_err(refused);
        }
        let mut keys = self.org_keys(caller.scope()).await.map_err(refused)?;
        loop {
            let row = self.seal(&keys, unsealed.clone(), blob, random);
            let row = row.map_err(refused)?;
            let digest = self.chain.row_digest(caller.org(), &row);
            let event = event.clone().of_write(&row, digest);
            match self
                .store
                .insert_credential(caller.scope(), row, tracking.clone(), event)
                .await
            {
                Err(StoreError::RetiredKey) => {
                    keys = self.newer_org_keys(caller, &keys).await.map_err(refused)?;
                }
                other => return other,
            }
        }
    }

    /// All random bytes of a create: each call to the system takes as long as the encryption of a
    /// small credential.
    pub(super) fn draw_for_create(&self) -> Result<Drawn<'_, CREATE_RANDOM>, VaultError> {
        Ok(Drawn::from(&*self.random)?)
    }

    /// The expiry of a new credential, if the record format has one.
    pub(super) fn first_expiry(
        &self,
        given: Option<DateTime<Utc>>,
        kind: CredentialType,
        blob: &JsonBlob,
    ) -> Option<Expiry> {
        if self.chain.record_format() < VALUES {
            return None;
        }
        let given = given.map(Expiry::of_caller);
        given.or_else(|| Expiry::derived(kind, blob.expose()))
    }

    fn seal(
        &self,
        keys: &OrgKeyring,
        row: SealedCredential,
        blob: &JsonBlob,
        random: &dyn RandomSource,
    ) -> Result<SealedCredential, VaultError> {
        let _span = tracing::info_span!(target: TRACE, "seal").entered();
        let format = self.chain.record_format();
        let sealed = keys.seal(row, blob.expose(), format, random);
        self.counters.seals.record(sealed)
    }

    /// Lists credentials without their secrets.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Stale`], or an error of the store.
    pub async fn list_credentials(
        &self,
        caller: &Caller,
        page: Page,
        mut filter: CredentialFilter,
    ) -> Result<CredentialPage, VaultError> {
        caller.require(Permission::CredentialsList)?;
        self.refuse_stale_reads()?;
        filter.reach = caller.reach().cloned();
        let scope = caller.scope();
        let listed = self.store.list_credentials(scope, page, filter).await;
        let listed = self.log_failure(scope.org(), listed.map_err(VaultError::from))?;
        let event = Event::by(caller, Action::CredentialList, self.now());
        self.store.record(scope, event).await?;
        Ok(listed)
    }

    /// The error to return after `error` ended the operation of `event`. An integrity failure is
    /// counted and recorded first.
    pub(super) async fn failed(
        &self,
        caller: &Caller,
        event: Event,
        error: VaultError,
    ) -> VaultError {
        if !matches!(error, VaultError::Integrity(_)) {
            return error;
        }
        self.count_integrity_failure(caller, event.credential, &error);
        let event = event.with_outcome(Outcome::IntegrityFailure);
        match self.store.record(caller.scope(), event).await {
            Ok(()) => error,
            Err(unrecorded) => unrecorded.into(),
        }
    }

    /// Counts and logs `error` if it is an integrity failure.
    pub(super) fn count_integrity_failure(
        &self,
        caller: &Caller,
        credential: Option<CredentialId>,
        error: &VaultError,
    ) {
        if matches!(error, VaultError::Integrity(_)) {
            self.counters.seal_failures.add(1);
            self.log_integrity_failure(caller.org(), credential, error);
        }
    }

    // The active generation changed since `old` was loaded. If the database still names the same
    // one, a retry would never end.
    pub(super) async fn newer_org_keys(
        &self,
        caller: &Caller,
        old: &OrgKeyring,
    ) -> Result<Arc<OrgKeyring>, VaultError> {
        let keys = self.reload_org_keys(caller.scope()).await?;
        if keys.active() == old.active() {
            return Err(VaultError::Integrity(
                "a row names a key generation that the organization does not have",
            ));
        }
        Ok(keys)
    }
}

/// A credential that was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedCredential {
    /// Its id.
    pub id: CredentialId,
    /// Its entity tag; `None` for a repeated request, since the credential may have changed.
    pub etag: Option<EntityTag>,
}

/// A request to create a credential.
#[derive(Debug)]
pub struct CreateRequest {
    /// The credential.
    pub new: NewCredential,
    /// The regions that must confirm the write.
    pub level: Level,
    /// The key with which the request can be repeated.
    pub key: Option<IdempotencyKey>,
}
