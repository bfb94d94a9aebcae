//! What an audit event says.

use chrono::{DateTime, Utc};
use serde::Serialize;
use strongroom_crypto::Digest;

use crate::caller::{Actor, Caller};
use crate::ids::{CredentialId, KeyId};
use crate::kinds::wire_enum;

wire_enum! {
    /// What was done, or asked for.
    Action {
        /// An organization was created.
        OrganizationCreate = 1 => "organization.create",
        /// An API key was issued.
        KeyCreate = 2 => "key.create",
        /// An API key was revoked.
        KeyRevoke = 3 => "key.revoke",
        /// A credential was created.
        CredentialCreate = 4 => "credential.create",
        /// Credentials were listed, without secrets.
        CredentialList = 5 => "credential.list",
        /// A credential was read with its secret.
        CredentialReveal = 6 => "credential.reveal",
        /// A credential was changed.
        CredentialUpdate = 7 => "credential.update",
        /// A credential was deleted.
        CredentialDelete = 8 => "credential.delete",
        /// All credentials were deleted; one `credential.delete` for each follows.
        CredentialDeleteAll = 9 => "credential.delete_all",
        /// A known key asked for what it may not: beyond its role, in another organization, or after its end.
        RequestDenied = 10 => "request.denied",
        /// An organization was deleted; its keys live on for the grace period.
        OrganizationDelete = 11 => "organization.delete",
        /// A deleted organization was restored.
        OrganizationRestore = 12 => "organization.restore",
        /// An organization's keys, and then its rows, were destroyed.
        OrganizationDestroy = 13 => "organization.destroy",
        /// A new generation of an organization's key became active.
        OrganizationRotate = 14 => "organization.rotate",
        /// An organization's keys were wrapped by another root key.
        OrganizationRewrap = 15 => "organization.rewrap",
        /// An old generation of an organization's key was destroyed.
        OrganizationRetire = 16 => "organization.retire",
        /// A credential was encrypted anew: another data key, the same content.
        CredentialReseal = 17 => "credential.reseal",
        /// A credential's digest was recorded again, before its write event was pruned.
        CredentialAttest = 18 => "credential.attest",
        /// Old audit events were pruned.
        AuditPrune = 19 => "audit.prune",
        /// The audit trail was read, here or with an export.
        AuditList = 20 => "audit.list",
        /// The organization was copied into a backup, sealed as it is.
        OrganizationBackup = 21 => "organization.backup",
        /// Rows of the organization were restored from a backup.
        OrganizationRestoreBackup = 22 => "organization.restore_backup",
    }
}

wire_enum! {
    /// How it ended.
    Outcome {
        /// It was done.
        Ok = 1 => "ok",
        /// The thing it was about does not exist.
        NotFound = 2 => "not_found",
        /// It was refused.
        Denied = 3 => "denied",
        /// What is stored failed its integrity check.
        IntegrityFailure = 4 => "integrity_failure",
    }
}

/// One event. Holds no secret.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, to the microsecond.
    pub at: DateTime<Utc>,
    /// What.
    pub action: Action,
    /// With what outcome.
    pub outcome: Outcome,
    /// Who: a key's id, `operator` or `anonymous`.
    pub actor: String,
    /// The request's id.
    pub request_id: String,
    /// From where: the peer's address, or `command-line`.
    pub source: String,
    /// The credential concerned.
    pub credential: Option<CredentialId>,
    /// The API key concerned.
    pub key: Option<KeyId>,
    /// The credential's version after the change, or the one that was read or deleted.
    pub version: Option<i64>,
    /// For a write: the digest of the row as written, so that an old row put back is found.
    pub digest: Option<Digest>,
}

impl Event {
    /// An event that `caller` causes now, with outcome [`Outcome::Ok`].
    #[must_use]
    pub fn by(caller: &Caller, action: Action, at: DateTime<Utc>) -> Self {
        Self {
            at,
            action,
            outcome: Outcome::Ok,
            actor: match caller.actor() {
                Actor::Key(id, _) => id.to_string(),
                Actor::Anonymous => "anonymous".to_owned(),
                Actor::Operator => "operator".to_owned(),
            },
            request_id: caller.request().id.clone(),
            source: caller.request().source.clone(),
            credential: None,
            key: None,
            version: None,
            digest: None,
        }
    }

    /// The same event about `credential`.
    #[must_use]
    pub fn about(mut self, credential: CredentialId) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The same event about the API key `key`.
    #[must_use]
    pub fn about_key(mut self, key: KeyId) -> Self {
        self.key = Some(key);
        self
    }

    /// The same event with another outcome.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same event with the outcome of a reveal, and the version of the row where there was one.
    #[must_use]
    pub fn of_reveal(mut self, outcome: Outcome, version: Option<i64>) -> Self {
        self.outcome = outcome;
        self.version = version;
        self
    }

    /// The same event with the version and digest of the row it wrote.
    #[must_use]
    pub fn of_write(mut self, version: i64, digest: Digest) -> Self {
        self.version = Some(version);
        self.digest = Some(digest);
        self
    }
}
