//! A credential that was revealed a moment ago.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::credential::StoredCredential;
use crate::last_used::LastUsed;
use crate::vault::row_cache::Cached;

/// A credential that was revealed a moment ago, as it is sealed.
pub(super) struct KnownCredential {
    pub(super) row: Arc<StoredCredential>,
    /// Its last use by this server, or that of the row.
    last_used: Mutex<Option<LastUsed>>,
}

impl KnownCredential {
    pub(super) fn new(row: Arc<StoredCredential>) -> Self {
        let last_used = Mutex::new(row.last_used);
        Self { row, last_used }
    }

    /// Notes a use by this server.
    pub(super) fn used(&self, last_used: LastUsed) {
        let mut known = self.last_used.lock();
        if known.is_none_or(|known| known.at < last_used.at) {
            *known = Some(last_used);
        }
    }

    /// The last use that is known.
    pub(super) fn last_used(&self) -> Option<LastUsed> {
        *self.last_used.lock()
    }
}

impl Cached for KnownCredential {
    fn bytes(&self) -> usize {
        self.row.sealed.sealed_blob.len()
    }
}
