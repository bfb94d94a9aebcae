//! Reads of the values of a credential besides the current one.

use chrono::{DateTime, Utc};
use serde_json::json;
use strongroom_crypto::SecretBytes;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event, Outcome};
use crate::caller::Caller;
use crate::credential::{Reveal, RevealedCredential, SealedCredential};
use crate::error::VaultError;
use crate::expiry::Expiry;
use crate::history::{Current, Kept, Stage, StoredVersion};
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::vault::Vault;
use crate::vault::history::History;

/// The number of times that a credential and its other values are read, since they may be changed
/// between the two.
const READS: usize = 3;

/// The value that a reveal opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueChoice {
    /// The one at this stage.
    Stage(Stage),
    /// The one with this version, which may be the current one.
    Version(i64),
}

/// A value of a credential, without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionInfo {
    /// The version of the value.
    pub value_version: i64,
    /// Whether it is the current one.
    pub is_current: bool,
    /// Its stage, if it is not the current one.
    pub stage: Option<Stage>,
    /// The time since which it has this stage; `None` for the current one.
    pub staged_at: Option<DateTime<Utc>>,
    /// When it expires, if that is known.
    pub expiry: Option<Expiry>,
    /// The time at which it was destroyed.
    pub destroyed_at: Option<DateTime<Utc>>,
}

impl Vault {
    /// The values of a credential, the newest first, without their secrets.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::Integrity`] if they are
    /// not those that were kept, or an error of the store.
    pub async fn versions(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<Vec<VersionInfo>, VaultError> {
        caller.require(Permission::CredentialsList)?;
        self.refuse_stale_reads()?;
        let event = Event::by(caller, Action::CredentialList, self.now()).about(id);
        let (current, history, _) = self.opened_history(caller, id, &event).await?;
        self.store.record(caller.scope(), event).await?;
        Ok(VersionInfo::all(&current.row, &history))
    }

    /// Opens a value of a credential. The audit event, which names the value, is durable before
    /// this returns.
    ///
    /// # Errors
    /// As for [`Self::reveal_credential`]; [`VaultError::NoSuchVersion`] if there is no such value,
    /// or it is destroyed.
    pub async fn reveal_version(
        &self,
        caller: &Caller,
        id: CredentialId,
        choice: ValueChoice,
    ) -> Result<Reveal, VaultError> {
        caller.require(Permission::CredentialsReveal)?;
        self.refuse_stale_reads()?;
        let event = Event::by(caller, Action::CredentialReveal, self.now()).about(id);
        let (current, history, _) = self.opened_history(caller, id, &event).await?;
        let row = &current.row;
        let version = match choice {
            ValueChoice::Version(version) if version == row.value_version => {
                return match self.reveal_credential(caller, id, None).await? {
                    // Another value became current meanwhile.
                    Reveal::Opened(other) if other.info.value_version != version => {
                        Box::pin(self.reveal_version(caller, id, choice)).await
                    }
                    revealed => Ok(revealed),
                };
            }
            ValueChoice::Version(version) => history.get(version),
            ValueChoice::Stage(stage) => history.at(stage),
        };
        let scope = caller.scope();
        let Some(version) = version.filter(|version| version.sealed().is_some()) else {
            let event = event.with_outcome(Outcome::NotFound);
            self.store.record(scope, event).await?;
            return Err(VaultError::NoSuchVersion);
        };
        let event = event.of_version(row.version, version.value_version);
        let event = event.with_details(Details::new([("stage", json!(version.stage))]));
        let blob = match self.open_value(caller, row, version).await {
            Ok(blob) => blob,
            Err(error) => return Err(self.failed(caller, event, error).await),
        };
        let now = event.at;
        self.store.record(scope, event).await?;
        self.record_used(caller, id);
        let mut info = row.info(caller.org(), None);
        info.value_version = version.value_version;
        info.expiry = version.expiry;
        Ok(Reveal::Opened(RevealedCredential {
            is_expired: info.expiry.is_some_and(|expiry| expiry.is_past(now)),
            info,
            blob,
        }))
    }

    /// A credential with its history, and its current secret. An integrity failure, or that there
    /// is no such credential, is recorded as the outcome of `event`.
    pub(super) async fn opened_history(
        &self,
        caller: &Caller,
        id: CredentialId,
        event: &Event,
    ) -> Result<(Current, History, SecretBytes), VaultError> {
        let opened = self.read_history(caller, id).await;
        match opened {
            Err(VaultError::NotFound) => {
                let event = event.clone().with_outcome(Outcome::NotFound);
                self.store.record(caller.scope(), event).await?;
                Err(VaultError::NotFound)
            }
            Err(error) => Err(self.failed(caller, event.clone(), error).await),
            Ok(opened) => Ok(opened),
        }
    }

    async fn read_history(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<(Current, History, SecretBytes), VaultError> {
        let mut read = 1;
        loop {
            let current = self.store.current(caller.scope(), id, true).await?;
            let current = current
                .filter(|current| current.row.deletion.is_none() && caller.reaches(&current.row));
            let current = current.ok_or(VaultError::NotFound)?;
            let blob = self.open(caller, &current.row).await?;
            match History::of(&self.chain, caller.org(), &current) {
                Ok(history) => return Ok((current, history, blob)),
                Err(error) if read == READS => return Err(error),
                Err(_) => read += 1,
            }
        }
    }

    async fn open_value(
        &self,
        caller: &Caller,
        row: &SealedCredential,
        version: &StoredVersion,
    ) -> Result<SecretBytes, VaultError> {
        let mut keys = self.org_keys(caller.scope()).await?;
        let generation = version.sealed().map(|sealed| sealed.key_generation);
        if generation.is_some_and(|generation| !keys.has(generation)) {
            keys = self.reload_org_keys(caller.scope()).await?;
        }
        self.counters.opens.record(keys.open_value(row, version))
    }
}

impl VersionInfo {
    /// The values of a credential, the newest first.
    pub(super) fn all(row: &SealedCredential, history: &History) -> Vec<Self> {
        let mut versions: Vec<_> = history.versions().iter().map(Self::of).collect();
        versions.push(Self {
            value_version: row.value_version,
            is_current: true,
            stage: None,
            staged_at: None,
            expiry: row.expiry,
            destroyed_at: None,
        });
        versions.sort_by_key(|version| -version.value_version);
        versions
    }

    fn of(version: &StoredVersion) -> Self {
        Self {
            value_version: version.value_version,
            is_current: false,
            stage: version.stage,
            staged_at: Some(version.staged_at),
            expiry: version.expiry,
            destroyed_at: match version.kept {
                Kept::Sealed(_) => None,
                Kept::Destroyed(at) => Some(at),
            },
        }
    }
}
