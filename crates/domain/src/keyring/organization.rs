//! One organization's unwrapped keys, which seal and open credentials.

use std::collections::BTreeMap;

use strongroom_crypto::{
    Context, FORMAT_VERSION, Purpose, RandomSource, SecretBytes, SecretKey, mac, open, open_key,
    seal, seal_key,
};

use crate::credential::{LABEL_BOUND, SealedCredential, VALUE_BOUND};
use crate::error::VaultError;
use crate::ids::{CredentialId, OrgId};
use crate::keyring::binding::bind_value;
use crate::keyring::stored::Rewrapped;
use crate::record_format::VALUES;

/// The unwrapped keys of one organization.
#[derive(Debug)]
pub struct OrgKeyring {
    pub(super) org: OrgId,
    keys: BTreeMap<i32, SecretKey>,
    pub(super) active: i32,
}

impl OrgKeyring {
    /// The keys of `org` by generation. `active` is one of these generations.
    pub(super) fn new(org: OrgId, keys: BTreeMap<i32, SecretKey>, active: i32) -> Self {
        Self { org, keys, active }
    }

    /// The generation that wraps new data keys.
    #[must_use]
    pub fn active(&self) -> i32 {
        self.active
    }

    /// Whether the keyring contains `generation`.
    #[must_use]
    pub fn has(&self, generation: i32) -> bool {
        self.keys.contains_key(&generation)
    }

    /// The keys of both keyrings, with the active generation of `other`. Returns `None` if they
    /// have different keys for the same generation.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let mut keys = self.keys.clone();
        for (generation, key) in &other.keys {
            let existing = keys.insert(*generation, key.clone());
            let same = |existing: SecretKey| digest(&existing) == digest(key);
            if !existing.is_none_or(same) {
                return None;
            }
        }
        Some(Self::new(self.org, keys, other.active))
    }

    /// Seals `blob` as the content of `row` with a new data key. Sets `key_generation`,
    /// `wrapped_key` and `sealed_blob`. The label is bound from `record_format` 2 on, the version
    /// of the value and the expiry from 5 on.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if the random source fails.
    pub fn seal(
        &self,
        row: SealedCredential,
        blob: &[u8],
        record_format: i32,
        random: &dyn RandomSource,
    ) -> Result<SealedCredential, VaultError> {
        let format = match record_format {
            ..=1 => FORMAT_VERSION,
            2..VALUES => LABEL_BOUND,
            VALUES.. => VALUE_BOUND,
        };
        let context = blob_context(self.org, &row, format);
        let organization_key = self.key(self.active)?;
        let data_key = SecretKey::generate(random)?;
        let wrap = data_key_context(self.org, row.id, row.version, self.active);
        Ok(SealedCredential {
            key_generation: self.active,
            wrapped_key: seal_key(organization_key, &wrap, &data_key, random)?,
            sealed_blob: seal(&data_key, &context, blob, random)?,
            ..row
        })
    }

    /// Re-wraps the data key of `row` with the active generation. The blob does not change.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the data key does not unwrap.
    pub fn rewrap(
        &self,
        row: &SealedCredential,
        random: &dyn RandomSource,
    ) -> Result<Rewrapped, VaultError> {
        let wrap = data_key_context(self.org, row.id, row.version, row.key_generation);
        let data_key = open_key(self.key(row.key_generation)?, &wrap, &row.wrapped_key)?;
        let wrap = data_key_context(self.org, row.id, row.version, self.active);
        Ok(Rewrapped {
            key_generation: self.active,
            wrapped_key: seal_key(self.key(self.active)?, &wrap, &data_key, random)?,
        })
    }

    /// Opens the blob of `row`.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if any part of the row differs from what was sealed, or if its key
    /// is missing.
    pub fn open(&self, row: &SealedCredential) -> Result<SecretBytes, VaultError> {
        let organization_key = self.key(row.key_generation)?;
        let wrap = data_key_context(self.org, row.id, row.version, row.key_generation);
        let data_key = open_key(organization_key, &wrap, &row.wrapped_key)?;
        let context = blob_context(self.org, row, row.format());
        Ok(open(&data_key, &context, &row.sealed_blob)?)
    }

    pub(super) fn key(&self, generation: i32) -> Result<&SecretKey, VaultError> {
        self.keys.get(&generation).ok_or(VaultError::Integrity(
            "the organization has no key with this generation",
        ))
    }
}

// Keys are compared by their digests, so that the duration of the comparison reveals nothing about
// them.
fn digest(key: &SecretKey) -> [u8; 32] {
    mac(key, &Context::new(Purpose::OrganizationKey), b"comparison")
}

// The generation is bound here and not in the blob, so that re-wrapping a data key does not
// invalidate its blob.
fn data_key_context(org: OrgId, id: CredentialId, version: i64, generation: i32) -> Context {
    Context::new(Purpose::DataKey)
        .uuid(org.0)
        .uuid(id.0)
        .i64(version)
        .i64(generation.into())
}

fn blob_context(org: OrgId, row: &SealedCredential, format: u8) -> Context {
    let context = Context::in_format(Purpose::CredentialBlob, format)
        .uuid(org.0)
        .uuid(row.id.0)
        .i64(row.version)
        .u8(row.provider.code())
        .u8(row.kind.code())
        .optional(row.pieces_user.as_deref(), |context, user| {
            context.bytes(user.as_bytes())
        });
    let context = match format {
        LABEL_BOUND.. => context.bytes(row.label.as_str().as_bytes()),
        _ => context,
    };
    match format {
        VALUE_BOUND.. => bind_value(context, row),
        _ => context,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use strongroom_crypto::OsRandom;
    use uuid::Uuid;

    use super::*;
    use crate::expiry::{Expiry, ExpirySource};
    use crate::keyring::root::RootKeyring;
    use crate::kinds::{CredentialType, Provider};
    use crate::label::Label;

    fn ring(root: &RootKeyring, org: u128) -> OrgKeyring {
        let org = OrgId(Uuid::from_u128(org));
        let stored = root.new_org_key(org, 1, &OsRandom).unwrap();
        root.open_org_keys(org, &[stored]).unwrap()
    }

    fn row(id: u128) -> SealedCredential {
        SealedCredential {
            id: CredentialId(Uuid::from_u128(id)),
            provider: Provider::Google,
            kind: CredentialType::ApiKey,
            label: Label::default(),
            version: 1,
            value_version: 1,
            expiry: None,
            key_generation: 0,
            wrapped_key: Vec::new(),
            sealed_blob: Vec::new(),
            updated_at: DateTime::UNIX_EPOCH,
            pieces_user: None,
            history: None,
            deletion: None,
        }
    }

    #[test]
    fn a_row_opens_only_as_it_was_sealed() {
        let root = RootKeyring::for_tests();
        let ring = ring(&root, 1);
        let at = DateTime::UNIX_EPOCH;
        let mut row = row(1);
        row.expiry = Some(Expiry::of_caller(at));
        let sealed = ring.seal(row.clone(), b"secret", 5, &OsRandom).unwrap();
        assert_eq!(ring.open(&sealed).unwrap().expose(), b"secret");

        row.id = CredentialId(Uuid::from_u128(2));
        let again = ring.seal(row, b"other", 5, &OsRandom).unwrap();
        type Change<'a> = Box<dyn Fn(&mut SealedCredential) + 'a>;
        let changed: Vec<Change<'_>> = vec![
            Box::new(|row| row.version = 2),
            Box::new(|row| row.label = Label::parse("other").unwrap()),
            Box::new(|row| row.sealed_blob[0] = 1),
            Box::new(|row| row.sealed_blob[0] = 2),
            Box::new(|row| row.sealed_blob[0] = 4),
            Box::new(|row| row.value_version = 2),
            Box::new(|row| row.expiry = None),
            Box::new(|row| row.history = Some([0; 32])),
            Box::new(|row| row.expiry = Some(Expiry::of_caller(at + TimeDelta::seconds(1)))),
            Box::new(|row| {
                let source = ExpirySource::JwtExp;
                row.expiry = Some(Expiry { at, source });
            }),
            Box::new(|row| row.provider = Provider::Generic),
            Box::new(|row| row.kind = CredentialType::UserPass),
            Box::new(|row| row.id = CredentialId(Uuid::from_u128(2))),
            Box::new(|row| row.key_generation = 2),
            Box::new(|row| row.pieces_user = Some("other".into())),
            Box::new(|row| row.sealed_blob = again.sealed_blob.clone()),
            Box::new(|row| row.wrapped_key = again.wrapped_key.clone()),
            Box::new(|row| {
                row.wrapped_key = again.wrapped_key.clone();
                row.sealed_blob = again.sealed_blob.clone();
            }),
        ];
        for (at, change) in changed.iter().enumerate() {
            let mut row = sealed.clone();
            change(&mut row);
            let error = ring.open(&row).unwrap_err();
            assert!(
                matches!(error, VaultError::Integrity(_)),
                "change {at}: {error}"
            );
        }
    }

    #[test]
    fn another_organizations_keys_do_not_open_it() {
        let root = RootKeyring::for_tests();
        let sealed = ring(&root, 1)
            .seal(row(1), b"secret", 2, &OsRandom)
            .unwrap();
        assert!(ring(&root, 2).open(&sealed).is_err());
    }

    #[test]
    fn the_first_format_does_not_bind_the_label() {
        let root = RootKeyring::for_tests();
        let ring = ring(&root, 1);
        let mut sealed = ring.seal(row(1), b"secret", 1, &OsRandom).unwrap();
        assert!(!sealed.binds_label());
        sealed.label = Label::parse("renamed").unwrap();
        assert_eq!(ring.open(&sealed).unwrap().expose(), b"secret");
    }
}
