//! Seals of the values of a credential that are not the current one. They open in no other place:
//! their contexts have purposes of their own.

use strongroom_crypto::{
    Context, Purpose, RandomSource, SecretBytes, SecretKey, open, open_key, seal, seal_key,
};

use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::expiry::Expiry;
use crate::history::{SealedValue, StoredVersion};
use crate::ids::{CredentialId, OrgId};
use crate::keyring::binding::bind_expiry;
use crate::keyring::organization::OrgKeyring;
use crate::keyring::stored::Rewrapped;

impl OrgKeyring {
    /// Seals `blob` as a value of the credential of `row` that is not the current one.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if the random source fails.
    pub fn seal_value(
        &self,
        row: &SealedCredential,
        (value_version, expiry): (i64, Option<Expiry>),
        blob: &[u8],
        random: &dyn RandomSource,
    ) -> Result<SealedValue, VaultError> {
        let wrap = version_key_context(self.org, row.id, value_version, self.active);
        let context = version_context(self.org, row, value_version, expiry);
        let data_key = SecretKey::generate(random)?;
        Ok(SealedValue {
            key_generation: self.active,
            wrapped_key: seal_key(self.key(self.active)?, &wrap, &data_key, random)?,
            sealed_blob: seal(&data_key, &context, blob, random)?,
        })
    }

    /// Opens the value `version` of the credential of `row`.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] as for [`Self::open`], [`VaultError::NoSuchVersion`] if it is
    /// destroyed.
    pub fn open_value(
        &self,
        row: &SealedCredential,
        version: &StoredVersion,
    ) -> Result<SecretBytes, VaultError> {
        let sealed = version.sealed().ok_or(VaultError::NoSuchVersion)?;
        let value_version = version.value_version;
        let wrap = version_key_context(self.org, row.id, value_version, sealed.key_generation);
        let data_key = open_key(self.key(sealed.key_generation)?, &wrap, &sealed.wrapped_key)?;
        let context = version_context(self.org, row, value_version, version.expiry);
        Ok(open(&data_key, &context, &sealed.sealed_blob)?)
    }

    /// Re-wraps the data key of the value `value_version` of the credential `id` with the active
    /// generation.
    ///
    /// # Errors
    /// As for [`Self::rewrap`].
    pub fn rewrap_value(
        &self,
        id: CredentialId,
        value_version: i64,
        sealed: &SealedValue,
        random: &dyn RandomSource,
    ) -> Result<Rewrapped, VaultError> {
        let wrap = version_key_context(self.org, id, value_version, sealed.key_generation);
        let data_key = open_key(self.key(sealed.key_generation)?, &wrap, &sealed.wrapped_key)?;
        let wrap = version_key_context(self.org, id, value_version, self.active);
        Ok(Rewrapped {
            key_generation: self.active,
            wrapped_key: seal_key(self.key(self.active)?, &wrap, &data_key, random)?,
        })
    }
}

fn version_key_context(
    org: OrgId,
    id: CredentialId,
    value_version: i64,
    generation: i32,
) -> Context {
    Context::new(Purpose::VersionKey)
        .uuid(org.0)
        .uuid(id.0)
        .i64(value_version)
        .i64(generation.into())
}

fn version_context(
    org: OrgId,
    row: &SealedCredential,
    value_version: i64,
    expiry: Option<Expiry>,
) -> Context {
    let context = Context::new(Purpose::VersionBlob)
        .uuid(org.0)
        .uuid(row.id.0)
        .i64(value_version)
        .u8(row.provider.code())
        .u8(row.kind.code())
        .optional(row.pieces_user.as_deref(), |context, user| {
            context.bytes(user.as_bytes())
        });
    bind_expiry(context, expiry)
}
