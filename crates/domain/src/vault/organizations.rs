use super::Vault;
use crate::audit::{Action, Event};
use crate::caller::{Caller, Permission, RequestInfo};
use crate::organization::{Organization, check_name};
use crate::{OrgId, VaultError};

impl Vault {
    /// Creates an organisation with a key of its own. Only the operator may.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `name`, or the store's failure.
    pub async fn create_organization(
        &self,
        name: &str,
        request: RequestInfo,
    ) -> Result<Organization, VaultError> {
        check_name(name).map_err(|error| VaultError::Invalid(vec![error]))?;
        let now = self.now();
        let organization = Organization {
            id: OrgId::new(now, &*self.random)?,
            name: name.to_owned(),
            created_at: now,
        };
        let caller = Caller::operator(organization.id, request);
        caller.require(Permission::ManageOrganization)?;
        let key = self.root.new_org_key(organization.id, 1, &*self.random)?;
        let event = Event::by(&caller, Action::OrganizationCreate, now);
        self.store
            .create_organization(caller.scope(), organization.clone(), key, event)
            .await?;
        Ok(organization)
    }

    /// All organisations, oldest first.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn organizations(&self) -> Result<Vec<Organization>, VaultError> {
        Ok(self.store.organizations().await?)
    }
}
