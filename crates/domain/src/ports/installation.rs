//! The port for changes of the installation: root keys, service keys and the record format.

use async_trait::async_trait;
use strongroom_crypto::RootKeyId;

use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::keyring::stored::{StoredRootKey, StoredServiceKey};
use crate::ports::error::StoreResult;
use crate::record_format::RecordFormat;
use crate::rotation::{RootKeyState, RotationStart};

/// A change of the installation.
#[derive(Debug, Clone)]
pub enum InstallationChange {
    /// Advances the record format, unless it is as high.
    AdvanceRecordFormat(RecordFormat),
    /// Stores a root key in the state `prepared`, so that servers load it before it becomes active.
    PrepareRootKey(StoredRootKey),
    /// Activates a prepared root key, supersedes the active one, and adds a rotation of `total`
    /// keys.
    ActivateRootKey {
        /// The prepared key.
        id: RootKeyId,
        /// The active key.
        superseded: RootKeyId,
        /// The parameters of the rotation.
        start: RotationStart,
        /// The number of keys to re-wrap.
        total: i64,
    },
    /// Marks a root key in the state `from` as destroyed.
    RetireRootKey {
        /// The key.
        id: RootKeyId,
        /// Its state.
        from: RootKeyState,
    },
    /// Ends the rotation to this root key. The superseded keys become unneeded.
    FinishRootRotation(RootKeyId),
    /// Replaces the wrapped form of a service key if it is still wrapped with `from`.
    RewrapServiceKey {
        /// The new form.
        key: StoredServiceKey,
        /// The root key that has wrapped it so far.
        from: RootKeyId,
    },
}

/// Changes of the installation, each committed together with its audit event.
#[async_trait]
pub trait InstallationStore: Send + Sync {
    /// Makes `change` and records `event` in the trail of the installation, whose scope is `scope`.
    ///
    /// # Errors
    /// [`Conflict`](crate::ports::error::StoreError::Conflict) if a row is no longer in the
    /// expected state. Nothing was written.
    async fn change_installation(
        &self,
        scope: OrgScope,
        change: InstallationChange,
        event: Event,
    ) -> StoreResult<()>;
}
