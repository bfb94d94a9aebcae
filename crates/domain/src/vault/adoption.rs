//! Who has read the current value of a credential, and who has not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::try_join;

use crate::audit::event::{Action, Event};
use crate::caller::{Caller, OrgScope};
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::ports::audit::{LastRead, ValueWrite};
use crate::vault::Vault;

/// A reader of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The API key or the OAuth 2.0 client, as in the audit trail.
    pub actor: String,
    /// The time of its last reveal of the current value.
    pub last_read_at: DateTime<Utc>,
    /// The version of the value that it got; `None` if the event of its write was pruned.
    pub last_value_version: Option<i64>,
    /// Whether another value has become the current one since.
    pub behind: bool,
}

/// The adoption of the current value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The version of the current value.
    pub value_version: i64,
    /// The readers, those that are behind first. Keys that were revoked or have expired are left
    /// out.
    pub readers: Vec<Reader>,
}

/// What says who has read a credential.
pub(super) struct AdoptionEvidence {
    writes: Vec<ValueWrite>,
    reads: Vec<LastRead>,
    /// Readers whose keys are no longer accepted.
    ended: Vec<String>,
}

impl Vault {
    /// Who has read the current value of a credential, according to the audit trail.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], or an error of the store.
    pub async fn adoption(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<Adoption, VaultError> {
        caller.require(Permission::CredentialsList)?;
        let adoption = self.adopted(caller, id).await?;
        let event = Event::by(caller, Action::CredentialList, self.now()).about(id);
        self.store.record(caller.scope(), event).await?;
        Ok(adoption)
    }

    /// The same, for a caller with any permission, without an event.
    pub(super) async fn adopted(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<Adoption, VaultError> {
        let scope = caller.scope();
        let current = self.store.current(scope, id, false).await?;
        let row = current.map(|current| current.row);
        let row = row.filter(|row| row.deletion.is_none() && caller.reaches(row));
        let row = row.ok_or(VaultError::NotFound)?;
        let evidence = self.adoption_evidence(caller, id).await?;
        Ok(evidence.adoption(&row))
    }

    /// What says who has read the credential `id`, whether or not the caller reaches it.
    pub(super) async fn adoption_evidence(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<AdoptionEvidence, VaultError> {
        let events = self.store.adoption(caller.scope(), id);
        let events = async { Ok(events.await?) };
        let ((writes, reads), ended) = try_join(events, self.ended_actors(caller)).await?;
        Ok(AdoptionEvidence {
            writes,
            reads,
            ended,
        })
    }

    // A key that is no longer accepted reads nothing any more, also one of an ancestor.
    async fn ended_actors(&self, caller: &Caller) -> Result<Vec<String>, VaultError> {
        let now = self.now();
        let ancestors = self.store.ancestors(caller.scope()).await?;
        let scopes = ancestors.iter().map(|one| OrgScope::new(one.id));
        let mut keys = Vec::new();
        for scope in std::iter::once(caller.scope()).chain(scopes) {
            keys.extend(self.store.api_keys(scope).await?);
        }
        let ended = keys.into_iter().filter(|key| {
            let end = key.ends.as_ref().map(|end| end.at);
            let end = [end, key.expires_at].into_iter().flatten().min();
            key.revoked_at.is_some() || end.is_some_and(|end| end <= now)
        });
        Ok(ended.map(|key| key.id.to_string()).collect())
    }
}

impl AdoptionEvidence {
    /// The adoption of the current value of `row`.
    pub(super) fn adoption(self, row: &SealedCredential) -> Adoption {
        let since = current_since(&self.writes, row.version);
        let writes = self.writes.iter();
        let versions: BTreeMap<_, _> = writes
            .map(|write| (write.version, write.value_version))
            .collect();
        let ended = self.ended;
        let reads = self.reads.into_iter();
        let reads = reads.filter(|read| !ended.contains(&read.actor));
        let mut readers: Vec<_> = reads.map(|read| reader(read, &versions, since)).collect();
        readers.sort_by(|one, two| (two.behind, &one.actor).cmp(&(one.behind, &two.actor)));
        Adoption {
            value_version: row.value_version,
            readers,
        }
    }
}

fn reader(read: LastRead, versions: &BTreeMap<i64, i64>, since: i64) -> Reader {
    Reader {
        actor: read.actor,
        last_read_at: read.at,
        last_value_version: versions.get(&read.version).copied(),
        behind: read.version < since,
    }
}

/// The version of the row from which on its value has been the current one. Row versions only grow,
/// also when an earlier value becomes the current one again.
fn current_since(writes: &[ValueWrite], version: i64) -> i64 {
    let mut writes: Vec<_> = writes.iter().collect();
    writes.sort_by_key(|write| -write.version);
    let value = writes.first().map(|write| write.value_version);
    let same = writes
        .iter()
        .take_while(|write| Some(write.value_version) == value);
    same.last().map_or(version, |write| write.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_current_since_it_became_so_last() {
        let write = |(version, value_version)| ValueWrite {
            version,
            value_version,
        };
        for (writes, since) in [
            (vec![(1, 1)], 1),
            (vec![(2, 1), (1, 1)], 1),
            (vec![(1, 1), (2, 2), (3, 2)], 2),
            // Rolled back to the first value.
            (vec![(1, 1), (2, 2), (3, 1), (4, 1)], 3),
            (vec![], 9),
        ] {
            let writes: Vec<_> = writes.into_iter().map(write).collect();
            assert_eq!(current_since(&writes, 9), since, "{writes:?}");
        }
    }
}
