//! The part of the integrity scrub that concerns keys.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use strongroom_crypto::RootKeyId;

use crate::api_key::digest::proved_end;
use crate::caller::Caller;
use crate::error::VaultError;
use crate::ids::OrgId;
use crate::keyring::organization::OrgKeyring;
use crate::keyring::stored::StoredOrgKey;
use crate::ports::scrub::{KeyWithTrail, ScrubObserver};
use crate::scrub::{KeyProblem, Problem};
use crate::vault::Vault;

/// An organization's keys, each unwrapped separately, so that a broken one does not hide the state
/// of the others.
pub(in crate::vault) struct ScrubKeys {
    pub(super) rings: BTreeMap<i32, OrgKeyring>,
    pub(in crate::vault) problems: Vec<KeyProblem>,
}

impl Vault {
    pub(super) async fn verify_keys(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<u64, VaultError> {
        let first = self.scrub_keys(caller, observer).await?.problems;
        if first.is_empty() {
            return Ok(0);
        }
        let mut problems = self.scrub_keys(caller, observer).await?.problems;
        problems.retain(|problem| first.contains(problem));
        let problems: Vec<_> = problems.into_iter().map(Problem::Key).collect();
        Ok(self.report(observer, caller.org(), None, &problems))
    }

    /// Compares the root keys with the trail of the installation.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn verify_root_keys(
        &self,
        observer: &mut dyn ScrubObserver,
    ) -> Result<u64, VaultError> {
        let problems = match self.root_keys_with_record().await {
            Ok((.., problems)) => problems,
            // The verification of the trail names the event.
            Err(VaultError::Integrity(_)) => return Ok(0),
            Err(error) => return Err(error),
        };
        let problems: Vec<_> = problems.into_iter().map(Problem::RootKey).collect();
        Ok(self.report(observer, OrgId::INSTALLATION, None, &problems))
    }

    pub(super) async fn verify_api_keys(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<u64, VaultError> {
        let first = self.api_key_problems(caller, observer).await?;
        if first.is_empty() {
            return Ok(0);
        }
        let mut problems = self.api_key_problems(caller, observer).await?;
        problems.retain(|problem| first.contains(problem));
        let problems: Vec<_> = problems.into_iter().map(Problem::Key).collect();
        Ok(self.report(observer, caller.org(), None, &problems))
    }

    async fn api_key_problems(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<Vec<KeyProblem>, VaultError> {
        loop {
            let (keys, scope) = (self.store.keys_with_trail(caller.scope()), caller.scope());
            let read = try_join(keys, self.store.oauth_clients(scope)).await;
            if let Some((keys, clients)) = retry_unavailable(read, observer).await? {
                let altered = clients
                    .iter()
                    .filter(|client| !client.is_current(&self.service.api_key))
                    .map(|client| KeyProblem::ClientAltered(client.id));
                let problems = keys
                    .iter()
                    .flat_map(|key| self.problems_of_api_key(scope.org(), key));
                return Ok(problems.chain(altered).collect());
            }
        }
    }

    pub(super) fn problems_of_api_key(&self, org: OrgId, key: &KeyWithTrail) -> Vec<KeyProblem> {
        let (id, recorded) = (key.id, key.recorded_end.as_deref());
        let end = proved_end(
            &self.service.api_key,
            (org, id),
            key.ends.as_ref(),
            recorded,
        );
        let found = [
            (!key.issued, KeyProblem::ApiKeyUnissued(id)),
            (key.revocation_undone, KeyProblem::RevocationUndone(id)),
            (end.is_err(), KeyProblem::EndAltered(id)),
        ];
        let found = found.into_iter().filter(|(is_found, _)| *is_found);
        found.map(|(_, problem)| problem).collect()
    }

    pub(super) async fn scrub_keys(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<ScrubKeys, VaultError> {
        let (stored, mut differences) = loop {
            let read = match self.keys_with_problems(caller.scope()).await {
                // The verification of the trail names the event.
                Err(VaultError::Integrity(_)) => {
                    let stored = self.store.org_keys(caller.scope()).await;
                    stored
                        .map(|stored| (stored, Vec::new()))
                        .map_err(Into::into)
                }
                read => read,
            };
            if let Some(read) = retry_unavailable(read, observer).await? {
                break read;
            }
        };
        let mut keys = self.opened_keys(caller.org(), stored).await?;
        keys.problems.append(&mut differences);
        Ok(keys)
    }

    /// Opens the `stored` keys of `org`, each separately.
    pub(in crate::vault) async fn opened_keys(
        &self,
        org: OrgId,
        stored: Vec<StoredOrgKey>,
    ) -> Result<ScrubKeys, VaultError> {
        let (mut rings, mut problems) = (BTreeMap::new(), Vec::new());
        if !stored.iter().any(|key| key.active) {
            problems.push(KeyProblem::NoneActive);
        }
        for key in stored {
            let generation = key.generation;
            let single = StoredOrgKey {
                active: true,
                ..key
            };
            let root_key = single.root_key;
            match self.root().open_org_keys(org, &[single]) {
                Ok(ring) => {
                    rings.insert(generation, ring);
                }
                // A known root key that this process has not loaded yet is not a finding.
                Err(error @ VaultError::Unavailable(_))
                    if self.knows_root_key(root_key).await? =>
                {
                    return Err(error);
                }
                Err(_) => problems.push(KeyProblem::DoesNotUnwrap(generation)),
            }
        }
        Ok(ScrubKeys { rings, problems })
    }

    async fn knows_root_key(&self, id: RootKeyId) -> Result<bool, VaultError> {
        let known = self.root_keys().await?;
        Ok(known.iter().any(|key| key.id == id))
    }
}

// Returns `None` to retry, so that a restart of the database does not end a scrub of several hours.
pub(super) async fn retry_unavailable<T, E: Into<VaultError>>(
    answer: Result<T, E>,
    observer: &mut dyn ScrubObserver,
) -> Result<Option<T>, VaultError> {
    match answer.map_err(E::into) {
        Ok(read) => Ok(Some(read)),
        Err(error @ VaultError::Unavailable(_)) if observer.try_again(&error).await => Ok(None),
        Err(error) => Err(error),
    }
}
