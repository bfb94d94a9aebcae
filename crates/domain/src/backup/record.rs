//! What a backup consists of: one record per row, each a line of JSON. Binary columns are base64 (RFC 4648 § 4),
//! times RFC 3339; an event's time is microseconds since 1970, as its digest covers it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bytes;
use crate::audit::{Checkpoint, StoredEvent, StoredTime};
use crate::credential::{CredentialType, Label, Provider, SealedCredential};
use crate::crypto::RootKeyId;
use crate::store::StoredOrgKey;
use crate::{CredentialId, KeyId, LaneId, OrgId};

/// The format that this program writes, and the newest one that it reads.
pub const FORMAT: u32 = 1;

/// One line of a backup, in this order: the header; per organisation its row, keys, API keys, rotations, credentials,
/// uses, then per audit lane its checkpoint and its events, and the organisation's end; last the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each says what its content is")]
pub enum Record {
    Header(Header),
    Organization(OrganizationRow),
    OrgKey(OrgKeyRow),
    ApiKey(ApiKeyRow),
    Rotation(RotationRow),
    Credential(CredentialRow),
    CredentialUse(CredentialUseRow),
    KeyUse(KeyUseRow),
    Checkpoint(CheckpointRow),
    Event(EventRow),
    OrganizationEnd(OrganizationEnd),
    End(End),
}

/// The first line: what the backup is, and the service's own keys, wrapped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the tables of these names")]
pub struct Header {
    /// The record format, [`FORMAT`].
    pub format: u32,
    /// The schema's version, as `strongroom migrate` prints it.
    pub schema: i32,
    /// When the snapshot was taken.
    pub created_at: DateTime<Utc>,
    /// The only organisation in it; all when absent.
    pub scope: Option<Uuid>,
    pub root_keys: Vec<RootKeyRow>,
    pub service_keys: Vec<ServiceKeyRow>,
    pub root_rotations: Vec<RotationRow>,
}

/// As much of the header as every future format keeps.
#[derive(Debug, Deserialize)]
pub(super) struct Probe {
    pub(super) header: ProbeHeader,
}

#[derive(Debug, Deserialize)]
pub(super) struct ProbeHeader {
    pub(super) format: u32,
    pub(super) schema: i32,
}

/// A row of `root_keys`: how to tell the key, never the key.
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

/// Parameters of argon2id, when the root key is a passphrase.
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

/// A row of `api_keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct ApiKeyRow {
    pub key_id: Uuid,
    pub role: String,
    pub name: String,
    #[serde(with = "bytes")]
    pub digest: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
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

/// A row of `credentials`, sealed as it is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct CredentialRow {
    pub cred_id: Uuid,
    pub provider: String,
    pub cred_type: String,
    pub label: String,
    pub version: i64,
    pub key_generation: i32,
    #[serde(with = "bytes")]
    pub wrapped_key: Vec<u8>,
    #[serde(with = "bytes")]
    pub sealed_blob: Vec<u8>,
    pub updated_at: DateTime<Utc>,
    pub pieces_user: Option<String>,
}

/// A row of `credential_uses`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct CredentialUseRow {
    pub cred_id: Uuid,
    pub last_used_at: DateTime<Utc>,
    pub last_used_by: Option<Uuid>,
}

/// A row of `key_uses`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct KeyUseRow {
    pub key_id: Uuid,
    pub last_used_at: DateTime<Utc>,
}

/// A row of `audit_checkpoints`; stands before the events of its lane.
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
    #[serde(with = "bytes")]
    pub mac: Vec<u8>,
}

/// The last line of an organisation: how many of its rows came before, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "counts of the records of these names")]
pub struct OrganizationEnd {
    pub org_id: Uuid,
    pub org_keys: u64,
    pub api_keys: u64,
    pub rotations: u64,
    pub credentials: u64,
    pub uses: u64,
    pub checkpoints: u64,
    pub events: u64,
    /// What did not verify when the backup was made.
    pub findings: u64,
}

/// The last line of all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    /// How many organisations came before.
    pub organizations: u64,
    /// How many lines came before.
    pub records: u64,
    /// The keyed digest over all lines before; see [`super::Seal`].
    #[serde(with = "bytes")]
    pub mac: Vec<u8>,
}

impl CredentialRow {
    /// The row as the vault knows it; `None` when it is of a form that no server writes.
    #[must_use]
    pub fn sealed(&self) -> Option<SealedCredential> {
        Some(SealedCredential {
            id: CredentialId(self.cred_id),
            provider: Provider::parse(&self.provider)?,
            kind: CredentialType::parse(&self.cred_type)?,
            label: Label::stored(self.label.clone()),
            version: self.version,
            key_generation: self.key_generation,
            wrapped_key: self.wrapped_key.clone(),
            sealed_blob: self.sealed_blob.clone(),
            updated_at: self.updated_at,
            pieces_user: self.pieces_user.clone(),
        })
    }
}

impl OrgKeyRow {
    /// The key as the vault knows it.
    #[must_use]
    pub fn stored(&self) -> StoredOrgKey {
        StoredOrgKey {
            generation: self.generation,
            root_key: RootKeyId(self.root_key_id),
            wrapped: self.wrapped_key.clone(),
            active: self.active,
        }
    }
}

impl CheckpointRow {
    /// The checkpoint as the vault knows it. A digest of another length becomes one that nobody signed.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            lane: LaneId(self.lane),
            seq: self.seq,
            mac: self.mac.as_slice().try_into().unwrap_or([0; 32]),
            pruned_before: self.pruned_before,
            signature: self.signature.clone(),
        }
    }
}

impl From<&StoredEvent> for EventRow {
    fn from(event: &StoredEvent) -> Self {
        let event = event.clone();
        Self {
            lane: event.lane.0,
            seq: event.seq,
            at: event.at.0,
            action: event.action,
            outcome: event.outcome,
            actor: event.actor,
            request_id: event.request_id,
            source: event.source,
            cred_id: event.credential_id.map(|id| id.0),
            key_id: event.key_id.map(|id| id.0),
            version: event.version,
            digest: event.digest,
            heads: event.heads,
            mac: event.mac,
        }
    }
}

impl EventRow {
    /// The event as the vault knows it.
    #[must_use]
    pub fn stored(&self) -> StoredEvent {
        let row = self.clone();
        StoredEvent {
            lane: LaneId(row.lane),
            seq: row.seq,
            at: StoredTime(row.at),
            action: row.action,
            outcome: row.outcome,
            actor: row.actor,
            credential_id: row.cred_id.map(CredentialId),
            key_id: row.key_id.map(KeyId),
            version: row.version,
            request_id: row.request_id,
            source: row.source,
            digest: row.digest,
            heads: row.heads,
            mac: row.mac,
        }
    }
}

impl OrganizationEnd {
    /// Counts for organisation `org`, all zero.
    #[must_use]
    pub fn of(org: OrgId) -> Self {
        Self {
            org_id: org.0,
            ..Self::default()
        }
    }

    /// Counts `record`, if it is one that belongs to an organisation.
    pub fn count(&mut self, record: &Record) {
        let counter = match record {
            Record::OrgKey(_) => &mut self.org_keys,
            Record::ApiKey(_) => &mut self.api_keys,
            Record::Rotation(_) => &mut self.rotations,
            Record::Credential(_) => &mut self.credentials,
            Record::CredentialUse(_) | Record::KeyUse(_) => &mut self.uses,
            Record::Checkpoint(_) => &mut self.checkpoints,
            Record::Event(_) => &mut self.events,
            Record::Header(_)
            | Record::Organization(_)
            | Record::OrganizationEnd(_)
            | Record::End(_) => return,
        };
        *counter += 1;
    }
}
