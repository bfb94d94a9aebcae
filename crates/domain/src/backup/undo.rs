//! What an undo puts back from a backup.

use serde::Serialize;

use crate::credential::SealedCredential;
use crate::entity_tag::EntityTag;
use crate::ids::CredentialId;

/// A credential that was changed or deleted after a backup, and is put back as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undo {
    /// Its id.
    pub credential_id: CredentialId,
    /// Its label in the backup.
    pub label: String,
    /// How it is put back.
    pub step: UndoStep,
    /// The row of the backup. A key of the database wraps its data key.
    #[serde(skip)]
    pub(crate) backed_up: SealedCredential,
    /// The version that is changed; `None` if there is none, or a deleted one.
    #[serde(skip)]
    pub(crate) seen: Option<EntityTag>,
}

/// How a credential is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoStep {
    /// Label, value and expiry of the backup become the next version.
    Change,
    /// It is deleted, and is restored.
    Restore,
    /// It is deleted and differs, so it is restored and then changed.
    RestoreAndChange,
    /// It is deleted for good, and is created again with its id.
    Create,
}
