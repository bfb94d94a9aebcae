//! A backup with parsed header and opened keys.

use chrono::{DateTime, Utc};
use strongroom_crypto::RootKeyId;

use crate::audit::chain::Chain;
use crate::backup::record::{FORMAT, Header, Probe, Record};
use crate::backup::seal::Seal;
use crate::ids::OrgId;
use crate::keyring::error::KeyringError;
use crate::keyring::root::RootKeyring;
use crate::keyring::service::{ServiceKeys, open_stored};
use crate::keyring::sources::RootKeySources;
use crate::keyring::stored::{StoredRootKey, StoredServiceKey};
use crate::vault::restore::error::RestoreError;

/// A backup with parsed header and opened keys.
#[derive(Debug)]
pub struct OpenedBackup {
    /// The header of the backup.
    pub header: Header,
    pub(super) root: RootKeyring,
    pub(super) service: ServiceKeys,
    pub(super) chain: Chain,
    seal: Seal,
}

impl OpenedBackup {
    /// Parses the first line of a backup, checks that this program can restore it into the schema
    /// version `schema`, and opens its keys with `sources`.
    ///
    /// # Errors
    /// [`RestoreError::Unreadable`]; [`RestoreError::Keys`] names the root key that is wrong or
    /// missing.
    pub fn open(line: &[u8], schema: i32, sources: &RootKeySources) -> Result<Self, RestoreError> {
        let unreadable = |why: String| RestoreError::Unreadable(why);
        let no_backup = |error: serde_json::Error| {
            unreadable(format!(
                "the decrypted input is no backup of `strongroom backup`: {error}"
            ))
        };
        let probe: Probe = serde_json::from_slice(line).map_err(no_backup)?;
        let (format, version) = (probe.header.format, probe.header.schema);
        if format > FORMAT || version > schema {
            return Err(unreadable(format!(
                "the backup was made by a newer version of Strongroom: it has format {format} and \
                 schema version {version}, and this program supports at most {FORMAT} and \
                 {schema}. Restore it with that version or a newer one"
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

    /// The chain that verifies the audit trails in the backup.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.chain.clone()
    }

    /// The only organization in the backup; `None` if it contains all.
    #[must_use]
    pub fn scope(&self) -> Option<OrgId> {
        self.header.scope.map(OrgId)
    }

    /// The time of the snapshot.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.header.created_at
    }

    /// The keyed digest of the first line.
    pub(super) fn seal(&self) -> Seal {
        self.seal.clone()
    }
}

fn keys(KeyringError(why): KeyringError) -> RestoreError {
    RestoreError::Keys(format!(
        "the backup cannot be opened with the configured root keys: {why}. Configure the root key \
         that was active when the backup was made"
    ))
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
