//! Last-used times of credentials and API keys.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::ids::{CredentialId, KeyId};
use crate::scope::OrgScope;

/// The maximum number of last-used times that wait to be stored. They take about 20 MB. Beyond it,
/// times of further credentials and keys are dropped.
pub(crate) const MAX_ENTRIES: usize = 200_000;

/// The last use of a credential: a reveal or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUsed {
    /// The time, in microseconds.
    pub at: DateTime<Utc>,
    /// The API key that used it; `None` for a caller without an API key.
    pub by: Option<KeyId>,
}

/// Last-used times to store, one per credential and key. To record a time takes a map entry, so it
/// does not delay the request.
#[derive(Debug, Default)]
pub struct LastUsedTimes {
    /// Last-used times of credentials.
    pub credentials: HashMap<(OrgScope, CredentialId), LastUsed>,
    /// Last-used times of API keys.
    pub keys: HashMap<(OrgScope, KeyId), DateTime<Utc>>,
}

impl LastUsedTimes {
    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.credentials.len() + self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records the use of a credential. Returns `false` if there are too many entries; known ones
    /// are always updated.
    pub(crate) fn credential(&mut self, id: (OrgScope, CredentialId), last: LastUsed) -> bool {
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

    /// As [`Self::credential`], for an API key.
    pub(crate) fn key(&mut self, id: (OrgScope, KeyId), at: DateTime<Utc>) -> bool {
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::ids::OrgId;

    fn at(seconds: i64) -> LastUsed {
        LastUsed {
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
            by: None,
        }
    }

    #[test]
    fn the_latest_time_is_kept_in_any_order() {
        let id = (OrgScope::new(OrgId(Uuid::nil())), CredentialId(Uuid::nil()));
        let mut entries = LastUsedTimes::default();
        for seconds in [2, 3, 1] {
            assert!(entries.credential(id, at(seconds)));
        }
        assert_eq!(entries.credentials[&id], at(3));
    }

    #[test]
    fn a_full_buffer_still_updates_known_entries() {
        let mut entries = LastUsedTimes::default();
        let id = |n: usize| {
            (
                OrgScope::new(OrgId(Uuid::nil())),
                CredentialId(Uuid::from_u128(n as u128)),
            )
        };
        for n in 0..MAX_ENTRIES {
            assert!(entries.credential(id(n), at(1)));
        }
        assert!(!entries.credential(id(MAX_ENTRIES), at(1)));
        assert!(entries.credential(id(0), at(2)));
        assert_eq!(entries.len(), MAX_ENTRIES);
    }
}
