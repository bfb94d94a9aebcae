//! Updates of credentials.

use std::sync::Arc;

use crate::audit::event::{Action, Event, Outcome};
use crate::blob::BlobValidation;
use crate::caller::{Actor, Caller};
use crate::credential::{CredentialChange, SealedCredential};
use crate::entity_tag::{Condition, EntityTag};
use crate::error::{Conflict, FieldError, VaultError};
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::ports::store::{ChangeFn, Committed};
use crate::record_format::VALUES;
use crate::replication::{Level, OperationId};
use crate::trace::trace_parent;
use crate::vault::Vault;
use crate::vault::content::{Content, ContentFn, ValueStep};
use crate::vault::next_value::ValueChange;
use crate::vault::replication::PendingReplication;
use crate::vault::reseal::Reseal;
use crate::vault::settings::VaultSettings;

impl Vault {
    /// Changes a credential's label, secret or both. The result is a new version, sealed with a new
    /// data key. Returns its entity tag.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::PreconditionFailed`],
    /// [`VaultError::Invalid`] if the new secret does not match the type or an immutable field
    /// differs, [`VaultError::Integrity`], or an error of the store.
    pub async fn update_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
        change: CredentialChange,
        level: Level,
    ) -> Result<PendingReplication<Option<EntityTag>>, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        if change.expiry.is_some() {
            self.require_record_format(VALUES)?;
        }
        let sets_value = change.blob.is_some() || change.merge.is_some();
        let kept = self.versions_kept(caller, sets_value).await?;
        let content = self.content_of(caller, change);
        let operation = self.track(caller, level, None)?.operation;
        let event = Event::by(caller, Action::CredentialUpdate, self.now()).about(id);
        let change = Change {
            id,
            event,
            operation,
            content,
            kept,
            restores: false,
        };
        let changed = self.change(caller, change).await?;
        Ok(self.pending_replication(changed.etag, level, operation, changed))
    }

    /// The content of which a change of a credential makes the next version.
    pub(super) fn content_of(&self, caller: &Caller, change: CredentialChange) -> ContentFn {
        let settings = self.settings;
        let (org, chain) = (caller.org(), self.chain.clone());
        Arc::new(move |row, opened, _| {
            // What is wrong for any version comes first (RFC 9110 § 13.2.1).
            change.check(row, settings.blob_validation)?;
            let matches = |condition: &Condition| condition.matches(chain.entity_tag(org, row));
            match change.if_match.as_ref().is_none_or(matches) {
                true => change.content(row, opened, &settings),
                false => Err(VaultError::PreconditionFailed),
            }
        })
    }

    /// The errors of `change` for the current row of the credential `id`; none if there is no row.
    /// For requests that are refused for other reasons, so that the response lists all errors.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn change_errors(
        &self,
        caller: &Caller,
        id: CredentialId,
        change: &CredentialChange,
    ) -> Result<Vec<FieldError>, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        let current = self.store.credential(caller.scope(), id).await?;
        let rules = self.settings.blob_validation;
        let reached = current.filter(|row| caller.reaches(&row.sealed));
        Ok(reached.map_or_else(Vec::new, |row| change.errors(&row.sealed, rules)))
    }

    /// Replaces a credential with what its content becomes.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        change: Change,
    ) -> Result<Committed, VaultError> {
        let event = change.event.clone();
        let uses = event.action == Action::CredentialUpdate;
        let id = change.id;
        match self.change_row(caller, change).await {
            Ok(committed) => {
                self.forget_rows(caller, id);
                if uses {
                    self.record_used(caller, id);
                }
                Ok(committed)
            }
            // A job goes on with the next one, and would record this again each time.
            Err(VaultError::NotFound) if caller.actor() == Actor::Operator => {
                Err(VaultError::NotFound)
            }
            Err(VaultError::NotFound) => {
                let event = event.with_outcome(Outcome::NotFound);
                self.store.record(caller.scope(), event).await?;
                Err(VaultError::NotFound)
            }
            Err(error @ VaultError::Forbidden(_)) => {
                let event = event.with_outcome(Outcome::Denied);
                self.store.record(caller.scope(), event).await?;
                Err(error)
            }
            Err(error) => Err(self.failed(caller, event, error).await),
        }
    }

    async fn change_row(&self, caller: &Caller, change: Change) -> Result<Committed, VaultError> {
        let Change {
            id,
            event,
            operation,
            content,
            kept,
            restores,
        } = change;
        let mut keys = self.org_keys(caller.scope()).await?;
        loop {
            let reseal = Reseal {
                caller: caller.clone(),
                chain: self.chain.clone(),
                content: content.clone(),
                values: ValueChange {
                    keys: keys.clone(),
                    random: self.random.clone(),
                    kept: kept.unwrap_or_default(),
                    at: event.at,
                    counters: self.counters.clone(),
                },
                keeps_time: event.action == Action::CredentialReseal || restores,
                span: trace_parent(),
            };
            let change: ChangeFn = Arc::new(move |current| reseal.apply(&current));
            let (scope, event) = (caller.scope(), event.clone());
            let changed = match restores {
                true => self
                    .store
                    .restore_credential(scope, id, change, operation, event),
                false => self
                    .store
                    .change_credential(scope, id, change, operation, event),
            };
            match changed.await {
                Err(StoreError::RetiredKey) => {
                    keys = self.newer_org_keys(caller, &keys).await?;
                }
                Err(StoreError::Conflict) => {
                    return Err(VaultError::Conflict(Conflict::UserTaken));
                }
                other => return Ok(other?),
            }
        }
    }

    /// The number of former values that the organization keeps, for a change that `sets_value`.
    pub(super) async fn versions_kept(
        &self,
        caller: &Caller,
        sets_value: bool,
    ) -> Result<Option<i64>, VaultError> {
        if !sets_value {
            return Ok(None);
        }
        Ok(Some(self.settings_of(caller.scope()).await?.versions_kept))
    }
}

/// A change of a credential.
pub(super) struct Change {
    pub(super) id: CredentialId,
    pub(super) event: Event,
    pub(super) operation: Option<OperationId>,
    pub(super) content: ContentFn,
    /// The number of former values to keep; `None` if the value does not change.
    pub(super) kept: Option<i64>,
    /// Whether the credential is a deleted one, which becomes live.
    pub(super) restores: bool,
}

impl CredentialChange {
    fn check(&self, current: &SealedCredential, rules: BlobValidation) -> Result<(), VaultError> {
        let errors = self.errors(current, rules);
        match errors.is_empty() {
            true => Ok(()),
            false => Err(VaultError::Invalid(errors)),
        }
    }

    fn content(
        &self,
        current: &SealedCredential,
        opened: &[u8],
        settings: &VaultSettings,
    ) -> Result<Content, VaultError> {
        let max = settings.max_merged_blob;
        let merged = self
            .merge
            .as_ref()
            .map(|patch| patch.applied_to(opened, max));
        let merged = merged.transpose()?;
        if let Some(merged) = &merged {
            let rules = settings.blob_validation;
            let errors = merged.errors(current.provider, current.kind, rules);
            if !errors.is_empty() {
                return Err(VaultError::Invalid(errors));
            }
        }
        Ok(Content {
            label: self.label.clone().unwrap_or_else(|| current.label.clone()),
            blob: merged.or_else(|| self.blob.clone()),
            expiry: self.expiry,
            step: ValueStep::Set,
        })
    }

    fn errors(&self, current: &SealedCredential, rules: BlobValidation) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut fixed = |field: &str, differs: bool, stored: &str| {
            if differs {
                let message = format!("cannot be changed, and is {stored}");
                errors.push(FieldError::new(field, "immutable", message));
            }
        };
        let (provider, kind) = (current.provider, current.kind);
        let differs = self.provider.is_some_and(|given| given != provider);
        fixed("extcred_provider", differs, provider.as_str());
        let differs = self.kind.is_some_and(|given| given != kind);
        fixed("extcred_type", differs, kind.as_str());
        if let Some(blob) = &self.blob {
            errors.extend(blob.errors(provider, kind, rules));
        }
        errors
    }
}
