//! Listing and exporting the audit trail.

use strongroom_crypto::Signer;

use crate::audit::event::{Action, Event};
use crate::audit::heads::LaneHead;
use crate::audit::signed::SignedHeads;
use crate::audit::stored::{AuditFilter, AuditPage, EventPosition, StoredEvent, StoredTime};
use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::permission::Permission;
use crate::vault::Vault;

/// The number of rows per query.
pub(super) const PAGE: i64 = 1000;

/// About how many events a search compares with its filter.
const SEARCHED: i64 = 15_000;

/// A running export of an organization's events, oldest first.
#[derive(Debug)]
pub struct AuditExport {
    scope: OrgScope,
    filter: AuditFilter,
    after: Option<EventPosition>,
}

impl AuditExport {
    pub(super) fn new(scope: OrgScope, filter: AuditFilter) -> Self {
        Self {
            scope,
            filter,
            after: None,
        }
    }
}

impl Vault {
    /// Records that a command verified the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn record_verification(&self, caller: &Caller) -> Result<(), VaultError> {
        caller.require_operator()?;
        self.record_action(caller, Action::IntegrityVerify).await
    }

    /// Records that `caller` performed `action`, if events of the current format have it.
    pub(super) async fn record_action(
        &self,
        caller: &Caller,
        action: Action,
    ) -> Result<(), VaultError> {
        let event = Event::by(caller, action, self.now());
        Ok(self.store.record(caller.scope(), event).await?)
    }

    /// Lists `limit` events of the caller's organization that match `filter`, newest first, after
    /// `after`. The access is recorded before this returns.
    ///
    /// Events are ordered by the times of their requests. An event that commits late can therefore
    /// belong before a page that was already read. No event occurs twice.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn list_audit_events(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> Result<AuditPage, VaultError> {
        caller.require(Permission::AuditRead)?;
        let scope = caller.scope();
        // One row more than `limit` shows whether there is a next page.
        let more = limit.saturating_add(1);
        let mut items = self.store.audit_newest(scope, filter, after, more).await?;
        self.record_action(caller, Action::AuditList).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let another = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| another).map(StoredEvent::position);
        Ok(AuditPage {
            items,
            next,
            searched_to: None,
        })
    }

    /// The same, in a bounded time: about 15,000 events are compared with the filter. A page may
    /// have fewer than `limit` events, or none, although others follow.
    ///
    /// # Errors
    /// As for [`Self::list_audit_events`].
    pub async fn search_audit_events(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> Result<AuditPage, VaultError> {
        caller.require(Permission::AuditRead)?;
        let scope = caller.scope();
        let oldest = match filter.is_indexed() {
            true => None,
            false => {
                let time = self.store.audit_time_before(scope, filter, after, SEARCHED);
                time.await?
            }
        };
        let since = oldest.and_then(StoredTime::time);
        let within = AuditFilter {
            since: since.or(filter.since),
            ..filter.clone()
        };
        let page = self
            .list_audit_events(caller, &within, after, limit)
            .await?;
        let oldest = oldest.filter(|_| since.is_some() && page.next.is_none());
        Ok(AuditPage {
            next: page.next.or(oldest.map(EventPosition::before)),
            searched_to: oldest,
            ..page
        })
    }

    /// Starts an export of the caller's organization's events that match `filter`. The export is
    /// recorded before this returns.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn export_audit(
        &self,
        caller: &Caller,
        filter: AuditFilter,
    ) -> Result<AuditExport, VaultError> {
        caller.require(Permission::AuditRead)?;
        self.record_action(caller, Action::AuditList).await?;
        Ok(AuditExport::new(caller.scope(), filter))
    }

    /// The next events of `export`, of which a page may have none; `None` at the end. Each call
    /// reads one page, in a bounded time.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn exported(
        &self,
        export: &mut AuditExport,
    ) -> Result<Option<Vec<StoredEvent>>, VaultError> {
        // The statement selects by time alone, so that each page is read in a bounded time.
        let mut page = self
            .store
            .audit_oldest(export.scope, &export.filter, export.after, PAGE)
            .await?;
        if page.is_empty() {
            return Ok(None);
        }
        export.after = page.last().map(StoredEvent::position);
        page.retain(|event| export.filter.has_members_of(event));
        Ok(Some(page))
    }

    /// The signed heads of all lanes of the caller's organization. They are to be stored outside
    /// the reach of anyone with write access to the database. They expose lanes that are truncated
    /// later.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn audit_heads(&self, caller: &Caller) -> Result<SignedHeads, VaultError> {
        caller.require(Permission::AuditRead)?;
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
}
