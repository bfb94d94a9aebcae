//! The records of a backup: one per row, each encoded as a line of JSON. Binary columns are base64
//! (RFC 4648 § 4). Times are RFC 3339, except the time of an event, which is microseconds since
//! 1970, as in its digest.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::backup::bytes;
use crate::backup::credential_record::CredentialRow;
use crate::backup::key_record::{AncestorRow, ApiKeyRow};
use crate::backup::oauth_record::OauthClientRow;
use crate::backup::root_record::{AuditLeafRow, AuditRootRow};
use crate::ids::OrgId;

/// The format that this program writes, and the newest format that it reads.
pub const FORMAT: u32 = 1;

/// One line of a backup. The order is: the header; for each organization its row, keys, API keys,
/// OAuth 2.0 clients, rotations, credentials and last-used times, then for each audit lane its
/// checkpoint and events, its leaves under signed roots, then the end of the organization; in a
/// backup of all organizations, the installation with its audit trail in the same form; finally the
/// end of the backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each says what its content is")]
pub enum Record {
    Header(Header),
    Organization(OrganizationRow),
    Installation {},
    OrgKey(OrgKeyRow),
    Ancestor(AncestorRow),
    ApiKey(ApiKeyRow),
    OauthClient(OauthClientRow),
    Rotation(RotationRow),
    Credential(CredentialRow),
    CredentialUse(CredentialLastUsedRow),
    KeyUse(KeyLastUsedRow),
    Checkpoint(CheckpointRow),
    Event(EventRow),
    AuditRoot(AuditRootRow),
    AuditLeaf(AuditLeafRow),
    OrganizationEnd(OrganizationEnd),
    End(End),
}

/// The first line: metadata, and the rows of the service itself, with wrapped keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the tables of these names")]
pub struct Header {
    /// The record format, [`FORMAT`].
    pub format: u32,
    /// The schema version, as printed by `strongroom migrate`.
    pub schema: i32,
    /// The time of the snapshot.
    pub created_at: DateTime<Utc>,
    /// The only organization in the backup; absent if it contains all.
    pub scope: Option<Uuid>,
    pub root_keys: Vec<RootKeyRow>,
    pub service_keys: Vec<ServiceKeyRow>,
    pub root_rotations: Vec<RotationRow>,
}

/// The part of the header that every future format preserves.
#[derive(Debug, Deserialize)]
pub(crate) struct Probe {
    pub(crate) header: ProbeHeader,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ProbeHeader {
    pub(crate) format: u32,
    pub(crate) schema: i32,
}

/// A row of `root_keys`: data to verify the key, never the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct RootKeyRow {
    pub root_key_id: Uuid,
    #[serde(with = "bytes")]
    pub check_value: Vec<u8>,
    pub kdf: Option<KdfRow>,
    pub state: String,
    pub created_at: DateTime<Utc>,
}

/// The parameters of argon2id, if the root key is derived from a passphrase.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct KdfRow {
    #[serde(with = "bytes")]
    pub salt: Vec<u8>,
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

/// A row of `service_keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct ServiceKeyRow {
    pub purpose: String,
    pub root_key_id: Uuid,
    #[serde(with = "bytes")]
    pub wrapped_key: Vec<u8>,
}

/// A row of `organizations`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct OrganizationRow {
    pub org_id: Uuid,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub destroy_after: Option<DateTime<Utc>>,
    pub destroyed_at: Option<DateTime<Utc>>,
}

/// A row of `org_keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct OrgKeyRow {
    pub generation: i32,
    pub root_key_id: Uuid,
    #[serde(with = "bytes")]
    pub wrapped_key: Vec<u8>,
    pub active: bool,
    pub created_at: DateTime<Utc>,
}

/// A row of `rotations`, by `generation`; or of `root_rotations`, by `root_key_id`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the tables")]
pub struct RotationRow {
    pub generation: Option<i32>,
    pub root_key_id: Option<Uuid>,
    pub re_encrypt: bool,
    pub state: String,
    pub rows_total: i64,
    pub rows_done: i64,
    pub throttle: Option<i32>,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A row of `credential_uses`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct CredentialLastUsedRow {
    pub cred_id: Uuid,
    pub last_used_at: DateTime<Utc>,
    pub last_used_by: Option<Uuid>,
}

/// A row of `key_uses`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct KeyLastUsedRow {
    pub key_id: Uuid,
    pub last_used_at: DateTime<Utc>,
}

/// A row of `audit_checkpoints`. Precedes the events of its lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct CheckpointRow {
    pub lane: Uuid,
    pub seq: i64,
    #[serde(with = "bytes")]
    pub mac: Vec<u8>,
    pub pruned_before: DateTime<Utc>,
    #[serde(with = "bytes")]
    pub signature: Vec<u8>,
}

/// A row of `audit_events`, in the order of lane, number and time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct EventRow {
    pub lane: Uuid,
    pub seq: i64,
    pub at: i64,
    pub action: String,
    pub outcome: String,
    pub actor: String,
    pub request_id: String,
    pub source: String,
    pub cred_id: Option<Uuid>,
    pub key_id: Option<Uuid>,
    pub version: Option<i64>,
    #[serde(with = "bytes::optional")]
    pub digest: Option<Vec<u8>>,
    #[serde(with = "bytes::optional")]
    pub heads: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_key: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    #[serde(with = "bytes")]
    pub mac: Vec<u8>,
}

/// The last line of an organization: the number of its preceding rows, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "counts of the records of these names")]
pub struct OrganizationEnd {
    pub org_id: Uuid,
    pub org_keys: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ancestors: u64,
    pub api_keys: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub oauth_clients: u64,
    pub rotations: u64,
    pub credentials: u64,
    pub uses: u64,
    pub checkpoints: u64,
    pub events: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub roots: u64,
    /// The number of findings at the time of the backup.
    pub findings: u64,
}

/// The last line of the backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    /// The number of organizations in the backup, counting the installation.
    pub organizations: u64,
    /// The number of preceding lines.
    pub records: u64,
    /// The keyed digest of all preceding lines; see [`crate::backup::seal::Seal`].
    #[serde(with = "bytes")]
    pub mac: Vec<u8>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde requires"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl OrganizationEnd {
    /// Counts of organization `org`, all zero.
    #[must_use]
    pub fn of(org: OrgId) -> Self {
        Self {
            org_id: org.0,
            ..Self::default()
        }
    }

    /// Counts `record` if it is a row of an organization.
    pub fn count(&mut self, record: &Record) {
        let counter = match record {
            Record::OrgKey(_) => &mut self.org_keys,
            Record::Ancestor(_) => &mut self.ancestors,
            Record::ApiKey(_) => &mut self.api_keys,
            Record::OauthClient(_) => &mut self.oauth_clients,
            Record::Rotation(_) => &mut self.rotations,
            Record::Credential(_) => &mut self.credentials,
            Record::CredentialUse(_) | Record::KeyUse(_) => &mut self.uses,
            Record::Checkpoint(_) => &mut self.checkpoints,
            Record::Event(_) => &mut self.events,
            Record::AuditRoot(_) | Record::AuditLeaf(_) => &mut self.roots,
            Record::Header(_)
            | Record::Organization(_)
            | Record::Installation {}
            | Record::OrganizationEnd(_)
            | Record::End(_) => return,
        };
        *counter += 1;
    }
}
