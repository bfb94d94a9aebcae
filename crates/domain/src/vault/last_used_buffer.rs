//! The buffer of last-used times between flushes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};

use crate::caller::OrgScope;
use crate::ids::{CredentialId, KeyId, OrgId};
use crate::last_used::{LastUsed, LastUsedTimes};

/// The maximum number of entries. They take about 20 MB, and 13 MB more while they are flushed.
/// Beyond it, times of further credentials and keys are dropped.
pub(crate) const MAX_ENTRIES: usize = 200_000;

/// Last-used times since the last flush, one per credential and key. Recording a time takes a lock
/// and a map entry, so it does not delay the request.
#[derive(Default)]
pub(super) struct LastUsedBuffer(Mutex<LastUsedEntries>);

#[derive(Default)]
pub(crate) struct LastUsedEntries {
    pub(crate) credentials: HashMap<(OrgId, CredentialId), LastUsed>,
    pub(crate) keys: HashMap<(OrgId, KeyId), DateTime<Utc>>,
}

impl LastUsedBuffer {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LastUsedEntries> {
        self.0.lock()
    }
}

impl LastUsedEntries {
    pub(super) fn len(&self) -> usize {
        self.credentials.len() + self.keys.len()
    }

    /// Records the use of a credential. Returns `false` if the buffer is full; known entries are
    /// always updated.
    pub(crate) fn credential(&mut self, id: (OrgId, CredentialId), last: LastUsed) -> bool {
        let room = self.len() < MAX_ENTRIES;
        match self.credentials.get_mut(&id) {
            Some(entry) if entry.at <= last.at => *entry = last,
            Some(_) => {}
            None if room => {
                self.credentials.insert(id, last);
            }
            None => return false,
        }
        true
    }

    pub(crate) fn key(&mut self, id: (OrgId, KeyId), at: DateTime<Utc>) -> bool {
        let room = self.len() < MAX_ENTRIES;
        match self.keys.get_mut(&id) {
            Some(entry) => *entry = at.max(*entry),
            None if room => {
                self.keys.insert(id, at);
            }
            None => return false,
        }
        true
    }
}

impl From<LastUsedEntries> for LastUsedTimes {
    fn from(entries: LastUsedEntries) -> Self {
        let credentials = entries.credentials.into_iter();
        let credentials = credentials.map(|((org, id), last)| (OrgScope::new(org), id, last));
        let mut credentials: Vec<_> = credentials.collect();
        credentials.sort_unstable_by_key(|(scope, id, _)| (scope.org(), *id));
        let keys = entries.keys.into_iter();
        let mut keys: Vec<_> = keys
            .map(|((org, id), at)| (OrgScope::new(org), id, at))
            .collect();
        keys.sort_unstable_by_key(|(scope, id, _)| (scope.org(), *id));
        Self { credentials, keys }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> LastUsed {
        LastUsed {
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
            by: None,
        }
    }

    #[test]
    fn the_latest_time_is_kept_in_any_order() {
        let id = (OrgId(Uuid::nil()), CredentialId(Uuid::nil()));
        let mut entries = LastUsedEntries::default();
        for seconds in [2, 3, 1] {
            assert!(entries.credential(id, at(seconds)));
        }
        assert_eq!(entries.credentials[&id], at(3));
    }

    #[test]
    fn a_full_buffer_still_updates_known_entries() {
        let mut entries = LastUsedEntries::default();
        let id = |n: usize| (OrgId(Uuid::nil()), CredentialId(Uuid::from_u128(n as u128)));
        for n in 0..MAX_ENTRIES {
            assert!(entries.credential(id(n), at(1)));
        }
        assert!(!entries.credential(id(MAX_ENTRIES), at(1)));
        assert!(entries.credential(id(0), at(2)));
        assert_eq!(entries.len(), MAX_ENTRIES);
    }
}
