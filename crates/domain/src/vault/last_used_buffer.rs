//! Last-used times since the last flush.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::ids::{CredentialId, KeyId, OrgId};
use crate::last_used::LastUsed;

/// Most uses that wait to be kept, about 20 MB, and as much again while they are written; beyond it further credentials and
/// keys are not noted.
pub(crate) const MAX_WAITING: usize = 200_000;

/// Uses since the last flush, each credential and key once. Noting one costs a lock and a map's entry, so that
/// a request does not wait for it.
#[derive(Default)]
pub(super) struct LastUsedBuffer(Mutex<Noted>);

#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) credentials: HashMap<(OrgId, CredentialId), LastUsed>,
    pub(crate) keys: HashMap<(OrgId, KeyId), DateTime<Utc>>,
}

impl LastUsedBuffer {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    pub(super) fn len(&self) -> usize {
        self.credentials.len() + self.keys.len()
    }

    /// Whether it was noted: a known one always is.
    pub(crate) fn credential(&mut self, id: (OrgId, CredentialId), last: LastUsed) -> bool {
        let room = self.len() < MAX_WAITING;
        match self.credentials.get_mut(&id) {
            Some(noted) if noted.at <= last.at => *noted = last,
            Some(_) => {}
            None if room => {
                self.credentials.insert(id, last);
            }
            None => return false,
        }
        true
    }

    pub(crate) fn key(&mut self, id: (OrgId, KeyId), at: DateTime<Utc>) -> bool {
        let room = self.len() < MAX_WAITING;
        match self.keys.get_mut(&id) {
            Some(noted) => *noted = at.max(*noted),
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

    fn at(seconds: i64) -> LastUsed {
        LastUsed {
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
            by: None,
        }
    }

    #[test]
    fn the_latest_use_counts_whatever_the_order() {
        let id = (OrgId(Uuid::nil()), CredentialId(Uuid::nil()));
        let mut noted = Noted::default();
        for seconds in [2, 3, 1] {
            assert!(noted.credential(id, at(seconds)));
        }
        assert_eq!(noted.credentials[&id], at(3));
    }

    #[test]
    fn a_full_log_still_takes_what_it_knows() {
        let mut noted = Noted::default();
        let id = |n: usize| (OrgId(Uuid::nil()), CredentialId(Uuid::from_u128(n as u128)));
        for n in 0..MAX_WAITING {
            assert!(noted.credential(id(n), at(1)));
        }
        assert!(!noted.credential(id(MAX_WAITING), at(1)));
        assert!(noted.credential(id(0), at(2)));
        assert_eq!(noted.len(), MAX_WAITING);
    }
}
