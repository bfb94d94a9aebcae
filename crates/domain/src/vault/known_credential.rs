//! A credential that was revealed a moment ago.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::credential::StoredCredential;
use crate::last_used::LastUsed;
use crate::vault::row_cache::Cached;

/// A credential that was revealed a moment ago, as it is sealed.
pub(super) struct KnownCredential {
    pub(super) row: Arc<StoredCredential>,
    /// Its last use by this server, of which the row may not have the time yet.
    last_used: Mutex<LastUsed>,
}

impl KnownCredential {
    pub(super) fn new(row: Arc<StoredCredential>, last_used: LastUsed) -> Self {
        Self {
            row,
            last_used: Mutex::new(last_used),
        }
    }

    /// Notes a use, and returns the one before it.
    pub(super) fn used(&self, last_used: LastUsed) -> LastUsed {
        std::mem::replace(&mut *self.last_used.lock(), last_used)
    }
}

impl Cached for KnownCredential {
    fn bytes(&self) -> usize {
        self.row.sealed.sealed_blob.len()
    }
}
