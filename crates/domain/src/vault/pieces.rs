//! The operations of the Pieces API, which stores one OpenAI key per user.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::audit::event::{Action, Event, Outcome};
use crate::caller::{Actor, Caller};
use crate::credential::SealedCredential;
use crate::error::{Denial, VaultError};
use crate::ids::CredentialId;
use crate::kinds::{CredentialType, Provider};
use crate::label::Label;
use crate::permission::Permission;
use crate::pieces::{OpenAi, PiecesUser};
use crate::ports::error::StoreError;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::change::Change;
use crate::vault::content::{Content, ContentFn, ValueStep};
use crate::vault::replication::PendingReplication;

/// The maximum number of attempts of a write that conflicts with concurrent creations or deletions
/// of the user's key.
const MAX_ATTEMPTS: usize = 32;
/// The replication level of these writes. The Pieces API has no parameter for it.
const LEVEL: Level = Level::LocalRegion;

impl Vault {
    /// Stores `open_ai` as the key of `user`, in place of an existing one. Returns the stored key.
    /// Without `open_ai`, changes nothing.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Invalid`] if the result would have no `api_key`, or
    /// an error of the store.
    pub async fn create_user_key(
        &self,
        caller: &Caller,
        user: &PiecesUser,
        open_ai: Option<OpenAi>,
    ) -> Result<PendingReplication<Option<OpenAi>>, VaultError> {
        caller.require_for_user_keys(Permission::CredentialsWrite)?;
        match open_ai {
            None => self
                .user_key(caller, user)
                .await
                .map(PendingReplication::nothing),
            Some(open_ai) => {
                let put = self.put_user_key(caller, user, open_ai, false).await?;
                Ok(put.map(Some))
            }
        }
    }

    /// Merges the members of `open_ai` into the key of `user`, or creates it. Returns the stored
    /// key.
    ///
    /// # Errors
    /// As for [`Self::create_user_key`].
    pub async fn update_user_key(
        &self,
        caller: &Caller,
        user: &PiecesUser,
        open_ai: OpenAi,
    ) -> Result<PendingReplication<OpenAi>, VaultError> {
        caller.require_for_user_keys(Permission::CredentialsWrite)?;
        self.put_user_key(caller, user, open_ai, true).await
    }

    /// Deletes the key of `user`, if it exists.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn delete_user_key(
        &self,
        caller: &Caller,
        user: &PiecesUser,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require_for_user_keys(Permission::CredentialsDelete)?;
        let scope = caller.scope();
        let event = Event::by(caller, Action::CredentialDelete, self.now());
        let Some(row) = self.reached_user_key(caller, user).await? else {
            let event = event.with_outcome(Outcome::NotFound);
            self.store.record(scope, event).await?;
            return Ok(PendingReplication::nothing(()));
        };
        let (removal, event) = self.removal(caller, false, event.about(row.id)).await?;
        let operation = self.track(caller, LEVEL, None)?.operation;
        let admitted = (removal, self.admitted_deletion(caller, None));
        let deleted = self
            .store
            .delete_credential(scope, row.id, admitted, operation, event);
        Ok(self.pending_replication((), LEVEL, operation, deleted.await?))
    }

    /// The key of `user`, if it exists. For a caller who may reveal credentials, it includes
    /// `api_key`, which is recorded as a reveal. For others it does not.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Integrity`], or an error of the store.
    pub async fn user_key(
        &self,
        caller: &Caller,
        user: &PiecesUser,
    ) -> Result<Option<OpenAi>, VaultError> {
        caller.require_for_user_keys(Permission::CredentialsWrite)?;
        let scope = caller.scope();
        let reveals = may_reveal(caller);
        let action = match reveals {
            true => Action::CredentialReveal,
            false => Action::CredentialList,
        };
        let event = Event::by(caller, action, self.now());
        let Some(row) = self.reached_user_key(caller, user).await? else {
            let event = event.with_outcome(Outcome::NotFound);
            self.store.record(scope, event).await?;
            return Ok(None);
        };
        let event = event.about(row.id);
        let opened = match self.open(caller, &row).await {
            Ok(opened) => OpenAi::of_blob(opened.expose()),
            Err(error) => return Err(self.failed(caller, event, error).await),
        };
        self.store.record(scope, event).await?;
        if !reveals {
            return Ok(Some(opened.without_api_key()));
        }
        self.record_used(caller, row.id);
        Ok(Some(opened))
    }

    // A key that the caller does not reach is answered like a missing one.
    async fn reached_user_key(
        &self,
        caller: &Caller,
        user: &PiecesUser,
    ) -> Result<Option<SealedCredential>, VaultError> {
        let found = self
            .store
            .credential_of_user(caller.scope(), user.as_str())
            .await?;
        Ok(found.filter(|row| caller.reaches(row)))
    }

    async fn put_user_key(
        &self,
        caller: &Caller,
        user: &PiecesUser,
        open_ai: OpenAi,
        merge: bool,
    ) -> Result<PendingReplication<OpenAi>, VaultError> {
        let scope = caller.scope();
        // A response to a caller who may not reveal contains the key only if this request
        // contained it.
        let reveals_key = may_reveal(caller) || open_ai.has_api_key();
        for _ in 0..MAX_ATTEMPTS {
            let current = self.store.credential_of_user(scope, user.as_str()).await?;
            let done = match current {
                None => self.insert_user_key(caller, user, &open_ai).await?,
                Some(row) if !caller.reaches(&row) => {
                    let denied = Err(VaultError::Forbidden(Denial::Reach));
                    return self.permit(caller, denied).await;
                }
                Some(row) => {
                    self.change_user_key(caller, row.id, &open_ai, merge)
                        .await?
                }
            };
            if let Some((id, kept)) = done {
                if !reveals_key {
                    return Ok(kept.map(|kept| kept.without_api_key()));
                }
                // The change is durable, so an answer that denies it would be wrong.
                let recorded = self.record_reveal(caller, id).await;
                recorded.map_err(|error| VaultError::OutcomeUnknown(error.to_string()))?;
                return Ok(kept);
            }
        }
        Err(VaultError::Unavailable(
            "the user's key is created and deleted repeatedly".into(),
        ))
    }

    // Returns `None` if a concurrent request created the user's key first.
    async fn insert_user_key(
        &self,
        caller: &Caller,
        user: &PiecesUser,
        open_ai: &OpenAi,
    ) -> Result<Option<(CredentialId, PendingReplication<OpenAi>)>, VaultError> {
        let blob = open_ai
            .blob(None)
            .map_err(|error| VaultError::Invalid(vec![error]))?;
        let now = self.now();
        let random = self.draw_for_create()?;
        let id = CredentialId::new(now, &random)?;
        let row = SealedCredential {
            id,
            provider: Provider::Generic,
            kind: CredentialType::ApiKey,
            label: Label::stored(format!("pieces/{}", user.as_str())),
            version: 1,
            value_version: 1,
            expiry: self.first_expiry(None, CredentialType::ApiKey, &blob),
            key_generation: 0,
            wrapped_key: Vec::new(),
            sealed_blob: Vec::new(),
            updated_at: now,
            pieces_user: Some(user.as_str().to_owned()),
            history: None,
            deletion: None,
        };
        let event = Event::by(caller, Action::CredentialCreate, now).about(id);
        let tracking = self.track(caller, LEVEL, None)?;
        let operation = tracking.operation;
        let inserted = self.insert(caller, row, &blob, tracking, event, &random);
        match inserted.await {
            Ok(committed) => {
                let kept = OpenAi::of_blob(blob.expose());
                Ok(Some((
                    id,
                    self.pending_replication(kept, LEVEL, operation, committed),
                )))
            }
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    // Returns `None` if a concurrent request deleted the user's key first.
    async fn change_user_key(
        &self,
        caller: &Caller,
        id: CredentialId,
        open_ai: &OpenAi,
        merge: bool,
    ) -> Result<Option<(CredentialId, PendingReplication<OpenAi>)>, VaultError> {
        // The last run of the change takes effect. It stores its result here.
        let kept = Arc::new(Mutex::new(OpenAi::default()));
        let (result, given) = (kept.clone(), open_ai.clone());
        let content: ContentFn = Arc::new(move |row, opened, _| {
            let blob = given.blob(merge.then_some(opened));
            let blob = blob.map_err(|error| VaultError::Invalid(vec![error]))?;
            *result.lock() = OpenAi::of_blob(blob.expose());
            Ok(Content {
                blob: Some(blob),
                ..Content::of(row, ValueStep::Set)
            })
        });
        let operation = self.track(caller, LEVEL, None)?.operation;
        let change = Change {
            id,
            event: Event::by(caller, Action::CredentialUpdate, self.now()).about(id),
            operation,
            content,
            kept: self.versions_kept(caller, true).await?,
            restores: false,
        };
        match self.change(caller, change).await {
            Ok(committed) => {
                let kept = kept.lock().clone();
                Ok(Some((
                    id,
                    self.pending_replication(kept, LEVEL, operation, committed),
                )))
            }
            Err(VaultError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn record_reveal(&self, caller: &Caller, id: CredentialId) -> Result<(), VaultError> {
        let event = Event::by(caller, Action::CredentialReveal, self.now()).about(id);
        self.store.record(caller.scope(), event).await?;
        self.record_used(caller, id);
        Ok(())
    }
}

fn may_reveal(caller: &Caller) -> bool {
    let permissions = caller.limits().permissions;
    caller.actor() != Actor::Anonymous && permissions.contains(Permission::CredentialsReveal)
}
