//! The port that the integrity scrub reads through.

use async_trait::async_trait;
use strongroom_crypto::Digest;

use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::ports::error::StoreResult;
use crate::scrub::Finding;

/// A credential's row beside what the trail says of it, both of one moment.
#[derive(Debug, Clone)]
pub struct RowWithTrail {
    /// The credential.
    pub id: CredentialId,
    /// Its row; none when it is malformed.
    pub row: Option<SealedCredential>,
    /// Its newest write event.
    pub written: Option<WriteRecord>,
    /// Whether an event says that it was deleted.
    pub deleted: bool,
    /// Whether two events wrote the same version of it.
    pub forked: bool,
}

/// What a write event says of the row that it wrote.
#[derive(Debug, Clone, Copy)]
pub struct WriteRecord {
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
