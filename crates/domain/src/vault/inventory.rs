//! Credentials without their secrets: one of them, and lists for operators.

use crate::audit::event::{Action, Event, Outcome};
use crate::caller::Caller;
use crate::credential::{CredentialFilter, CredentialInfo, CredentialPage, Page, PageStart};
use crate::credential_order::{CredentialOrder, ListPlace};
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::vault::Vault;

/// The number of rows per page.
const PAGE: i64 = 1000;

impl Vault {
    /// A credential without its secret. Recorded as a list of this credential.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], or an error of the store.
    pub async fn credential_info(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<CredentialInfo, VaultError> {
        caller.require(Permission::CredentialsList)?;
        self.refuse_stale_reads()?;
        let event = Event::by(caller, Action::CredentialList, self.now()).about(id);
        let found = self.store.credential(caller.scope(), id).await;
        let found = self.log_failure(caller.org(), found.map_err(VaultError::from))?;
        let Some(stored) = found.filter(|stored| caller.reaches(&stored.sealed)) else {
            let event = event.with_outcome(Outcome::NotFound);
            self.store.record(caller.scope(), event).await?;
            return Err(VaultError::NotFound);
        };
        self.store.record(caller.scope(), event).await?;
        let etag = self.chain.entity_tag(caller.org(), &stored.sealed);
        let mut info = stored.sealed.info(caller.org(), Some(etag));
        info.last_used = stored.last_used;
        Ok(info)
    }

    /// Lists a page of the credentials of the caller's organization after `after`, with their
    /// last-used times and without their secrets, for the operator. Each page is recorded as a
    /// list.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if there is no such organization, or an
    /// error of the store.
    pub async fn inspect_credentials(
        &self,
        caller: &Caller,
        after: Option<CredentialId>,
    ) -> Result<CredentialPage, VaultError> {
        caller.require_operator()?;
        let scope = caller.scope();
        self.require_organization(caller).await?;
        let page = Page {
            limit: PAGE,
            start: PageStart::After(after.map(ListPlace::created)),
            order: CredentialOrder::Created,
        };
        let filter = CredentialFilter::default();
        let listed = self.store.list_credentials(scope, page, filter).await?;
        let event = Event::by(caller, Action::CredentialList, self.now());
        self.store.record(scope, event).await?;
        Ok(listed)
    }
}
