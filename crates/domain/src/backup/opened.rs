use chrono::{DateTime, Utc};

use super::record::Probe;
use super::{FORMAT, Header, Record, Seal};
use crate::OrgId;
use crate::audit::Chain;
use crate::crypto::RootKeyId;
use crate::keyring::{RootKeySources, RootKeyring, ServiceKeys, UnlockError, open_stored};
use crate::store::{StoreError, StoredRootKey, StoredServiceKey};

/// Why a backup is not restored. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is no backup, or not one that this program can read.
    #[error("{0}")]
    Unreadable(String),
    /// It is not what was written: cut short, spliced or altered.
    #[error(
        "the backup is damaged: {0}. Nothing of it can be relied on; use another copy, or another backup"
    )]
    Damaged(String),
    /// The configured root keys are not those of the backup, or of the database.
    #[error("{0}")]
    Keys(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else.
    #[error(transparent)]
    Vault(#[from] crate::VaultError),
}

/// A backup whose header was read, and whose keys were opened.
#[derive(Debug)]
pub struct OpenedBackup {
    /// The header.
    pub header: Header,
    pub(super) root: RootKeyring,
    pub(super) service: ServiceKeys,
    pub(super) chain: Chain,
    seal: Seal,
}

impl OpenedBackup {
    /// Reads the first line of a backup, checks that this program can restore it into the schema version `schema`, and
    /// opens its keys with the root keys in `sources`.
    ///
    /// # Errors
    /// [`RestoreError::Unreadable`]; [`RestoreError::Keys`] names the root key that is wrong or missing.
    pub fn open(line: &[u8], schema: i32, sources: &RootKeySources) -> Result<Self, RestoreError> {
        let unreadable = |why: String| RestoreError::Unreadable(why);
        let no_backup = |error: serde_json::Error| {
            unreadable(format!(
                "what was decrypted is no backup that `strongroom backup` made: {error}"
            ))
        };
        let probe: Probe = serde_json::from_slice(line).map_err(no_backup)?;
        let (format, version) = (probe.header.format, probe.header.schema);
        if format > FORMAT || version > schema {
            return Err(unreadable(format!(
                "the backup was made by a newer version of Strongroom: it has format {format} and schema version \
                 {version}, and this program knows up to {FORMAT} and {schema}. Restore it with that version or a \
                 newer one"
            )));
        }
        let Record::Header(header) = serde_json::from_slice(line).map_err(no_backup)? else {
            return Err(unreadable(
                "the backup does not begin with its header".into(),
            ));
        };
        let (root_keys, service_keys) = stored(&header)?;
        let (root, service) = open_stored(sources, &root_keys, &service_keys).map_err(keys)?;
        let mut seal = Seal::new(service.audit.clone());
        seal.add(line);
        Ok(Self {
            chain: Chain::new(service.audit.clone()),
            header,
            root,
            service,
            seal,
        })
    }

    /// The chain of the audit trails in it.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.chain.clone()
    }

    /// The only organization in it; all when absent.
    #[must_use]
    pub fn scope(&self) -> Option<OrgId> {
        self.header.scope.map(OrgId)
    }

    /// When the snapshot was taken.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.header.created_at
    }

    /// The digest of the first line.
    pub(super) fn seal(&self) -> Seal {
        self.seal.clone()
    }
}

fn keys(error: UnlockError) -> RestoreError {
    match error {
        UnlockError::Store(error) => error.into(),
        UnlockError::Fatal(why) => RestoreError::Keys(format!(
            "the backup cannot be opened with the configured root keys: {why}. Configure the root key of the day when \
             the backup was made"
        )),
    }
}

fn stored(header: &Header) -> Result<(Vec<StoredRootKey>, Vec<StoredServiceKey>), RestoreError> {
    let root_keys = header.root_keys.iter().map(|row| {
        let malformed = || RestoreError::Damaged(format!("root key {}", row.root_key_id));
        row.stored().ok_or_else(malformed)
    });
    let service_keys = header.service_keys.iter().map(|row| StoredServiceKey {
        purpose: row.purpose.clone(),
        root_key: RootKeyId(row.root_key_id),
        wrapped: row.wrapped_key.clone(),
    });
    Ok((root_keys.collect::<Result<_, _>>()?, service_keys.collect()))
}
