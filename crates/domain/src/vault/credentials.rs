//! Creation, listing and deletion of credentials.

use std::sync::Arc;

use crate::audit::event::{Action, Event, Outcome};
use crate::blob::JsonBlob;
use crate::caller::Caller;
use crate::credential::{CredentialFilter, CredentialPage, NewCredential, Page, SealedCredential};
use crate::entity_tag::{Condition, EntityTag};
use crate::error::{Denial, VaultError};
use crate::idempotency::{IdempotencyKey, IdempotencyRecord};
use crate::ids::CredentialId;
use crate::keyring::organization::OrgKeyring;
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::ports::store::{Committed, DeleteFn, Tracking};
use crate::replication::{Level, OPERATION_RETENTION};
use crate::trace::TRACE;
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;

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
        let now = self.now();
        let id = CredentialId::new(now, &*self.random)?;
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
        let unsealed = SealedCredential {
            id,
            provider: new.provider,
            kind: new.kind,
            label: new.label,
            version: 1,
            key_generation: 0,
            wrapped_key: Vec::new(),
            sealed_blob: Vec::new(),
            updated_at: now,
            pieces_user: None,
        };
        let committed = self
            .insert(caller, unsealed, &new.blob, tracking, event)
            .await?;
        let id = committed.earlier.map_or(id, |earlier| earlier.credential);
        let etag = committed.etag;
        let created = CreatedCredential { id, etag };
        Ok(self.pending_replication(created, level, operation, committed))
    }

    /// Seals `blob` as the content of `unsealed`, and stores the row.
    pub(super) async fn insert(
        &self,
        caller: &Caller,
        unsealed: SealedCredential,
        blob: &JsonBlob,
        tracking: Tracking,
        event: Event,
    ) -> Result<Committed, StoreError> {
        let refused = |error| StoreError::Refused(Box::new(error));
        if !caller.reaches(&unsealed) {
            let denied = Err(VaultError::Forbidden(Denial::Reach));
            return self.permit(caller, denied).await.map_err(refused);
        }
        let mut keys = self.org_keys(caller.scope()).await.map_err(refused)?;
        loop {
            let row = self.seal(&keys, unsealed.clone(), blob).map_err(refused)?;
            let digest = self.chain.row_digest(caller.org(), &row);
            let event = event.clone().of_write(row.version, digest);
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

    fn seal(
        &self,
        keys: &OrgKeyring,
        row: SealedCredential,
        blob: &JsonBlob,
    ) -> Result<SealedCredential, VaultError> {
        let _span = tracing::info_span!(target: TRACE, "seal").entered();
        let format = self.chain.record_format();
        let sealed = keys.seal(row, blob.expose(), format, &*self.random);
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

    /// Deletes a credential. One that is missing, or that the caller does not reach, is not an
    /// error, unless `if_match` names versions.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::PreconditionFailed`], or an error of the store.
    pub async fn delete_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
        if_match: Option<Condition>,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::CredentialsDelete)?;
        let event = Event::by(caller, Action::CredentialDelete, self.now()).about(id);
        let operation = self.track(caller, level, None)?.operation;
        let scope = caller.scope();
        let admit = self.admitted_deletion(caller, if_match);
        let deleted = self
            .store
            .delete_credential(scope, id, admit, operation, event);
        Ok(self.pending_replication((), level, operation, deleted.await?))
    }

    /// Admits the deletion of a row that `caller` reaches, if it is of a version in `if_match`.
    pub(super) fn admitted_deletion(
        &self,
        caller: &Caller,
        if_match: Option<Condition>,
    ) -> DeleteFn {
        let (caller, chain) = (caller.clone(), self.chain.clone());
        let unconditional = if_match.is_none() && caller.reach().is_none();
        Arc::new(move |row| {
            let row = match row {
                Err(StoreError::Malformed(_)) if unconditional => return Ok(()),
                row => row?.filter(|row| caller.reaches(row)),
            };
            let matches = |condition: &Condition| {
                let tag = |row| chain.entity_tag(caller.org(), row);
                row.as_ref().is_some_and(|row| condition.matches(tag(row)))
            };
            match (&if_match, &row) {
                (Some(condition), _) if !matches(condition) => {
                    let error = VaultError::PreconditionFailed;
                    Err(StoreError::Refused(Box::new(error)))
                }
                (_, Some(_)) => Ok(()),
                (_, None) => Err(StoreError::NotFound),
            }
        })
    }

    /// Deletes all credentials of the caller's organization that the caller reaches, in one
    /// transaction.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn delete_all_credentials(
        &self,
        caller: &Caller,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::CredentialsDelete)?;
        let now = self.now();
        let event = Event::by(caller, Action::CredentialDeleteAll, now);
        let each = Event::by(caller, Action::CredentialDelete, now);
        let operation = self.track(caller, level, None)?.operation;
        let scope = caller.scope();
        let deleted = self.store.delete_all_credentials(
            scope,
            caller.reach().cloned(),
            operation,
            event,
            each,
        );
        Ok(self.pending_replication((), level, operation, deleted.await?))
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
