//! Listing of credentials for operators.

use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::credential::{CredentialFilter, CredentialPage, Page, PageStart};
use crate::credential_order::{CredentialOrder, ListPlace};
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::vault::Vault;

/// The number of rows per page.
const PAGE: i64 = 1000;

impl Vault {
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
