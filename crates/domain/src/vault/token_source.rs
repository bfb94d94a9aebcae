//! What a token is minted with.

use strongroom_crypto::SecretBytes;

use crate::blob::JsonBlob;
use crate::caller::Caller;
use crate::ports::relay::ReadRows;
use crate::relay::policy::RelayPolicy;
use crate::relay::presets::{Mint, preset};
use crate::relay::secret::member;
use crate::vault::minted_tokens::TokenKey;
use crate::vault::relay_source::RelaySource;

/// What a token is minted with.
pub(super) struct TokenSource {
    pub(super) key: TokenKey,
    pub(super) mint: Mint,
    pub(super) blob: JsonBlob,
    pub(super) policy: RelayPolicy,
    pub(super) used: ReadRows,
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl TokenSource {
    /// `None` if no token is minted for such a credential.
    pub(super) fn of(caller: &Caller, source: &RelaySource, blob: &SecretBytes) -> Option<Self> {
        let (row, policy) = (&source.credential.sealed, &source.policy);
        let mint = preset(row.provider, row.kind).mint?;
        let key = TokenKey {
            org: caller.org(),
            credential: row.id,
            value_version: row.value_version,
            policy_version: policy.version,
            scopes: policy.policy.scopes.clone(),
        };
        Some(Self {
            key,
            mint,
            blob: JsonBlob::opened(blob.clone()),
            policy: policy.policy.clone(),
            used: source.used.clone(),
        })
    }

    /// The policy.
    pub(super) fn policy(&self) -> &RelayPolicy {
        &self.policy
    }

    /// The secret that the token endpoint is shown, which at a shop is the upstream itself.
    pub(super) fn shown(&self) -> Option<SecretBytes> {
        if self.mint == Mint::GoogleJwt {
            return None;
        }
        let secret = member(self.blob.expose(), "client_secret").ok()?;
        Some(SecretBytes::new(secret.to_vec()))
    }
}
