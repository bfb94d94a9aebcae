//! The next content of a credential.

use std::sync::Arc;

use crate::blob::JsonBlob;
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::expiry::{Expiry, ExpiryChange};
use crate::label::Label;
use crate::vault::history::History;

/// The next content of a credential: its label, its new blob, if that is sent, a change of its
/// expiry, and what happens to its values.
pub(super) struct Content {
    pub(super) label: Label,
    pub(super) blob: Option<JsonBlob>,
    pub(super) expiry: Option<ExpiryChange>,
    pub(super) step: ValueStep,
}

/// What happens to the values of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueStep {
    /// The blob, if there is one, becomes the current value.
    Set,
    /// The blob becomes the pending value.
    Stage,
    /// The value with this version becomes the current one.
    Promote(i64),
    /// The value with this version is destroyed.
    Destroy(i64),
    /// All values are sealed with new data keys.
    Reseal,
    /// Former values beyond those that are kept are removed.
    Prune,
}

/// Computes the next content from the current row, its opened blob and its history. May be called
/// more than once.
pub(super) type ContentFn =
    Arc<dyn Fn(&SealedCredential, &[u8], &History) -> Result<Content, VaultError> + Send + Sync>;

impl Content {
    /// The content of `row`, with another step.
    pub(super) fn of(row: &SealedCredential, step: ValueStep) -> Self {
        Self {
            label: row.label.clone(),
            blob: None,
            expiry: None,
            step,
        }
    }

    /// The expiry of the next version. What a reveal answered and is sent back changes nothing.
    pub(super) fn next_expiry(
        &self,
        current: &SealedCredential,
        is_new_value: bool,
        blob: &[u8],
    ) -> Option<Expiry> {
        let stored = |change: &ExpiryChange| {
            let expiry = current.expiry.map(|expiry| ExpiryChange::At(expiry.at));
            expiry == Some(*change)
        };
        match self.expiry.filter(|change| !stored(change)) {
            Some(ExpiryChange::At(at)) => Some(Expiry::of_caller(at)),
            Some(ExpiryChange::Exactly(expiry)) => expiry,
            None if !is_new_value && current.binds_value() => current.expiry,
            Some(ExpiryChange::Derive) | None => Expiry::derived(current.kind, blob),
        }
    }
}
