//! Putting credentials back as a backup has them.

use std::sync::Arc;

use serde_json::json;
use strongroom_crypto::SecretBytes;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::backup::undo::{Undo, UndoStep};
use crate::blob::JsonBlob;
use crate::caller::Caller;
use crate::credential::SealedCredential;
use crate::entity_tag::EntityTag;
use crate::error::{Conflict, VaultError};
use crate::expiry::{Expiry, ExpiryChange};
use crate::ports::error::StoreError;
use crate::ports::store::Tracking;
use crate::record_format::VALUES;
use crate::vault::Vault;
use crate::vault::change::Change;
use crate::vault::content::{Content, ContentFn, ValueStep};
use crate::vault::recorded_deletion::NOT_RECORDED;

impl Vault {
    /// Puts a credential back. Its label, value and expiry become a new version, with a new data
    /// key and an event.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::PreconditionFailed`] if the credential changed
    /// after the undo was planned, [`VaultError::Conflict`] if its user of the Pieces API has
    /// another one, [`VaultError::Integrity`], or an error of the store. After an error of the
    /// second step of [`UndoStep::RestoreAndChange`], the credential is restored.
    pub async fn undo(&self, caller: &Caller, undo: &Undo) -> Result<(), VaultError> {
        caller.require_operator()?;
        let blob = self.backed_up_blob(caller, &undo.backed_up).await?;
        let row = &undo.backed_up;
        match undo.step {
            UndoStep::Create => self.create_again(caller, row, &blob).await,
            UndoStep::Change => self.change_back(caller, row, blob, undo.seen).await,
            UndoStep::Restore => {
                let restored = self.restore_deleted(caller, row.id, None);
                restored.await.map(|_| ())
            }
            UndoStep::RestoreAndChange => {
                self.restore_deleted(caller, row.id, None).await?;
                self.change_back(caller, row, blob, None).await
            }
        }
    }

    async fn backed_up_blob(
        &self,
        caller: &Caller,
        row: &SealedCredential,
    ) -> Result<JsonBlob, VaultError> {
        let keys = self.org_keys(caller.scope()).await?;
        let opened: SecretBytes = self.counters.opens.record(keys.open(row))?;
        Ok(JsonBlob::opened(opened))
    }

    async fn change_back(
        &self,
        caller: &Caller,
        row: &SealedCredential,
        blob: JsonBlob,
        seen: Option<EntityTag>,
    ) -> Result<(), VaultError> {
        let (org, chain) = (caller.org(), self.chain.clone());
        let (label, expiry) = (row.label.clone(), row.expiry);
        let expiry = row.binds_value().then_some(ExpiryChange::Exactly(expiry));
        let content: ContentFn = Arc::new(move |current, _, _| {
            let matches = |seen: EntityTag| chain.entity_tag(org, current) == seen;
            match seen.is_none_or(matches) {
                true => Ok(Content {
                    label: label.clone(),
                    blob: Some(blob.clone()),
                    expiry,
                    step: ValueStep::Set,
                }),
                false => Err(VaultError::PreconditionFailed),
            }
        });
        let change = Change {
            id: row.id,
            event: self.undo_event(caller, row),
            operation: None,
            content,
            kept: self.versions_kept(caller, true).await?,
            restores: false,
        };
        self.change(caller, change).await.map(|_| ())
    }

    // The numbers are above any that the credential has had: a value's number is at most that of
    // its row.
    async fn create_again(
        &self,
        caller: &Caller,
        row: &SealedCredential,
        blob: &JsonBlob,
    ) -> Result<(), VaultError> {
        let recorded = self.recorded_deletion(caller.scope(), row.id).await?;
        let version = recorded.ok_or(NOT_RECORDED)?.version() + 1;
        let event = self.undo_event(caller, row);
        let restored = Details::new([("restored", json!(true))]);
        let event = event.with_details(put_back(row).and(&restored));
        let unsealed = SealedCredential {
            version,
            value_version: version,
            expiry: self.expiry_again(row, blob),
            updated_at: event.at,
            history: None,
            deletion: None,
            ..row.clone()
        };
        let (tracking, random) = (Tracking::default(), &*self.random);
        let created = self.insert(caller, unsealed, blob, tracking, event, random);
        match created.await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict) => Err(VaultError::Conflict(Conflict::UserTaken)),
            Err(error) => Err(error.into()),
        }
    }

    fn expiry_again(&self, row: &SealedCredential, blob: &JsonBlob) -> Option<Expiry> {
        match row.binds_value() && self.chain.record_format() >= VALUES {
            true => row.expiry,
            false => self.first_expiry(None, row.kind, blob),
        }
    }

    fn undo_event(&self, caller: &Caller, row: &SealedCredential) -> Event {
        let event = Event::by(caller, Action::CredentialUpdate, self.now());
        event.about(row.id).with_details(put_back(row))
    }
}

/// The details that name the version of the row that is put back.
fn put_back(row: &SealedCredential) -> Details {
    Details::new([("put_back", json!(row.version))])
}
