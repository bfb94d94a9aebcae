//! The history of a credential, while it is changed.

use chrono::{DateTime, Utc};
use strongroom_crypto::Digest;

use crate::audit::chain::Chain;
use crate::error::VaultError;
use crate::history::{Current, Kept, Stage, StoredVersion, VersionChanges};
use crate::ids::{CredentialId, OrgId};

/// The history of a credential, while it is changed.
#[derive(Debug, Clone)]
pub(crate) struct History {
    stored: Vec<StoredVersion>,
    versions: Vec<StoredVersion>,
}

impl History {
    /// The history of `current`, whose row was opened before: its seal proves the digest.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if a value was removed, added, altered or staged by other than a
    /// server.
    pub(crate) fn of(chain: &Chain, org: OrgId, current: &Current) -> Result<Self, VaultError> {
        let id = current.row.id;
        let versions = &current.versions;
        let genuine =
            |version: &StoredVersion| version.digest == chain.version_digest(org, id, version);
        let digest = chain.history_digest(org, id, versions);
        if digest != current.row.history || !versions.iter().all(genuine) {
            return Err(VaultError::Integrity(
                "the former values of a credential are not those that were kept",
            ));
        }
        Ok(Self {
            stored: versions.clone(),
            versions: versions.clone(),
        })
    }

    /// The values, the lowest version first.
    pub(crate) fn versions(&self) -> &[StoredVersion] {
        &self.versions
    }

    /// The version of the next value, which no other value had.
    pub(crate) fn next_version(&self, current: i64) -> i64 {
        let versions = self.versions.iter().map(|version| version.value_version);
        versions.fold(current, i64::max) + 1
    }

    /// The value with this version.
    pub(crate) fn get(&self, value_version: i64) -> Option<&StoredVersion> {
        let mut versions = self.versions.iter();
        versions.find(|version| version.value_version == value_version)
    }

    /// The value at this stage.
    pub(crate) fn at(&self, stage: Stage) -> Option<&StoredVersion> {
        let mut versions = self.versions.iter();
        versions.find(|version| version.stage == Some(stage))
    }

    /// Takes the value at `stage` from it, if there is one.
    pub(crate) fn unstage(&mut self, stage: Stage, at: DateTime<Utc>) {
        for version in &mut self.versions {
            if version.stage == Some(stage) {
                version.stage = None;
                version.staged_at = at;
            }
        }
    }

    /// Adds `version`, or replaces the one with the same number.
    pub(crate) fn put(&mut self, version: StoredVersion) {
        self.remove(version.value_version);
        self.versions.push(version);
        self.versions.sort_by_key(|version| version.value_version);
    }

    /// Removes the value with this version.
    pub(crate) fn remove(&mut self, value_version: i64) {
        self.versions
            .retain(|version| version.value_version != value_version);
    }

    /// Removes the oldest former values beyond `kept`, when the value `current` is the current one.
    /// The previous one is the last to go, and one that is pending is no former one. Of the highest
    /// number a destroyed value stays, so that no number comes again.
    pub(crate) fn prune(&mut self, kept: i64, current: i64, at: DateTime<Utc>) {
        let highest = self.next_version(current) - 1;
        let mut former: Vec<_> = self.versions.iter().collect();
        former.retain(|version| version.stage != Some(Stage::Pending));
        former.sort_by_key(|version| (version.stage.is_none(), -version.value_version));
        let beyond = former.into_iter().skip(usize::try_from(kept).unwrap_or(0));
        let beyond: Vec<_> = beyond.map(|version| version.value_version).collect();
        self.versions.retain(|version| {
            let number = version.value_version;
            number == highest || !beyond.contains(&number)
        });
        if beyond.contains(&highest) {
            self.destroy(highest, at);
        }
    }

    /// Destroys the value with this version, unless it is destroyed.
    pub(crate) fn destroy(&mut self, value_version: i64, at: DateTime<Utc>) {
        let mut versions = self.versions.iter_mut();
        let found = versions.find(|version| version.value_version == value_version);
        if let Some(version) = found.filter(|version| version.sealed().is_some()) {
            version.stage = None;
            version.staged_at = at;
            version.kept = Kept::Destroyed(at);
        }
    }

    /// Computes the digests anew, and returns the digest of the history; `None` if it is empty.
    pub(crate) fn seal(&mut self, chain: &Chain, org: OrgId, id: CredentialId) -> Option<Digest> {
        for version in &mut self.versions {
            version.digest = chain.version_digest(org, id, version).to_vec();
        }
        chain.history_digest(org, id, &self.versions)
    }

    /// What was changed.
    pub(crate) fn changes(self) -> VersionChanges {
        let is_left = |old: &&StoredVersion| self.get(old.value_version).is_none();
        let removed = self.stored.iter().filter(is_left);
        let removed = removed.map(|version| version.value_version).collect();
        let is_new = |version: &StoredVersion| !self.stored.contains(version);
        let put = self.versions.iter().filter(|version| is_new(version));
        let put = put.cloned().collect();
        VersionChanges { put, removed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::SealedValue;

    fn version(value_version: i64, stage: Option<Stage>) -> StoredVersion {
        StoredVersion {
            value_version,
            stage,
            staged_at: DateTime::UNIX_EPOCH,
            expiry: None,
            kept: Kept::Sealed(SealedValue {
                key_generation: 1,
                wrapped_key: Vec::new(),
                sealed_blob: Vec::new(),
            }),
            digest: Vec::new(),
        }
    }

    fn history(versions: &[(i64, Option<Stage>)]) -> History {
        let versions: Vec<_> = versions
            .iter()
            .map(|(n, stage)| version(*n, *stage))
            .collect();
        History {
            stored: versions.clone(),
            versions,
        }
    }

    fn numbers(history: &History) -> Vec<i64> {
        history
            .versions
            .iter()
            .map(|version| version.value_version)
            .collect()
    }

    #[test]
    fn the_oldest_former_values_go_and_staged_ones_stay() {
        let (previous, pending) = (Some(Stage::Previous), Some(Stage::Pending));
        let all = [(1, previous), (2, None), (3, None), (5, None), (7, pending)];
        for (kept, left) in [
            (9, vec![1, 2, 3, 5, 7]),
            (3, vec![1, 3, 5, 7]),
            (1, vec![1, 7]),
            (0, vec![7]),
        ] {
            let mut history = history(&all);
            history.prune(kept, 8, DateTime::UNIX_EPOCH);
            assert_eq!(numbers(&history), left, "{kept}");
            let changes = history.changes();
            assert_eq!(changes.removed.len(), all.len() - left.len());
            assert_eq!(changes.put, []);
        }
    }

    #[test]
    fn no_number_comes_again() {
        let mut history = history(&[(2, Some(Stage::Previous)), (4, None)]);
        assert_eq!(history.next_version(3), 5);
        for kept in [1, 0] {
            history.prune(kept, 3, DateTime::UNIX_EPOCH);
            assert_eq!(history.next_version(3), 5, "{kept}");
            assert_eq!(
                history.get(4).map(|four| four.sealed().is_some()),
                Some(false)
            );
        }
        assert_eq!(numbers(&history), [4]);
        history.prune(0, 5, DateTime::UNIX_EPOCH);
        assert_eq!(numbers(&history), [0; 0]);
    }
}
