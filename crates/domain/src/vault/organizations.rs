//! Creation, deletion, restoration and destruction of organizations.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::stored::format_time;
use crate::caller::{Actor, Caller, RequestInfo};
use crate::error::{Conflict, Denial, FieldError, VaultError};
use crate::ids::OrgId;
use crate::organization::{DEFAULT_GRACE, NewOrganization, Organization, check_name};
use crate::permission::Permission;
use crate::ports::audit::StateEvents;
use crate::record_format::TENANTS;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;
use crate::vault::state_events::{is_about_deletion, member};

impl Vault {
    /// Creates an organization with its first key. Only for the operator.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `name`, or an error of the store.
    pub async fn create_organization(
        &self,
        name: &str,
        request: RequestInfo,
    ) -> Result<Organization, VaultError> {
        check_name(name).map_err(|error| VaultError::Invalid(vec![error]))?;
        let organization = self.new_organization(name)?;
        let caller = Caller::operator(organization.id, request);
        let event = self.creation_event(&caller, &organization);
        let new = NewOrganization {
            key: self.root().new_org_key(organization.id, 1, &*self.random)?,
            organization: organization.clone(),
            ancestors: Vec::new(),
            api_key: None,
        };
        let mut events = vec![event];
        events.extend(self.first_settings(&caller, organization.created_at));
        self.store
            .create_organization(caller.scope(), new, events)
            .await?;
        Ok(organization)
    }

    pub(super) fn new_organization(&self, name: &str) -> Result<Organization, VaultError> {
        let now = self.now();
        Ok(Organization {
            id: OrgId::new(now, &*self.random)?,
            name: name.to_owned(),
            parent: None,
            created_at: now,
            deleted_at: None,
            destroy_after: None,
            destroyed_at: None,
        })
    }

    pub(super) fn creation_event(&self, caller: &Caller, organization: &Organization) -> Event {
        let format = self.chain.record_format();
        let details = Details::new([("generation", json!(1)), ("record_format", json!(format))]);
        Event::by(caller, Action::OrganizationCreate, organization.created_at).with_details(details)
    }

    /// Lists all organizations, oldest first.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn organizations(&self) -> Result<Vec<Organization>, VaultError> {
        Ok(self.store.organizations().await?)
    }

    /// The ids of all organizations, in their order, which is about that of their creation. They
    /// take less memory than [`Self::organizations`].
    ///
    /// # Errors
    /// An error of the store.
    pub async fn organization_ids(&self) -> Result<Vec<OrgId>, VaultError> {
        Ok(self.store.organization_ids().await?)
    }

    /// Lists deleted and destroyed organizations, oldest first.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn deleted_organizations(&self) -> Result<Vec<Organization>, VaultError> {
        Ok(self.store.deleted_organizations().await?)
    }

    /// Deletes the caller's organization, with `subtree` also all its descendants. Their API keys
    /// are refused from now on. Their keys are destroyed after `grace`; before that,
    /// [`Self::restore_organization`] can restore each.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] also if the caller is neither the operator nor of an ancestor,
    /// [`VaultError::Conflict`] if it is a root organization or has sub-organizations,
    /// [`VaultError::NotFound`] if it does not exist or is already deleted. After an error, some
    /// descendants may be deleted; a repetition deletes the rest.
    pub async fn delete_organization(
        &self,
        caller: &Caller,
        grace: TimeDelta,
        subtree: bool,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        self.require_ancestor(caller).await?;
        if subtree {
            self.delete_descendants(caller, grace).await?;
        } else if !self.live_descendants(caller).await?.is_empty() {
            return Err(VaultError::Conflict(Conflict::HasSuborganizations));
        }
        let deleted = self.delete_one(caller, grace, level).await?;
        // Other servers follow their notification; here, the next request is refused already.
        self.keys.clear();
        Ok(deleted)
    }

    // A key cannot delete or restore its own organization.
    async fn require_ancestor(&self, caller: &Caller) -> Result<(), VaultError> {
        if caller.home() != caller.org() || caller.actor() == Actor::Operator {
            return Ok(());
        }
        let refused = match self.proved_ancestors(caller.scope()).await?.is_empty() {
            true => VaultError::Conflict(Conflict::RootOrganization),
            false => VaultError::Forbidden(Denial::Ancestor),
        };
        self.permit(caller, Err(refused)).await
    }

    /// The time of destruction and the event of a deletion of the caller's organization.
    pub(super) async fn deletion(
        &self,
        caller: &Caller,
        grace: TimeDelta,
    ) -> Result<(DateTime<Utc>, Event), VaultError> {
        let now = self.deletion_time(caller.scope()).await?;
        let destroy_after = now + grace;
        let details = Details::new([("destroy_after", json!(format_time(destroy_after)))]);
        let event = Event::by(caller, Action::OrganizationDelete, now).with_details(details);
        Ok((destroy_after, event))
    }

    /// Checks that the deletion of a whole subtree was confirmed at the time `at`: 10 to 60 seconds
    /// ago, so that no prepared or repeated request deletes it.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `confirmation_timestamp`.
    pub fn check_confirmation(&self, at: Option<DateTime<Utc>>) -> Result<(), VaultError> {
        let age = at.map(|at| self.now() - at);
        let allowed = TimeDelta::seconds(10)..=TimeDelta::seconds(60);
        if age.is_some_and(|age| allowed.contains(&age)) {
            return Ok(());
        }
        let message = "must lie 10 to 60 seconds in the past";
        let error = FieldError::new("confirmation_timestamp", "out_of_range", message);
        Err(VaultError::Invalid(vec![error]))
    }

    /// Changes the name of the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Invalid`] on `name`, [`VaultError::NotFound`] if it
    /// does not exist or is deleted, or an error of the store.
    pub async fn rename_organization(
        &self,
        caller: &Caller,
        name: &str,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        self.require_record_format(TENANTS)?;
        check_name(name).map_err(|error| VaultError::Invalid(vec![error]))?;
        let details = Details::new([("name", json!(name))]);
        let event = Event::by(caller, Action::OrganizationUpdate, self.now());
        let (scope, event) = (caller.scope(), event.with_details(details));
        let renamed = self.tracked(caller, level, (), |operation| {
            self.store
                .rename_organization(scope, name.to_owned(), operation, event)
        });
        renamed.await
    }

    /// Restores the caller's deleted organization. Its parent is restored first.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] also if the caller is neither the operator nor of an ancestor,
    /// [`VaultError::Conflict`] if the parent is deleted, [`VaultError::NotFound`] if the
    /// organization is not deleted, or already destroyed.
    pub async fn restore_organization(
        &self,
        caller: &Caller,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        self.require_ancestor(caller).await?;
        self.require_live_parent(caller.scope()).await?;
        let at = self.deletion_time(caller.scope()).await?;
        let event = Event::by(caller, Action::OrganizationRestore, at);
        let scope = caller.scope();
        let restored = self.tracked(caller, level, (), |operation| {
            self.store.restore_organization(scope, operation, event)
        });
        let restored = restored.await?;
        self.keys.clear();
        Ok(restored)
    }

    /// Destroys the keys of the caller's deleted organization, and then its rows: immediately with
    /// `at_once`, otherwise only if its grace period has ended. The audit trail is kept.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] if it is not deleted, or its grace period has not ended.
    pub async fn destroy_organization(
        &self,
        caller: &Caller,
        at_once: bool,
    ) -> Result<(), VaultError> {
        caller.require_operator()?;
        let scope = caller.scope();
        let organization = self.store.organization(scope).await?;
        let organization = organization.filter(|organization| organization.deleted_at.is_some());
        let organization = organization.ok_or(VaultError::NotFound)?;
        if organization.destroyed_at.is_none() {
            if !at_once && self.destruction_time(caller, &organization).await? > self.now() {
                return Err(VaultError::NotFound);
            }
            let event = Event::by(caller, Action::OrganizationDestroy, self.now());
            self.store
                .destroy_organization(scope, at_once, event)
                .await?;
        }
        Ok(self.store.remove_rows(scope).await?)
    }

    // Destruction cannot be undone, so the time comes from the audit trail, not from the row alone,
    // which the servers' role can write.
    pub(super) async fn destruction_time(
        &self,
        caller: &Caller,
        organization: &Organization,
    ) -> Result<DateTime<Utc>, VaultError> {
        let time = |time: Option<DateTime<Utc>>| json!(time.map(format_time));
        let (deleted_at, stored) = (organization.deleted_at, organization.destroy_after);
        let events = self.state_events(caller.scope(), StateEvents::Deletions);
        let newest = events.await?.into_iter().find(is_about_deletion);
        let deletion = newest.filter(|event| match event.action {
            Action::OrganizationDelete => deleted_at == Some(event.at),
            Action::OrganizationAttest => member(event, "deleted_at") == time(deleted_at),
            _ => false,
        });
        let deletion = deletion.ok_or(VaultError::Integrity(
            "the deletion of an organization is not the one in its audit trail",
        ))?;
        if deletion.details.is_none() {
            // The event of an earlier version does not have the time.
            let earliest = deletion.at + DEFAULT_GRACE;
            return Ok(stored.map_or(earliest, |stored| stored.max(earliest)));
        }
        let stored = stored.filter(|_| member(&deletion, "destroy_after") == time(stored));
        stored.ok_or(VaultError::Integrity(
            "the time of an organization's destruction is not the one in its audit trail",
        ))
    }
}
