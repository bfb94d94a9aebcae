//! An opened policy with its version.

use chrono::{DateTime, Utc};

use crate::caller::{Actor, Caller};
use crate::ids::KeyId;
use crate::relay::error::RelayError;
use crate::relay::policy::RelayPolicy;

/// A policy with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInfo {
    /// The policy.
    pub policy: RelayPolicy,
    /// Its version.
    pub version: i64,
    /// The time of the change.
    pub updated_at: DateTime<Utc>,
}

impl PolicyInfo {
    /// Checks that `caller` is among the keys of the policy.
    ///
    /// # Errors
    /// [`RelayError::NotAllowed`].
    pub(crate) fn allows_caller(&self, caller: &Caller) -> Result<(), RelayError> {
        let key = match caller.actor() {
            Actor::Key(id) | Actor::Client(id) => Some(id),
            Actor::Anonymous | Actor::Operator => None,
        };
        let is_listed = |keys: &Vec<KeyId>| key.is_some_and(|key| keys.contains(&key));
        match self.policy.keys.as_ref().is_none_or(is_listed) {
            true => Ok(()),
            false => Err(RelayError::NotAllowed("this key".into())),
        }
    }
}
