//! The integrity scrub: what it finds, and what it needs of a database.

use std::fmt;

use async_trait::async_trait;
use strongroom_crypto::Digest;

use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::store::StoreResult;
use crate::{CredentialId, OrgId, VaultError};

/// One thing that is not as it was written. Names no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The organization.
    pub org: OrgId,
    /// The credential; none when it is about the organization's keys.
    pub credential: Option<CredentialId>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong. Its text is for people; [`Problem::code`] is for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The row does not open: it was moved, relabeled or altered.
    DoesNotOpen,
    /// The row is of a form that no server writes.
    Malformed,
    /// The row names a generation of the organization's key that cannot be used.
    KeyMissing(i32),
    /// This generation of the organization's key does not unwrap.
    KeyDoesNotUnwrap(i32),
    /// No generation of the organization's key is active.
    NoActiveKey,
    /// The trail has a newer version than the row.
    RolledBack {
        /// The row's version.
        stored: i64,
        /// The newest version that the trail knows.
        written: i64,
    },
    /// Two writes made the same version of it.
    Forked,
    /// The row is not what its write event says was written.
    Differs,
    /// No event wrote this version of the row.
    Unwritten(i64),
    /// The trail says that the credential was deleted, and there it is.
    PutBack,
    /// The trail says that the credential exists, and its row is gone.
    Missing,
}

impl Problem {
    /// A stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DoesNotOpen => "does_not_open",
            Self::Malformed => "malformed",
            Self::KeyMissing(_) => "key_missing",
            Self::KeyDoesNotUnwrap(_) => "key_does_not_unwrap",
            Self::NoActiveKey => "no_active_key",
            Self::RolledBack { .. } => "rolled_back",
            Self::Forked => "forked",
            Self::Differs => "differs_from_trail",
            Self::Unwritten(_) => "unwritten",
            Self::PutBack => "put_back",
            Self::Missing => "missing",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotOpen => f.write_str("does not open: it was moved, relabeled or altered"),
            Self::Malformed => f.write_str("is of a form that no server writes"),
            Self::KeyMissing(generation) => write!(
                f,
                "is sealed under generation {generation} of the organization's key, which is missing or does \
                 not unwrap"
            ),
            Self::KeyDoesNotUnwrap(generation) => write!(
                f,
                "generation {generation} of the organization's key does not unwrap: it was moved or altered, \
                 or its root key is not loaded"
            ),
            Self::NoActiveKey => f.write_str("no generation of the organization's key is active"),
            Self::RolledBack { stored, written } => write!(
                f,
                "was rolled back: it is version {stored}, and version {written} was written"
            ),
            Self::Differs => f.write_str(
                "is not what was written: its label, content or metadata differ from the audit trail's digest",
            ),
            Self::Unwritten(version) => {
                write!(f, "is version {version}, which no audit event wrote")
            }
            Self::Forked => f.write_str(
                "was written twice with the same version: an older row was put back and then changed, and its \
                 content may be old",
            ),
            Self::PutBack => f.write_str("was deleted, and its row is there again"),
            Self::Missing => {
                f.write_str("is missing: its row is gone, and no audit event deleted it")
            }
        }
    }
}

/// A credential's row beside what the trail says of it, both of one moment.
#[derive(Debug, Clone)]
pub struct RowWithTrail {
    /// The credential.
    pub id: CredentialId,
    /// Its row; none when it is malformed.
    pub row: Option<SealedCredential>,
    /// Its newest write event.
    pub written: Option<Written>,
    /// Whether an event says that it was deleted.
    pub deleted: bool,
    /// Whether two events wrote the same version of it.
    pub forked: bool,
}

/// What a write event says of the row that it wrote.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// The row's version.
    pub version: i64,
    /// The row's digest; none when the event does not hold one.
    pub digest: Option<Digest>,
}

/// A credential that the trail knows.
#[derive(Debug, Clone, Copy)]
pub struct Trailed {
    /// The credential.
    pub id: CredentialId,
    /// Whether its row is gone although no event says that it was deleted.
    pub missing: bool,
}

/// What the scrub reads. Takes no lock, and each page is a statement of its own.
#[async_trait]
pub trait ScrubStore: Send + Sync {
    /// The first `limit` credentials from `from` (inclusive) on, in the order of their ids.
    async fn rows_with_trail(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<RowWithTrail>>;
    /// The first `limit` credentials that the trail says were written, from `from` (inclusive) on.
    async fn trailed(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<Trailed>>;
    /// How many credentials the organization has now.
    async fn count_credentials(&self, scope: OrgScope) -> StoreResult<u64>;
}

/// Watches a scrub, and sets its pace.
#[async_trait]
pub trait ScrubObserver: Send {
    /// Something was found.
    fn found(&mut self, finding: &Finding);
    /// A page with so many credentials was checked; the scrub goes on when this returns.
    async fn checked(&mut self, credentials: u64);
    /// The database failed; `true` after a pause to try the same page again.
    async fn try_again(&mut self, error: &VaultError) -> bool;
}
