use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::Vault;
use crate::caller::{Actor, Caller, OrgScope, Permission};
use crate::last_use::{LastUse, Uses};
use crate::{CredentialId, KeyId, OrgId, VaultError};

/// Most uses that wait to be kept, about 20 MB, and as much again while they are written; beyond it further credentials and
/// keys are not noted.
const MAX_WAITING: usize = 200_000;

/// Uses since the last flush, each credential and key once. Noting one costs a lock and a map's entry, so that
/// a request does not wait for it.
#[derive(Default)]
pub(super) struct UseLog(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    credentials: HashMap<(OrgId, CredentialId), LastUse>,
    keys: HashMap<(OrgId, KeyId), DateTime<Utc>>,
}

impl UseLog {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn len(&self) -> usize {
        self.credentials.len() + self.keys.len()
    }

    /// Whether it was noted: a known one always is.
    fn credential(&mut self, id: (OrgId, CredentialId), last: LastUse) -> bool {
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

    fn key(&mut self, id: (OrgId, KeyId), at: DateTime<Utc>) -> bool {
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

/// What a flush took out of the log. It goes back unless it was kept: also when the flush is given up half-way.
struct Taken<'a> {
    vault: &'a Vault,
    noted: Noted,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.vault.note_again(std::mem::take(&mut self.noted));
    }
}

impl Vault {
    /// `caller` has revealed or changed the credential `id`.
    pub(super) fn note_use(&self, caller: &Caller, id: CredentialId) {
        let by = match caller.actor() {
            Actor::Key(key, _) => Some(key),
            Actor::Anonymous | Actor::Operator => None,
        };
        let last = LastUse { at: self.now(), by };
        if !self.uses.lock().credential((caller.org(), id), last) {
            self.counters.uses_dropped.add(1);
        }
    }

    /// The API key `id` has authenticated a request.
    pub(super) fn note_key_use(&self, org: OrgId, id: KeyId) {
        if !self.uses.lock().key((org, id), self.now()) {
            self.counters.uses_dropped.add(1);
        }
    }

    /// How many uses wait for [`Self::flush_uses`], as a share of the most that may, from 0 to 1.
    #[must_use]
    pub fn waiting_uses(&self) -> f64 {
        self.uses.lock().len() as f64 / MAX_WAITING as f64
    }

    /// Keeps the uses noted since the last flush. After a failure they wait for the next one.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn flush_uses(&self) -> Result<(), VaultError> {
        let mut taken = Taken {
            vault: self,
            noted: std::mem::take(&mut *self.uses.lock()),
        };
        let noted = &taken.noted;
        if noted.len() == 0 {
            return Ok(());
        }
        let uses = Uses {
            credentials: noted
                .credentials
                .iter()
                .map(|((org, id), last)| (OrgScope::new(*org), *id, *last))
                .collect(),
            keys: noted
                .keys
                .iter()
                .map(|((org, id), at)| (OrgScope::new(*org), *id, *at))
                .collect(),
        };
        self.store.keep_uses(uses).await?;
        taken.noted = Noted::default();
        Ok(())
    }

    fn note_again(&self, noted: Noted) {
        let mut log = self.uses.lock();
        let mut dropped = 0;
        for (id, last) in noted.credentials {
            dropped += u64::from(!log.credential(id, last));
        }
        for (id, at) in noted.keys {
            dropped += u64::from(!log.key(id, at));
        }
        self.counters.uses_dropped.add(dropped);
    }

    /// When each API key of the caller's organization was last used; those never used are left out. At most as
    /// old as the servers' flush interval.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or the store's failure.
    pub async fn key_uses(
        &self,
        caller: &Caller,
    ) -> Result<HashMap<KeyId, DateTime<Utc>>, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        Ok(self.store.key_uses(caller.scope()).await?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> LastUse {
        LastUse {
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
