//! The names of keys and clients beside their ids.

use std::collections::BTreeSet;

use crate::actor_names::{ActorNames, MAX_NAMED};
use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::ids::KeyId;
use crate::permission::Permission;
use crate::vault::Vault;

impl Vault {
    /// The names of those API keys and OAuth 2.0 clients in `ids` that belong to the organization
    /// in which the caller acts, or to that of the caller's key; of the first [`MAX_NAMED`] ids.
    /// They are what the database says. No event is recorded: they accompany a read that is.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] without `audit:read` and without `keys:manage`, or an error of the
    /// store.
    pub async fn actor_names(
        &self,
        caller: &Caller,
        ids: impl IntoIterator<Item = KeyId> + Send,
    ) -> Result<ActorNames, VaultError> {
        caller
            .require(Permission::KeysManage)
            .or_else(|_| caller.require(Permission::AuditRead))?;
        let ids: BTreeSet<_> = ids.into_iter().take(MAX_NAMED).collect();
        let ids = Vec::from_iter(ids);
        let mut named = Vec::new();
        // The key has the same permissions in the organization that issued it.
        let orgs = BTreeSet::from([caller.org(), caller.home()]);
        for org in orgs {
            if named.len() < ids.len() {
                let scope = OrgScope::new(org);
                named.extend(self.store.actor_names(scope, &ids).await?);
            }
        }
        Ok(named.into_iter().collect())
    }
}
