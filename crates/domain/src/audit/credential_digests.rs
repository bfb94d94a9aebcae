//! The digests of credentials that write events carry.

use strongroom_crypto::{Context, Digest, FORMAT_VERSION, Purpose, mac};

use crate::audit::chain::{Chain, PROOF_KEY};
use crate::credential::SealedCredential;
use crate::entity_tag::EntityTag;
use crate::history::{Kept, Stage, StoredVersion};
use crate::ids::{CredentialId, OrgId};
use crate::keyring::binding::{bind_expiry, bind_value};
use crate::relay::stored::StoredPolicy;

impl Chain {
    /// The digest of a credential's row in its write event. It omits the wrapped data key and its
    /// generation, which a rotation replaces without changing the credential.
    #[must_use]
    pub fn row_digest(&self, org: OrgId, row: &SealedCredential) -> Digest {
        let format = if row.binds_value() { 2 } else { FORMAT_VERSION };
        let context = Context::in_format(Purpose::CredentialDigest, format)
            .uuid(org.0)
            .uuid(row.id.0)
            .i64(row.version)
            .u8(row.provider.code())
            .u8(row.kind.code())
            .bytes(row.label.as_str().as_bytes())
            .optional(row.pieces_user.as_deref(), |context, user| {
                context.bytes(user.as_bytes())
            });
        let context = match row.binds_value() {
            true => bind_value(context, row),
            false => context,
        };
        mac(&self.key, &context, &row.sealed_blob)
    }

    /// The digest of a value of a credential that is not the current one. Like that of a row, it
    /// omits the wrapped data key.
    #[must_use]
    pub fn version_digest(&self, org: OrgId, id: CredentialId, version: &StoredVersion) -> Digest {
        let context = Context::new(Purpose::CredentialVersion)
            .i64(PROOF_KEY.into())
            .uuid(org.0)
            .uuid(id.0)
            .i64(version.value_version)
            .i64(version.staged_at.timestamp_micros());
        let context = bind_expiry(context, version.expiry);
        match &version.kept {
            Kept::Sealed(sealed) => mac(&self.key, &context.u8(1), &sealed.sealed_blob),
            Kept::Destroyed(at) => mac(&self.key, &context.u8(2).i64(at.timestamp_micros()), b""),
        }
    }

    /// The digest of all these values of a credential, with their stages, in ascending order;
    /// `None` if there are none.
    #[must_use]
    pub fn history_digest(
        &self,
        org: OrgId,
        id: CredentialId,
        versions: &[StoredVersion],
    ) -> Option<Digest> {
        let context = Context::new(Purpose::CredentialHistory)
            .i64(PROOF_KEY.into())
            .uuid(org.0)
            .uuid(id.0);
        let all = versions.iter().fold(context, |context, version| {
            context
                .i64(version.value_version)
                .u8(version.stage.map_or(0, Stage::code))
                .bytes(&version.digest)
        });
        (!versions.is_empty()).then(|| mac(&self.key, &all, b""))
    }

    /// The digest of the row of a credential's relay policy. Like that of a credential's row, it
    /// omits the wrapped data key.
    #[must_use]
    pub fn policy_digest(&self, org: OrgId, id: CredentialId, policy: &StoredPolicy) -> Digest {
        let context = Context::new(Purpose::RelayPolicyDigest)
            .i64(PROOF_KEY.into())
            .uuid(org.0)
            .uuid(id.0)
            .i64(policy.version)
            .i64(policy.updated_at.timestamp_micros());
        match &policy.sealed {
            Some(sealed) => mac(&self.key, &context.u8(1), &sealed.sealed_blob),
            None => mac(&self.key, &context.u8(2), b""),
        }
    }

    /// The entity tag of a credential's row.
    #[must_use]
    pub fn entity_tag(&self, org: OrgId, row: &SealedCredential) -> EntityTag {
        EntityTag::new(row.version, &self.row_digest(org, row))
    }
}
