//! The port for organizations, their keys and their ancestors.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::ancestor::Ancestor;
use crate::api_key::StoredApiKey;
use crate::api_key::end::ScheduledEnd;
use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::ids::{KeyId, OrgId};
use crate::keyring::stored::StoredOrgKey;
use crate::organization::{Holdings, NewOrganization, Organization};
use crate::ports::committed::Committed;
use crate::ports::error::StoreResult;
use crate::replication::OperationId;

/// Organizations, their encryption keys and their API keys. Every write commits together with its
/// audit event.
#[async_trait]
pub trait OrganizationStore: Send + Sync {
    /// Creates an organization with its first key, and records `events`.
    async fn create_organization(
        &self,
        scope: OrgScope,
        new: NewOrganization,
        events: Vec<Event>,
    ) -> StoreResult<()>;
    /// Creates a sub-organization of `parent` as well, with its first API key.
    ///
    /// # Errors
    /// `StoreError::OrganizationGone` when the parent is deleted.
    async fn create_suborganization(
        &self,
        parent: OrgScope,
        new: NewOrganization,
        operation: Option<OperationId>,
        events: SuborganizationEvents,
    ) -> StoreResult<Committed>;
    /// The row that makes `ancestor` an ancestor of the organization, and whether the organization
    /// is deleted; `None` if there is no row, or the organization is destroyed.
    async fn ancestor(
        &self,
        scope: OrgScope,
        ancestor: OrgId,
    ) -> StoreResult<Option<(Ancestor, bool)>>;
    /// All ancestors of the organization, the parent first.
    async fn ancestors(&self, scope: OrgScope) -> StoreResult<Vec<Ancestor>>;
    /// All descendants of the organization, each with the row that makes the organization its
    /// ancestor. The rows are not verified.
    async fn descendants(&self, scope: OrgScope) -> StoreResult<Vec<(OrgId, Ancestor)>>;
    /// The organizations of `scopes`, also deleted ones.
    async fn organizations_of(&self, scopes: &[OrgScope]) -> StoreResult<Vec<Organization>>;
    /// What the organizations of `scopes` hold together, each number up to `limit`.
    async fn holdings(&self, scopes: &[OrgScope], limit: i64) -> StoreResult<Holdings>;
    /// All organizations, oldest first: the only read across tenants.
    async fn organizations(&self) -> StoreResult<Vec<Organization>>;
    /// The ids of all organizations, in their order, which is about that of their creation.
    async fn organization_ids(&self) -> StoreResult<Vec<OrgId>>;
    /// The deleted and destroyed organizations, oldest first.
    async fn deleted_organizations(&self) -> StoreResult<Vec<Organization>>;
    /// The organization, also a deleted one.
    async fn organization(&self, scope: OrgScope) -> StoreResult<Option<Organization>>;
    /// Changes the name of the organization.
    ///
    /// # Errors
    /// `StoreError::NotFound` when it is not there or deleted.
    async fn rename_organization(
        &self,
        scope: OrgScope,
        name: String,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Deletes the organization; it can be restored until `destroy_after`.
    ///
    /// # Errors
    /// `StoreError::NotFound` when it is not there or deleted already, `StoreError::Conflict` when
    /// it has other than `children` sub-organizations, deleted ones included.
    async fn delete_organization(
        &self,
        scope: OrgScope,
        destroy_after: DateTime<Utc>,
        children: i64,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Restores a deleted organization.
    ///
    /// # Errors
    /// `StoreError::NotFound` when it is not deleted, or destroyed.
    async fn restore_organization(
        &self,
        scope: OrgScope,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Destroys a deleted organization's keys, and with them everything they sealed, and revokes
    /// its API keys: `at_once`, or only if its grace period has ended.
    ///
    /// # Errors
    /// `StoreError::NotFound` when it is not deleted, or destroyed already.
    async fn destroy_organization(
        &self,
        scope: OrgScope,
        at_once: bool,
        event: Event,
    ) -> StoreResult<()>;
    /// Removes what rows a destroyed organization still has; can be repeated.
    async fn remove_rows(&self, scope: OrgScope) -> StoreResult<()>;
    /// All generations of the organization's key.
    async fn org_keys(&self, scope: OrgScope) -> StoreResult<Vec<StoredOrgKey>>;
    /// The generations that the replica shows which credentials are read from; `None` when that is
    /// the primary.
    async fn org_keys_of_replica(&self, scope: OrgScope) -> StoreResult<Option<Vec<StoredOrgKey>>>;

    /// Stores a new API key.
    async fn add_api_key(
        &self,
        scope: OrgScope,
        key: StoredApiKey,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// One API key.
    async fn api_key(&self, scope: OrgScope, id: KeyId) -> StoreResult<Option<StoredApiKey>>;
    /// All API keys of the organization, oldest first.
    async fn api_keys(&self, scope: OrgScope) -> StoreResult<Vec<StoredApiKey>>;
    /// Stores the API key `new` and revokes `old`, in one transaction.
    ///
    /// # Errors
    /// `StoreError::NotFound` when `old` does not exist or is revoked.
    async fn replace_api_key(
        &self,
        scope: OrgScope,
        (old, new): (KeyId, StoredApiKey),
        operation: Option<OperationId>,
        created: Event,
        revoked: Event,
    ) -> StoreResult<Committed>;
    /// Schedules the end of an API key, unless an earlier one is scheduled.
    ///
    /// # Errors
    /// `StoreError::NotFound` when there is no such key, or it is revoked.
    async fn schedule_key_end(
        &self,
        scope: OrgScope,
        id: KeyId,
        end: ScheduledEnd,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Revokes an API key and tells every server; a key revoked before keeps its first time.
    ///
    /// # Errors
    /// `StoreError::NotFound` when there is no such key.
    async fn revoke_api_key(
        &self,
        scope: OrgScope,
        id: KeyId,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
}

/// The events of a new sub-organization.
#[derive(Debug)]
pub struct SuborganizationEvents {
    /// Its creation, its first settings and the issue of its first API key, in its own trail.
    pub own: (OrgScope, Vec<Event>),
    /// Its creation, in the trail of the parent.
    pub of_parent: Event,
}
