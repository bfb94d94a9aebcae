//! The tree of organizations: creation, listing and deletion of sub-organizations.

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::json;

use crate::ancestor::{Ancestor, MAX_ANCESTORS};
use crate::api_key::limits::{KeyLimits, OrganizationReach};
use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::{Caller, OrgScope};
use crate::error::{Conflict, VaultError};
use crate::ids::OrgId;
use crate::organization::{Holdings, NewOrganization, Organization, Subtree, check_name};
use crate::permission::{Permission, Role};
use crate::ports::error::StoreError;
use crate::ports::organizations::SuborganizationEvents;
use crate::record_format::TENANTS;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::keys::{IssuedApiKey, NewApiKey};
use crate::vault::replication::PendingReplication;

/// The number of organizations whose rows are read with one statement.
const READ_TOGETHER: usize = 1000;
/// The number of organizations that are deleted at the same time. Their writes share transactions.
const DELETED_TOGETHER: usize = 64;

impl Vault {
    /// Creates a sub-organization of the caller's organization, with its encryption key and its
    /// first API key, in one transaction. The key holds no more than the caller does.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Invalid`] on `name`, [`VaultError::Conflict`] if
    /// the caller's organization has as many ancestors as possible, or an error of the store.
    pub async fn create_suborganization(
        &self,
        caller: &Caller,
        name: &str,
        level: Level,
    ) -> Result<PendingReplication<(Organization, IssuedApiKey)>, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        check_name(name).map_err(|error| VaultError::Invalid(vec![error]))?;
        self.require_record_format(TENANTS)?;
        let mut organization = self.new_organization(name)?;
        organization.parent = Some(caller.org());
        let ancestors = self
            .ancestors_below(caller.scope(), organization.id)
            .await?;
        let acting = caller.clone().acting_in(organization.id);
        let issued = self.issue(organization.id, first_key(caller))?;
        let mut own = vec![self.creation_event(&acting, &organization)];
        own.extend(self.first_settings(&acting, organization.created_at));
        own.push(self.key_event(&acting, &issued.stored));
        let events = SuborganizationEvents {
            own: (acting.scope(), own),
            of_parent: Event::by(
                caller,
                Action::SuborganizationCreate,
                organization.created_at,
            )
            .with_details(Details::new([("organization", json!(organization.id))])),
        };
        let new = NewOrganization {
            key: self.root().new_org_key(organization.id, 1, &*self.random)?,
            ancestors,
            organization: organization.clone(),
            api_key: Some(issued.stored.clone()),
        };
        let scope = caller.scope();
        let created = self.tracked(caller, level, (organization, issued), |operation| {
            self.store
                .create_suborganization(scope, new, operation, events)
        });
        created.await
    }

    /// The caller's organization.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] if it does not exist, or an error of the store.
    pub async fn organization(&self, caller: &Caller) -> Result<Organization, VaultError> {
        let found = self.store.organization(caller.scope()).await?;
        found.ok_or(VaultError::NotFound)
    }

    /// The descendants of the caller's organization that are not destroyed, oldest first.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if one is a descendant only according to an altered row, or an
    /// error of the store.
    pub async fn descendants(&self, caller: &Caller) -> Result<Vec<Organization>, VaultError> {
        let scopes: Vec<_> = self
            .descendant_ids(caller.scope())
            .await?
            .into_iter()
            .map(|(id, _)| OrgScope::new(id))
            .collect();
        let mut found = Vec::with_capacity(scopes.len());
        for scopes in scopes.chunks(READ_TOGETHER) {
            found.extend(self.store.organizations_of(scopes).await?);
        }
        found.retain(|organization| organization.destroyed_at.is_none());
        found.sort_by_key(|organization| (organization.created_at, organization.id));
        Ok(found)
    }

    /// The caller's organization with all those below it, as a deletion of the subtree finds them.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] without `organizations:manage`, [`VaultError::Integrity`] as for
    /// [`Self::descendants`], or an error of the store.
    pub async fn subtree(&self, caller: &Caller) -> Result<Subtree, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        let below = self.live_descendants(caller).await?;
        let scopes = below.iter().map(|(id, _)| OrgScope::new(*id));
        let scopes: Vec<_> = scopes.chain([caller.scope()]).collect();
        let mut all = Holdings::default();
        for scopes in scopes.chunks(READ_TOGETHER) {
            let some = self.store.holdings(scopes, Subtree::COUNTED).await?;
            let sum = |one: i64, other: i64| (one + other).min(Subtree::COUNTED);
            all = Holdings {
                credentials: sum(all.credentials, some.credentials),
                api_keys: sum(all.api_keys, some.api_keys),
                clients: sum(all.clients, some.clients),
            };
        }
        Ok(Subtree {
            below: below.len(),
            holdings: all,
        })
    }

    /// Deletes the descendants of the caller's organization, the deepest first.
    pub(super) async fn delete_descendants(
        &self,
        caller: &Caller,
        grace: chrono::TimeDelta,
    ) -> Result<(), VaultError> {
        let live: Vec<_> = self.live_descendants(caller).await?;
        let deepest = live.iter().map(|(_, distance)| *distance).max();
        for depth in (1..=deepest.unwrap_or(0)).rev() {
            let at_depth = live.iter().filter(|(_, distance)| *distance == depth);
            let deletions = at_depth.map(|(id, _)| {
                let acting = caller.clone().acting_in(*id);
                async move { self.delete_one(&acting, grace, Level::LocalRegion).await }
            });
            let deletions: Vec<_> = deletions.collect();
            let mut deletions = stream::iter(deletions).buffer_unordered(DELETED_TOGETHER);
            while let Some(deleted) = deletions.next().await {
                match deleted {
                    // A concurrent request was first.
                    Ok(_) | Err(VaultError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The descendants that are not deleted, with their distances.
    pub(super) async fn live_descendants(
        &self,
        caller: &Caller,
    ) -> Result<Vec<(OrgId, i16)>, VaultError> {
        let ids = self.descendant_ids(caller.scope()).await?;
        let live: std::collections::HashSet<_> = self
            .descendants(caller)
            .await?
            .into_iter()
            .filter(|organization| organization.deleted_at.is_none())
            .map(|organization| organization.id)
            .collect();
        Ok(ids
            .into_iter()
            .filter(|(id, _)| live.contains(id))
            .collect())
    }

    /// Deletes the caller's organization, unless it has sub-organizations that are not deleted.
    pub(super) async fn delete_one(
        &self,
        caller: &Caller,
        grace: chrono::TimeDelta,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        let children = self.descendant_ids(caller.scope()).await?;
        let children = children.iter().filter(|(_, distance)| *distance == 1);
        let children = i64::try_from(children.count()).unwrap_or(i64::MAX);
        let (destroy_after, event) = self.deletion(caller, grace).await?;
        let operation = self.track(caller, level, None)?.operation;
        let scope = caller.scope();
        let deleted =
            self.store
                .delete_organization(scope, destroy_after, children, operation, event);
        match deleted.await {
            // A sub-organization was created since.
            Err(StoreError::Conflict) => Err(VaultError::Conflict(Conflict::HasSuborganizations)),
            other => Ok(self.pending_replication((), level, operation, other?)),
        }
    }

    /// Checks that a deleted organization's parent is not deleted.
    pub(super) async fn require_live_parent(&self, scope: OrgScope) -> Result<(), VaultError> {
        let Some(parent) = self.proved_ancestors(scope).await?.into_iter().next() else {
            return Ok(());
        };
        let parent = self.store.organization(OrgScope::new(parent.id)).await?;
        match parent.is_some_and(|parent| parent.deleted_at.is_none()) {
            true => Ok(()),
            false => Err(VaultError::Conflict(Conflict::ParentDeleted)),
        }
    }

    /// The ancestors of the organization of `scope`, the parent first.
    pub(super) async fn proved_ancestors(
        &self,
        scope: OrgScope,
    ) -> Result<Vec<Ancestor>, VaultError> {
        let ancestors = self.store.ancestors(scope).await?;
        let is_proved = |row: &Ancestor| row.is_proved(&self.service.api_key, scope.org());
        match ancestors.iter().all(is_proved) {
            true => Ok(ancestors),
            false => Err(VaultError::Integrity(
                "the ancestors of an organization were altered",
            )),
        }
    }

    /// The ancestors of the new organization `id` below that of `parent`.
    async fn ancestors_below(
        &self,
        parent: OrgScope,
        id: OrgId,
    ) -> Result<Vec<Ancestor>, VaultError> {
        let further = self.proved_ancestors(parent).await?;
        if further.len() >= MAX_ANCESTORS {
            return Err(VaultError::Conflict(Conflict::TooDeep));
        }
        let further = further.into_iter().map(|row| (row.id, row.distance + 1));
        let key = &self.service.api_key;
        Ok([(parent.org(), 1)]
            .into_iter()
            .chain(further)
            .map(|(ancestor, distance)| Ancestor::new(key, id, ancestor, distance))
            .collect())
    }

    async fn descendant_ids(&self, scope: OrgScope) -> Result<Vec<(OrgId, i16)>, VaultError> {
        let rows = self.store.descendants(scope).await?;
        let proved = rows.into_iter().map(|(id, row)| {
            let proved = row.id == scope.org() && row.is_proved(&self.service.api_key, id);
            proved.then_some((id, row.distance))
        });
        proved
            .collect::<Option<_>>()
            .ok_or(VaultError::Integrity("the descendants were altered"))
    }
}

/// The first key of a new sub-organization: an admin's, within what the caller holds.
fn first_key(caller: &Caller) -> NewApiKey {
    let admin = KeyLimits::of_role(Role::Admin);
    let held = caller.limits();
    let is_operator = caller.require_operator().is_ok();
    let limits = match is_operator || held.permissions.covers(admin.permissions) {
        true => admin,
        false => KeyLimits::of_permissions(held.permissions.intersection(admin.permissions)),
    };
    NewApiKey {
        name: "first key".into(),
        limits: KeyLimits {
            credentials: held.credentials.clone(),
            networks: held.networks.clone(),
            organizations: OrganizationReach::Own,
            ..limits
        },
        expires_at: caller.expires_at(),
    }
}
