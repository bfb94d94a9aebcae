//! Updates of credentials.

use std::sync::Arc;

use strongroom_crypto::RandomSource;

use crate::audit::chain::Chain;
use crate::audit::event::{Action, Event, Outcome};
use crate::blob::{BlobValidation, JsonBlob};
use crate::caller::Caller;
use crate::credential::{CredentialChange, SealedCredential};
use crate::entity_tag::{Condition, EntityTag};
use crate::error::{Denial, FieldError, VaultError};
use crate::health::counters::Counters;
use crate::ids::CredentialId;
use crate::keyring::organization::OrgKeyring;
use crate::label::Label;
use crate::permission::Permission;
use crate::ports::error::{StoreError, StoreResult};
use crate::ports::store::{ChangeFn, ChangedCredential, Committed};
use crate::replication::{Level, OperationId};
use crate::trace::{TRACE, trace_parent};
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;
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
        let settings = self.settings;
        let (org, chain) = (caller.org(), self.chain.clone());
        let content: ContentFn = Arc::new(move |row, opened| {
            // What is wrong for any version comes first (RFC 9110 § 13.2.1).
            change.check(row, settings.blob_validation)?;
            let matches = |condition: &Condition| condition.matches(chain.entity_tag(org, row));
            match change.if_match.as_ref().is_none_or(matches) {
                true => change.content(row, opened, &settings),
                false => Err(VaultError::PreconditionFailed),
            }
        });
        let operation = self.track(caller, level, None)?.operation;
        let action = Action::CredentialUpdate;
        let changed = self.change(caller, id, action, operation, content).await?;
        Ok(self.pending_replication(changed.etag, level, operation, changed))
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

    /// Replaces a credential's label and blob with the result of `content`.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        id: CredentialId,
        action: Action,
        operation: Option<OperationId>,
        content: ContentFn,
    ) -> Result<Committed, VaultError> {
        let event = Event::by(caller, action, self.now()).about(id);
        let changed = self.change_row(caller, id, content, operation, event.clone());
        match changed.await {
            Ok(committed) => {
                if action == Action::CredentialUpdate {
                    self.record_used(caller, id);
                }
                Ok(committed)
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

    async fn change_row(
        &self,
        caller: &Caller,
        id: CredentialId,
        content: ContentFn,
        operation: Option<OperationId>,
        event: Event,
    ) -> Result<Committed, VaultError> {
        let mut keys = self.org_keys(caller.scope()).await?;
        loop {
            let reseal = Reseal {
                caller: caller.clone(),
                keys: keys.clone(),
                chain: self.chain.clone(),
                random: self.random.clone(),
                content: content.clone(),
                changed_at: (event.action != Action::CredentialReseal).then_some(event.at),
                counters: self.counters.clone(),
                span: trace_parent(),
            };
            let change: ChangeFn = Arc::new(move |current| reseal.apply(current));
            let scope = caller.scope();
            match self
                .store
                .change_credential(scope, id, change, operation, event.clone())
                .await
            {
                Err(StoreError::RetiredKey) => {
                    keys = self.newer_org_keys(caller, &keys).await?;
                }
                other => return Ok(other?),
            }
        }
    }
}

/// The next content of a credential: its label, and its new blob, if that changes.
pub(super) struct Content {
    pub(super) label: Label,
    pub(super) blob: Option<JsonBlob>,
}

/// Computes the next content from the current row and its opened blob. May be called more than
/// once.
pub(super) type ContentFn =
    Arc<dyn Fn(&SealedCredential, &[u8]) -> Result<Content, VaultError> + Send + Sync>;

/// The inputs for the next version of a row.
struct Reseal {
    caller: Caller,
    keys: Arc<OrgKeyring>,
    chain: Chain,
    random: Arc<dyn RandomSource>,
    content: ContentFn,
    /// The time of the caller's change; `None` if the content stays.
    changed_at: Option<chrono::DateTime<chrono::Utc>>,
    counters: Arc<Counters>,
    /// The span of the request, because the change runs on another thread.
    span: tracing::Span,
}

impl Reseal {
    fn apply(&self, current: SealedCredential) -> StoreResult<ChangedCredential> {
        if !self.keys.has(current.key_generation) {
            return Err(StoreError::RetiredKey);
        }
        self.next(current)
            .map_err(|error| StoreError::Refused(Box::new(error)))
    }

    // A change of the label alone also opens and re-seals the blob. Every version has its own data
    // key, and a tampered row does not become a valid new version.
    fn next(&self, current: SealedCredential) -> Result<ChangedCredential, VaultError> {
        if !self.caller.reaches(&current) {
            return Err(VaultError::NotFound);
        }
        let span = tracing::info_span!(target: TRACE, parent: &self.span, "open");
        let opened = span.in_scope(|| self.counters.opens.record(self.keys.open(&current)))?;
        let content = (self.content)(&current, opened.expose())?;
        let next = SealedCredential {
            label: content.label,
            version: current.version + 1,
            updated_at: self.changed_at.unwrap_or(current.updated_at),
            ..current
        };
        if !self.caller.reaches(&next) {
            return Err(VaultError::Forbidden(Denial::Reach));
        }
        let blob = content
            .blob
            .as_ref()
            .map_or(opened.expose(), JsonBlob::expose);
        let span = tracing::info_span!(target: TRACE, parent: &self.span, "seal");
        let sealed = span.in_scope(|| self.seal(next, blob));
        let row = self.counters.seals.record(sealed)?;
        let digest = self.chain.row_digest(self.caller.org(), &row);
        Ok(ChangedCredential { row, digest })
    }

    fn seal(&self, next: SealedCredential, blob: &[u8]) -> Result<SealedCredential, VaultError> {
        let format = self.chain.record_format();
        self.keys.seal(next, blob, format, &*self.random)
    }
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
