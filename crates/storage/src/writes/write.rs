//! A write that waits for its batch.

use chrono::{DateTime, Utc};
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::SealedCredential;
use strongroom_domain::crypto::RootKeyId;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::organization::Organization;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::store::{ChangeFn, Committed, Tracking};
use strongroom_domain::rotation::RotationStart;
use strongroom_domain::{CredentialId, KeyId};
use tokio::sync::oneshot;

/// Where one member of a batch gets its answer.
pub(crate) type Reply<T> = oneshot::Sender<StoreResult<T>>;

/// What a write does beside leaving its audit event.
#[derive(Clone)]
pub(crate) enum WriteOp {
    Insert(SealedCredential),
    Change {
        id: CredentialId,
        change: ChangeFn,
    },
    Delete(CredentialId),
    AddOrganization(Organization, StoredOrgKey),
    DeleteOrganization {
        destroy_after: DateTime<Utc>,
    },
    RestoreOrganization,
    DestroyOrganization {
        at_once: bool,
    },
    StartRotation {
        previous: i32,
        key: StoredOrgKey,
        start: RotationStart,
    },
    /// Each with the root key that wrapped it so far.
    RewrapOrgKeys(Vec<(RootKeyId, StoredOrgKey)>),
    AddApiKey(StoredApiKey),
    RevokeApiKey(KeyId),
    Record,
}

/// A write that somebody waits for.
pub(crate) struct Write {
    pub(crate) scope: OrgScope,
    pub(crate) operation: WriteOp,
    pub(crate) tracking: Tracking,
    pub(crate) event: Event,
    pub(crate) reply: Reply<Committed>,
}
