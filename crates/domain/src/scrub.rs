//! Findings of the integrity scrub.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use strongroom_crypto::RootKeyId;

use crate::audit::details::Details;
use crate::ids::{CredentialId, KeyId, OrgId};

/// A difference between the stored rows and the audit trail. Contains no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The organization.
    pub org: OrgId,
    /// The credential; `None` if the finding concerns the organization's keys.
    pub credential: Option<CredentialId>,
    /// The problem. Its text is for humans; [`Problem::code`] is for programs.
    pub problem: Problem,
}

/// The result of a scrub of all organizations and their audit trails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubResult {
    /// The end of the scrub.
    pub ended_at: DateTime<Utc>,
    /// The number of checked credentials.
    pub credentials: i64,
    /// The number of findings.
    pub findings: i64,
    /// The number of verified audit events.
    pub events: i64,
    /// The number of findings in audit trails.
    pub trail_findings: i64,
}

/// The content of the event of a deletion.
#[derive(Debug, Clone)]
pub struct DeletionRecord {
    /// The version of the deleted row.
    pub version: i64,
    /// The details of the event.
    pub details: Option<Details>,
}

impl DeletionRecord {
    /// Until when the deletion can be undone; `None` if it is final.
    #[must_use]
    pub fn window(&self) -> Option<Value> {
        self.details.as_ref()?.get("recover_until")
    }
}

/// The problem. Its text is for humans; [`Problem::code`] is for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The row does not open: it was moved, relabeled or altered.
    DoesNotOpen,
    /// The row has a form that no server writes.
    Malformed,
    /// A key of the organization, or an API key, is not what it was.
    Key(KeyProblem),
    /// A root key is not what the audit trail of the installation says.
    RootKey(RootKeyProblem),
    /// The audit trail has a newer version than the row.
    RolledBack {
        /// The row's version.
        stored: i64,
        /// The newest version in the audit trail.
        written: i64,
    },
    /// Two audit events wrote the same version of the row.
    Forked,
    /// The row differs from the digest in its write event.
    Differs,
    /// No audit event wrote this version of the row.
    Unwritten(i64),
    /// The audit trail records the deletion of the credential, but its row exists.
    PutBack,
    /// The row is missing, and no audit event deleted it.
    Missing,
    /// The row says that the credential is deleted, or until when it can be restored, but the audit
    /// trail does not.
    DeletionAltered,
    /// Former values of the credential are missing, altered, or at another stage.
    HistoryAltered,
    /// The relay policy of the credential is missing, altered, or not the newest one.
    PolicyAltered,
}

/// A key that is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyProblem {
    /// The row names a generation of the organization's key that is missing or does not unwrap.
    Missing(i32),
    /// This generation of the organization's key does not unwrap.
    DoesNotUnwrap(i32),
    /// No generation of the organization's key is active.
    NoneActive,
    /// The active generation of the organization's key is not the one that was made active last.
    RolledBack {
        /// The active generation.
        active: i32,
        /// The newest one in the audit trail.
        recorded: i32,
    },
    /// This generation of the organization's key was destroyed, but is there again.
    PutBack(i32),
    /// No audit event issued this API key.
    ApiKeyUnissued(KeyId),
    /// The audit trail records the revocation of this API key, but its row says otherwise.
    RevocationUndone(KeyId),
    /// The scheduled end of this API key is not the one in the audit trail.
    EndAltered(KeyId),
    /// The row of this OAuth 2.0 client is not the one in the audit trail.
    ClientAltered(KeyId),
    /// No audit event says which generation of the organization's key is active.
    Unproved,
    /// The organization was deleted, but its row says otherwise.
    DeletionUndone,
}

/// A root key that is not what the audit trail of the installation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKeyProblem {
    /// No event says which root key is active.
    Unproved,
    /// The active root key is not the one that was activated last.
    RolledBack {
        /// The active root key.
        active: RootKeyId,
        /// The newest one in the audit trail.
        recorded: RootKeyId,
    },
    /// This root key was declared destroyed, but its row says otherwise.
    PutBack(RootKeyId),
}

impl RootKeyProblem {
    fn code(self) -> &'static str {
        match self {
            Self::Unproved => "root_key_unproved",
            Self::RolledBack { .. } => "root_key_rolled_back",
            Self::PutBack(_) => "root_key_put_back",
        }
    }
}

impl KeyProblem {
    fn code(self) -> &'static str {
        match self {
            Self::Missing(_) => "key_missing",
            Self::DoesNotUnwrap(_) => "key_does_not_unwrap",
            Self::NoneActive => "no_active_key",
            Self::RolledBack { .. } => "key_rolled_back",
            Self::PutBack(_) => "key_put_back",
            Self::ApiKeyUnissued(_) => "api_key_unissued",
            Self::RevocationUndone(_) => "revocation_undone",
            Self::EndAltered(_) => "key_end_altered",
            Self::ClientAltered(_) => "oauth_client_altered",
            Self::Unproved => "key_unproved",
            Self::DeletionUndone => "deletion_undone",
        }
    }
}

impl Problem {
    /// The stable code of the problem.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DoesNotOpen => "does_not_open",
            Self::Malformed => "malformed",
            Self::Key(problem) => problem.code(),
            Self::RootKey(problem) => problem.code(),
            Self::RolledBack { .. } => "rolled_back",
            Self::Forked => "forked",
            Self::Differs => "differs_from_trail",
            Self::Unwritten(_) => "unwritten",
            Self::PutBack => "put_back",
            Self::Missing => "missing",
            Self::DeletionAltered => "deletion_altered",
            Self::HistoryAltered => "history_altered",
            Self::PolicyAltered => "relay_policy_altered",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotOpen => f.write_str("does not open: it was moved, relabeled or altered"),
            Self::Malformed => f.write_str("has a form that no server writes"),
            Self::RolledBack { stored, written } => write!(
                f,
                "was rolled back: its version is {stored}, but version {written} was written"
            ),
            Self::Differs => f.write_str(
                "is not what was written: its label, content or metadata differ from the audit \
                 trail's digest",
            ),
            Self::Unwritten(version) => {
                write!(f, "has version {version}, which no audit event wrote")
            }
            Self::Forked => f.write_str(
                "was written twice with the same version: an older row was put back and then \
                 changed, and its content may be old",
            ),
            Self::PutBack => f.write_str("was deleted, but its row exists again"),
            Self::Missing => {
                f.write_str("is missing: its row is gone, and no audit event deleted it")
            }
            Self::DeletionAltered => f.write_str(
                "is marked as deleted until a time, which is not what its audit events say",
            ),
            Self::HistoryAltered => f.write_str(
                "has former values that are not those that were kept: one is missing, was altered \
                 or put back, or does not open",
            ),
            Self::PolicyAltered => {
                f.write_str("has a relay policy that is not the newest one, or does not open")
            }
            Self::Key(problem) => problem.fmt(f),
            Self::RootKey(problem) => problem.fmt(f),
        }
    }
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(generation) => write!(
                f,
                "is sealed with generation {generation} of the organization's key, which is \
                 missing or does not unwrap"
            ),
            Self::DoesNotUnwrap(generation) => write!(
                f,
                "generation {generation} of the organization's key does not unwrap: it was moved \
                 or altered, or its root key is not loaded"
            ),
            Self::NoneActive => f.write_str("no generation of the organization's key is active"),
            Self::RolledBack { active, recorded } => write!(
                f,
                "generation {active} of the organization's key is active, but generation \
                 {recorded} was made active last: the key was rolled back"
            ),
            Self::PutBack(generation) => write!(
                f,
                "generation {generation} of the organization's key was destroyed, but is there \
                 again"
            ),
            Self::ApiKeyUnissued(key) => {
                write!(f, "no audit event issued the API key {}", key.0)
            }
            Self::RevocationUndone(key) => write!(
                f,
                "the API key {} was revoked, but its row says that it was not",
                key.0
            ),
            Self::EndAltered(key) => write!(
                f,
                "the scheduled end of the API key {} is not the one in its audit events",
                key.0
            ),
            Self::ClientAltered(client) => write!(
                f,
                "the OAuth 2.0 client {} is not what was written last: it was altered or put back",
                client.0
            ),
            Self::Unproved => f.write_str(
                "no audit event says which generation of the organization's key is active: the \
                 event was removed",
            ),
            Self::DeletionUndone => f.write_str("the organization was deleted, but its row is not"),
        }
    }
}

impl fmt::Display for RootKeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unproved => f.write_str(
                "no audit event of the installation says which root key is active: the event was \
                 removed",
            ),
            Self::RolledBack { active, recorded } => write!(
                f,
                "root key {active} is active, but root key {recorded} was activated last: the \
                 root key was rolled back"
            ),
            Self::PutBack(id) => write!(
                f,
                "root key {id} was declared destroyed, but its row says otherwise"
            ),
        }
    }
}
