//! The organizations in which a caller acts.

use crate::ancestor::AncestorStatus;
use crate::api_key::limits::OrganizationReach;
use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::ids::OrgId;
use crate::ports::audit::StateEvents;
use crate::vault::Vault;
use crate::vault::state_events::is_deleted;

impl Vault {
    /// The same caller, acting in `org`; `None` if it may not. An API key acts in its own
    /// organization and, if it was issued for descendants, in those. A deleted organization is
    /// acted in only if `deleted`.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn act_in(
        &self,
        caller: &Caller,
        org: OrgId,
        deleted: bool,
    ) -> Result<Option<Caller>, VaultError> {
        self.act_below(caller, caller.home(), org, deleted).await
    }

    /// The same caller, acting in `org`, if that is the organization in which it acts or a
    /// descendant of it; `None` if it may not.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn act_in_descendant(
        &self,
        caller: &Caller,
        org: OrgId,
    ) -> Result<Option<Caller>, VaultError> {
        self.act_below(caller, caller.org(), org, false).await
    }

    async fn act_below(
        &self,
        caller: &Caller,
        ancestor: OrgId,
        org: OrgId,
        deleted: bool,
    ) -> Result<Option<Caller>, VaultError> {
        if org == caller.org() {
            return Ok(Some(caller.clone()));
        }
        if caller.limits().organizations == OrganizationReach::Own {
            return Ok(None);
        }
        let permitted = match self.ancestor_status(org, ancestor).await? {
            AncestorStatus::Proved => true,
            AncestorStatus::Deleted => deleted,
            AncestorStatus::Absent => false,
            AncestorStatus::Forged => {
                let why = "the ancestors of an organization were altered in the database";
                self.log_integrity_failure(org, None, &VaultError::Integrity(why));
                false
            }
        };
        Ok(permitted.then(|| caller.clone().acting_in(org)))
    }

    async fn ancestor_status(
        &self,
        org: OrgId,
        ancestor: OrgId,
    ) -> Result<AncestorStatus, VaultError> {
        if let Some(status) = self.keys.ancestor(org, ancestor) {
            return Ok(status);
        }
        let lookup = self.keys.begin_lookup();
        let found = self.store.ancestor(OrgScope::new(org), ancestor).await?;
        let status = match found {
            None => AncestorStatus::Absent,
            Some((row, _)) if !row.is_proved(&self.service.api_key, org) => AncestorStatus::Forged,
            Some((_, deleted)) if deleted || !self.is_live(org).await? => AncestorStatus::Deleted,
            Some(_) => AncestorStatus::Proved,
        };
        self.keys.insert_ancestor(lookup, (org, ancestor), status);
        Ok(status)
    }

    /// Whether the audit trail says, like its row, that the organization `org` is not deleted. Logs
    /// that its deletion was undone in the database.
    pub(super) async fn is_live(&self, org: OrgId) -> Result<bool, VaultError> {
        let scope = OrgScope::new(org);
        // A deletion or a restoration may commit between the two reads.
        for _ in 0..2 {
            let events = self.state_events(scope, StateEvents::Deletions).await;
            let events = self.log_failure(org, events)?;
            if !is_deleted(&events) {
                return Ok(true);
            }
            let organization = self.store.organization(scope).await?;
            if organization.is_none_or(|row| row.deleted_at.is_some()) {
                return Ok(false);
            }
        }
        let why = "the deletion of an organization was undone in the database";
        self.log_integrity_failure(org, None, &VaultError::Integrity(why));
        Ok(false)
    }
}
