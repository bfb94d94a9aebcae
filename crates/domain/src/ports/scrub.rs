//! The port for the integrity scrub.

use async_trait::async_trait;
use serde_json::json;
use strongroom_crypto::Digest;

use crate::api_key::end::ScheduledEnd;
use crate::audit::report::AuditReport;
use crate::audit::stored::format_time;
use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::history::StoredVersion;
use crate::ids::{CredentialId, KeyId};
use crate::ports::error::StoreResult;
use crate::relay::stored::TrailedPolicy;
use crate::scrub::{DeletionRecord, Finding, ScrubResult};

/// A credential's row and its audit events, read at the same time.
#[derive(Debug, Clone)]
pub struct RowWithTrail {
    /// The credential.
    pub id: CredentialId,
    /// Its row; `None` if it is malformed.
    pub row: Option<SealedCredential>,
    /// Its values that are not the current one; `None` if one is malformed.
    pub versions: Option<Vec<StoredVersion>>,
    /// Its relay policy; `None` if it is malformed.
    pub policy: Option<TrailedPolicy>,
    /// Its newest write event.
    pub written: Option<WriteRecord>,
    /// Its newest deletion in the trail.
    pub deleted: Option<DeletionRecord>,
    /// Whether an event undoes that deletion.
    pub restored: bool,
    /// Whether two events wrote the same version of it.
    pub forked: bool,
}

impl RowWithTrail {
    /// Whether the trail says that `row` is gone. A row that is newer than its deletion was
    /// restored by a recorded change, and by nothing else.
    #[must_use]
    pub fn is_put_back(&self, row: &SealedCredential) -> bool {
        self.deleted.as_ref().is_some_and(|deleted| {
            let still = deleted.version >= row.version;
            let is_there = row.deletion.is_none() || deleted.window().is_none();
            (still && is_there) || (!still && !self.restored)
        })
    }

    /// Whether the deletion of `row`, if it is deleted, is the one in the trail.
    #[must_use]
    pub fn is_deleted_as_recorded(&self, row: &SealedCredential) -> bool {
        let Some(deletion) = row.deletion else {
            return true;
        };
        let deleted = self.deleted.as_ref();
        let deleted = deleted.filter(|deleted| deleted.version == row.version);
        let until = format_time(deletion.recover_until);
        deleted.and_then(DeletionRecord::window) == Some(json!(until))
    }
}

/// The content of a write event.
#[derive(Debug, Clone, Copy)]
pub struct WriteRecord {
    /// The version of the written row.
    pub version: i64,
    /// The digest of the written row; `None` if the event does not contain one.
    pub digest: Option<Digest>,
}

/// A credential with a write event in the audit trail.
#[derive(Debug, Clone, Copy)]
pub struct Trailed {
    /// The credential.
    pub id: CredentialId,
    /// Whether its row is missing although no event records its deletion.
    pub missing: bool,
}

/// An API key's row, compared with its audit events.
#[derive(Debug, Clone)]
pub struct KeyWithTrail {
    /// The key.
    pub id: KeyId,
    /// Whether an event issued it, or may have been pruned.
    pub issued: bool,
    /// Whether an event revoked it, but its row is not revoked.
    pub revocation_undone: bool,
    /// The scheduled end; `None` also if the key is revoked.
    pub ends: Option<ScheduledEnd>,
    /// The earliest end in the audit trail; `None` also if the key is revoked.
    pub recorded_end: Option<String>,
}

/// The queries of the scrub. They take no locks, and each page is a separate statement.
#[async_trait]
pub trait ScrubStore: Send + Sync {
    /// Lists the first `limit` credentials from `from` (inclusive), ordered by id.
    async fn rows_with_trail(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<RowWithTrail>>;
    /// Lists the first `limit` credentials with write events from `from` (inclusive), ordered by
    /// id.
    async fn trailed(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<Trailed>>;
    /// Lists the organization's API keys.
    async fn keys_with_trail(&self, scope: OrgScope) -> StoreResult<Vec<KeyWithTrail>>;
    /// The result of the last scrub, with its stored proof.
    async fn scrub_result(&self) -> StoreResult<Option<(ScrubResult, Vec<u8>)>>;
    /// Replaces the result of the last scrub.
    async fn put_scrub_result(&self, result: ScrubResult, proof: Digest) -> StoreResult<()>;
    /// The number of the organization's credentials.
    async fn count_credentials(&self, scope: OrgScope) -> StoreResult<u64>;
}

/// Observes a scrub and controls its pace.
#[async_trait]
pub trait ScrubObserver: Pace {
    /// Reports a finding.
    fn found(&mut self, finding: &Finding);
    /// Reports a credential whose blob is not bound to its label, since an earlier version sealed
    /// it. This is not a finding.
    fn label_unbound(&mut self);
    /// Reports the verification of one organization's audit trail.
    fn trail_verified(&mut self, report: &AuditReport);
    /// Reports a checked page with this number of credentials. The scrub continues when the call
    /// returns.
    async fn checked(&mut self, credentials: u64);
    /// Reports a database error. Returns `true`, after a pause, to retry the page.
    async fn try_again(&mut self, error: &VaultError) -> bool;
}

/// Controls the pace of the verification of an audit trail.
#[async_trait]
pub trait Pace: Send {
    /// Reports that a page of events was verified. The verification continues when the call
    /// returns.
    async fn page_verified(&mut self);
}

/// Without pauses.
#[async_trait]
impl Pace for () {
    async fn page_verified(&mut self) {}
}
