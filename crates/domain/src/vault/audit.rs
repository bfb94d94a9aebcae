//! Reading and exporting the audit trail.

use strongroom_crypto::Signer;

use crate::audit::event::{Action, Event};
use crate::audit::heads::LaneHead;
use crate::audit::signed::SignedHeads;
use crate::audit::stored::{AuditFilter, AuditPage, EventPlace, StoredEvent};
use crate::caller::{Caller, OrgScope, Permission};
use crate::error::VaultError;
use crate::vault::Vault;

/// Rows that are fetched at a time.
pub(super) const PAGE: i64 = 1000;

/// An export under way: what is left of an organization's events, oldest first.
#[derive(Debug)]
pub struct AuditExport {
    scope: OrgScope,
    filter: AuditFilter,
    after: Option<EventPlace>,
    done: bool,
}

impl AuditExport {
    pub(super) fn new(scope: OrgScope, filter: AuditFilter) -> Self {
        Self {
            scope,
            filter,
            after: None,
            done: false,
        }
    }
}

impl Vault {
    /// A page of `limit` events of the caller's organization that match `filter`, newest first, after `after`.
    /// Reading is recorded before this returns.
    ///
    /// Events are in the order of the requests' times. An event that commits late can therefore appear behind
    /// a page that was read already; no event appears twice.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or the store's failure.
    pub async fn list_audit_events(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        after: Option<EventPlace>,
        limit: i64,
    ) -> Result<AuditPage, VaultError> {
        caller.require(Permission::ReadAudit)?;
        let scope = caller.scope();
        // One more than asked for tells whether there is a next page.
        let more = limit.saturating_add(1);
        let mut items = self.store.audit_newest(scope, filter, after, more).await?;
        self.record_reading(caller).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let another = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| another).map(StoredEvent::place);
        Ok(AuditPage { items, next })
    }

    /// Begins to export the caller's organization's events between the filter's times; the other members of
    /// `filter` do not count. The export is recorded before this returns.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or the store's failure.
    pub async fn export_audit(
        &self,
        caller: &Caller,
        filter: AuditFilter,
    ) -> Result<AuditExport, VaultError> {
        caller.require(Permission::ReadAudit)?;
        self.record_reading(caller).await?;
        Ok(AuditExport::new(caller.scope(), filter))
    }

    /// The next events of `export`; none when it is complete.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn exported(&self, export: &mut AuditExport) -> Result<Vec<StoredEvent>, VaultError> {
        if export.done {
            return Ok(Vec::new());
        }
        let page = self
            .store
            .audit_oldest(export.scope, &export.filter, export.after, PAGE)
            .await?;
        export.after = page.last().map(StoredEvent::place);
        export.done = page.is_empty();
        Ok(page)
    }

    /// The heads of all lanes of the caller's organization, signed, to be kept where nobody who can write to
    /// the database can write: against them a lane that was cut off later is found.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or the store's failure.
    pub async fn audit_heads(&self, caller: &Caller) -> Result<SignedHeads, VaultError> {
        caller.require(Permission::ReadAudit)?;
        let at = self.now();
        let mut heads: Vec<LaneHead> = Vec::new();
        loop {
            let after = heads.last().map(|head| head.lane);
            let page = self.store.audit_heads(caller.scope(), after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            heads.extend(page);
        }
        let signer = Signer::new(&self.service.audit_signing);
        Ok(SignedHeads::sign(&signer, caller.org(), at, heads))
    }

    async fn record_reading(&self, caller: &Caller) -> Result<(), VaultError> {
        let event = Event::by(caller, Action::AuditList, self.now());
        Ok(self.store.record(caller.scope(), event).await?)
    }
}
