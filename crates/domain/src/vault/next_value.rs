//! The current value of the next version of a credential, and what becomes of the others.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::{RandomSource, SecretBytes};

use crate::blob::JsonBlob;
use crate::credential::SealedCredential;
use crate::error::{Conflict, VaultError};
use crate::expiry::Expiry;
use crate::health::counters::Counters;
use crate::history::{Kept, Stage, StoredVersion};
use crate::json::value::same;
use crate::keyring::organization::OrgKeyring;
use crate::vault::content::{Content, ValueStep};
use crate::vault::history::History;

/// The inputs for the next values of a credential.
pub(super) struct ValueChange {
    pub(super) keys: Arc<OrgKeyring>,
    pub(super) random: Arc<dyn RandomSource>,
    /// The number of former values that are kept.
    pub(super) kept: i64,
    /// The time of the change.
    pub(super) at: DateTime<Utc>,
    pub(super) counters: Arc<Counters>,
}

/// The current value of the next version.
pub(super) struct NextValue {
    pub(super) version: i64,
    pub(super) expiry: Option<Expiry>,
    pub(super) blob: SecretBytes,
}
impl ValueChange {
    /// Makes the current value, and changes the history.
    pub(super) fn next(
        &self,
        row: &SealedCredential,
        content: &Content,
        opened: SecretBytes,
        history: &mut History,
    ) -> Result<NextValue, VaultError> {
        match content.step {
            ValueStep::Set => self.set(row, content, opened, history),
            ValueStep::Promote(version) => self.promote(row, version, &opened, history),
            ValueStep::Stage => {
                self.stage(row, content, history)?;
                Ok(unchanged(row, opened))
            }
            ValueStep::Destroy(version) => {
                self.destroy(row, version, history)?;
                Ok(unchanged(row, opened))
            }
            ValueStep::Reseal => {
                self.reseal_history(row, history)?;
                Ok(unchanged(row, opened))
            }
            ValueStep::Prune => {
                history.prune(self.kept, row.value_version, self.at);
                Ok(unchanged(row, opened))
            }
        }
    }

    fn set(
        &self,
        row: &SealedCredential,
        content: &Content,
        opened: SecretBytes,
        history: &mut History,
    ) -> Result<NextValue, VaultError> {
        let sent = content.blob.as_ref().map(JsonBlob::expose);
        let is_new_value = sent.is_some_and(|sent| !same(opened.expose(), sent));
        let blob = sent.map(|sent| SecretBytes::new(sent.to_vec()));
        let mut version = row.value_version;
        if is_new_value {
            version = history.next_version(version);
            self.retire(row, &opened, history, version)?;
        }
        let blob = blob.unwrap_or(opened);
        Ok(NextValue {
            version,
            expiry: content.next_expiry(row, is_new_value, blob.expose()),
            blob,
        })
    }

    // Makes the current value the previous one, as far as former values are kept; `next` becomes
    // the current one.
    fn retire(
        &self,
        row: &SealedCredential,
        opened: &SecretBytes,
        history: &mut History,
        next: i64,
    ) -> Result<(), VaultError> {
        history.unstage(Stage::Previous, self.at);
        if self.kept > 0 {
            let value = (row.value_version, row.expiry);
            history.put(self.version(row, value, Stage::Previous, opened.expose())?);
        }
        history.prune(self.kept, next, self.at);
        Ok(())
    }

    fn version(
        &self,
        row: &SealedCredential,
        (value_version, expiry): (i64, Option<Expiry>),
        stage: Stage,
        blob: &[u8],
    ) -> Result<StoredVersion, VaultError> {
        let value = (value_version, expiry);
        let sealed = self.keys.seal_value(row, value, blob, &*self.random);
        Ok(StoredVersion {
            value_version,
            stage: Some(stage),
            staged_at: self.at,
            expiry,
            kept: Kept::Sealed(self.counters.seals.record(sealed)?),
            digest: Vec::new(),
        })
    }

    fn promote(
        &self,
        row: &SealedCredential,
        version: i64,
        opened: &SecretBytes,
        history: &mut History,
    ) -> Result<NextValue, VaultError> {
        if version == row.value_version {
            return Err(VaultError::Conflict(Conflict::CurrentVersion));
        }
        let promoted = history.get(version).ok_or(VaultError::NoSuchVersion)?;
        let expiry = promoted.expiry;
        let blob = self.keys.open_value(row, promoted);
        let blob = self.counters.opens.record(blob)?;
        history.remove(version);
        history.unstage(Stage::Pending, self.at);
        self.retire(row, opened, history, version)?;
        Ok(NextValue {
            version,
            expiry,
            blob,
        })
    }

    fn stage(
        &self,
        row: &SealedCredential,
        content: &Content,
        history: &mut History,
    ) -> Result<(), VaultError> {
        if self.kept == 0 {
            return Err(VaultError::Conflict(Conflict::HistoryOff));
        }
        if history.at(Stage::Pending).is_some() {
            return Err(VaultError::Conflict(Conflict::PendingExists));
        }
        let blob = content.blob.as_ref();
        let blob = blob.ok_or_else(|| VaultError::Internal("no value to stage".into()))?;
        let version = history.next_version(row.value_version);
        let expiry = content.next_expiry(row, true, blob.expose());
        let value = (version, expiry);
        history.put(self.version(row, value, Stage::Pending, blob.expose())?);
        Ok(())
    }

    fn destroy(
        &self,
        row: &SealedCredential,
        version: i64,
        history: &mut History,
    ) -> Result<(), VaultError> {
        if version == row.value_version {
            return Err(VaultError::Conflict(Conflict::CurrentVersion));
        }
        history.get(version).ok_or(VaultError::NoSuchVersion)?;
        history.destroy(version, self.at);
        Ok(())
    }

    fn reseal_history(
        &self,
        row: &SealedCredential,
        history: &mut History,
    ) -> Result<(), VaultError> {
        for version in history.versions().to_vec() {
            if version.sealed().is_none() {
                continue;
            }
            let blob = self
                .counters
                .opens
                .record(self.keys.open_value(row, &version))?;
            let value = (version.value_version, version.expiry);
            let random = &*self.random;
            let sealed = self.keys.seal_value(row, value, blob.expose(), random);
            history.put(StoredVersion {
                kept: Kept::Sealed(self.counters.seals.record(sealed)?),
                ..version
            });
        }
        Ok(())
    }
}

// A row of an earlier format has no expiry yet.
fn unchanged(row: &SealedCredential, blob: SecretBytes) -> NextValue {
    NextValue {
        version: row.value_version,
        expiry: match row.binds_value() {
            true => row.expiry,
            false => Expiry::derived(row.kind, blob.expose()),
        },
        blob,
    }
}
