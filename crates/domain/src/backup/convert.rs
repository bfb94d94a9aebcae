//! Conversions between rows of a backup and values of the vault.

use strongroom_crypto::{PassphraseParams, RootKeyId};

use crate::audit::signed::Checkpoint;
use crate::audit::stored::{StoredEvent, StoredTime};
use crate::backup::credential_record::{CredentialRow, PolicyRow, VersionRow};
use crate::backup::record::{
    CheckpointRow, EventRow, KdfRow, OrgKeyRow, RootKeyRow, ServiceKeyRow,
};
use crate::credential::{Deletion, SealedCredential};
use crate::expiry::Expiry;
use crate::history::{Current, Kept, SealedValue, Stage, StoredVersion};
use crate::ids::{CredentialId, KeyId, LaneId};
use crate::keyring::stored::{StoredOrgKey, StoredRootKey, StoredServiceKey};
use crate::kinds::{CredentialType, Provider};
use crate::label::Label;
use crate::relay::stored::StoredPolicy;
use crate::rotation::RootKeyState;

impl CredentialRow {
    /// Converts the row; `None` if it has a form that no server writes.
    #[must_use]
    pub fn sealed(&self) -> Option<SealedCredential> {
        Some(SealedCredential {
            id: CredentialId(self.cred_id),
            provider: Provider::parse(&self.provider)?,
            kind: CredentialType::parse(&self.cred_type)?,
            label: Label::stored(self.label.clone()),
            version: self.version,
            value_version: self.value_version.unwrap_or(self.version),
            expiry: Expiry::stored(self.expires_at, self.expires_source.as_deref())?,
            key_generation: self.key_generation,
            wrapped_key: self.wrapped_key.clone(),
            sealed_blob: self.sealed_blob.clone(),
            updated_at: self.updated_at,
            pieces_user: self.pieces_user.clone(),
            history: match &self.history {
                Some(history) => Some(history.as_slice().try_into().ok()?),
                None => None,
            },
            deletion: self.deletion(),
        })
    }
}

impl VersionRow {
    /// Converts the value; `None` if it has a form that no server writes.
    #[must_use]
    pub fn stored(&self) -> Option<StoredVersion> {
        let stage = match &self.stage {
            Some(stage) => Some(Stage::parse(stage)?),
            None => None,
        };
        let sealed = (self.key_generation, &self.wrapped_key, &self.sealed_blob);
        let kept = match (sealed, self.destroyed_at) {
            ((Some(key_generation), Some(wrapped_key), Some(sealed_blob)), None) => {
                Kept::Sealed(SealedValue {
                    key_generation,
                    wrapped_key: wrapped_key.clone(),
                    sealed_blob: sealed_blob.clone(),
                })
            }
            ((None, None, None), Some(at)) => Kept::Destroyed(at),
            _ => return None,
        };
        Some(StoredVersion {
            value_version: self.value_version,
            stage,
            staged_at: self.staged_at,
            expiry: Expiry::stored(self.expires_at, self.expires_source.as_deref())?,
            kept,
            digest: self.digest.clone(),
        })
    }
}

impl CredentialRow {
    /// The credential with its other values; `None` if one has a form that no server writes.
    #[must_use]
    pub fn current(&self) -> Option<Current> {
        Some(Current {
            row: self.sealed()?,
            versions: self
                .versions
                .iter()
                .map(VersionRow::stored)
                .collect::<Option<_>>()?,
        })
    }

    fn deletion(&self) -> Option<Deletion> {
        Some(Deletion {
            at: self.deleted_at?,
            recover_until: self.recover_until?,
        })
    }
}

impl PolicyRow {
    /// Converts the policy; `None` if it has a form that no server writes.
    #[must_use]
    pub fn stored(&self) -> Option<StoredPolicy> {
        let sealed = match (self.key_generation, &self.wrapped_key, &self.sealed_policy) {
            (Some(key_generation), Some(wrapped_key), Some(sealed_policy)) => Some(SealedValue {
                key_generation,
                wrapped_key: wrapped_key.clone(),
                sealed_blob: sealed_policy.clone(),
            }),
            (None, None, None) => None,
            _ => return None,
        };
        Some(StoredPolicy {
            version: self.version,
            updated_at: self.updated_at,
            sealed,
            digest: self.digest.clone(),
        })
    }
}

impl OrgKeyRow {
    /// Converts the key.
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
    /// Converts the checkpoint. A digest of invalid length becomes zeros, which no signature
    /// matches.
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
            proof_key: event.proof_key,
            details: event.details,
            mac: event.mac,
        }
    }
}

impl EventRow {
    /// Converts the event.
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
            proof_key: row.proof_key,
            details: row.details,
            mac: row.mac,
            after_mark: None,
        }
    }
}

impl From<&StoredRootKey> for RootKeyRow {
    fn from(key: &StoredRootKey) -> Self {
        Self {
            root_key_id: key.id.0,
            check_value: key.check_value.clone(),
            kdf: key.passphrase.as_ref().map(|params| KdfRow {
                salt: params.salt.to_vec(),
                memory_kib: params.memory_kib,
                passes: params.passes,
                lanes: params.lanes,
            }),
            state: key.state.as_str().to_owned(),
            created_at: key.created_at,
        }
    }
}

impl From<&StoredServiceKey> for ServiceKeyRow {
    fn from(key: &StoredServiceKey) -> Self {
        Self {
            purpose: key.purpose.clone(),
            root_key_id: key.root_key.0,
            wrapped_key: key.wrapped.clone(),
        }
    }
}

impl RootKeyRow {
    /// Converts the key; `None` if it has a form that no server writes.
    #[must_use]
    pub fn stored(&self) -> Option<StoredRootKey> {
        let passphrase = match &self.kdf {
            None => None,
            Some(kdf) => Some(PassphraseParams {
                salt: kdf.salt.as_slice().try_into().ok()?,
                memory_kib: kdf.memory_kib,
                passes: kdf.passes,
                lanes: kdf.lanes,
            }),
        };
        Some(StoredRootKey {
            id: RootKeyId(self.root_key_id),
            check_value: self.check_value.clone(),
            passphrase,
            state: RootKeyState::parse(&self.state)?,
            created_at: self.created_at,
        })
    }
}
