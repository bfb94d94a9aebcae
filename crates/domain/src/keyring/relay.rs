//! Seals of relay policies, each under a data key of its own.

use strongroom_crypto::{
    Context, Purpose, RandomSource, SecretBytes, SecretKey, open, open_key, seal, seal_key,
};

use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::history::SealedValue;
use crate::ids::{CredentialId, OrgId};
use crate::keyring::organization::OrgKeyring;
use crate::keyring::stored::Rewrapped;

impl OrgKeyring {
    /// Seals `policy` as version `version` of the policy of the credential of `row`.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if the random source fails.
    pub fn seal_policy(
        &self,
        row: &SealedCredential,
        version: i64,
        policy: &[u8],
        random: &dyn RandomSource,
    ) -> Result<SealedValue, VaultError> {
        let wrap = key_context(self.org, row.id, version, self.active);
        let data_key = SecretKey::generate(random)?;
        Ok(SealedValue {
            key_generation: self.active,
            wrapped_key: seal_key(self.key(self.active)?, &wrap, &data_key, random)?,
            sealed_blob: seal(
                &data_key,
                &policy_context(self.org, row, version),
                policy,
                random,
            )?,
        })
    }

    /// Opens version `version` of the policy of the credential of `row`.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] as for [`Self::open`].
    pub fn open_policy(
        &self,
        row: &SealedCredential,
        version: i64,
        sealed: &SealedValue,
    ) -> Result<SecretBytes, VaultError> {
        let wrap = key_context(self.org, row.id, version, sealed.key_generation);
        let data_key = open_key(self.key(sealed.key_generation)?, &wrap, &sealed.wrapped_key)?;
        let context = policy_context(self.org, row, version);
        Ok(open(&data_key, &context, &sealed.sealed_blob)?)
    }

    /// Re-wraps the data key of version `version` of the policy of the credential `id` with the
    /// active generation.
    ///
    /// # Errors
    /// As for [`Self::rewrap`].
    pub fn rewrap_policy(
        &self,
        id: CredentialId,
        version: i64,
        sealed: &SealedValue,
        random: &dyn RandomSource,
    ) -> Result<Rewrapped, VaultError> {
        let wrap = key_context(self.org, id, version, sealed.key_generation);
        let data_key = open_key(self.key(sealed.key_generation)?, &wrap, &sealed.wrapped_key)?;
        let wrap = key_context(self.org, id, version, self.active);
        Ok(Rewrapped {
            key_generation: self.active,
            wrapped_key: seal_key(self.key(self.active)?, &wrap, &data_key, random)?,
        })
    }
}

fn key_context(org: OrgId, id: CredentialId, version: i64, generation: i32) -> Context {
    Context::new(Purpose::RelayPolicyKey)
        .uuid(org.0)
        .uuid(id.0)
        .i64(version)
        .i64(generation.into())
}

fn policy_context(org: OrgId, row: &SealedCredential, version: i64) -> Context {
    Context::new(Purpose::RelayPolicy)
        .uuid(org.0)
        .uuid(row.id.0)
        .i64(version)
        .u8(row.provider.code())
        .u8(row.kind.code())
}
