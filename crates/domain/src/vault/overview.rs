//! An organization at a glance.

use futures_util::future::try_join3;

use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::credential::CredentialFilter;
use crate::error::VaultError;
use crate::overview::{Integrity, Overview};
use crate::permission::Permission;
use crate::rotation::{Rotation, RotationState};
use crate::vault::Vault;

impl Vault {
    /// Counts the credentials that the caller reaches, and collects what its permissions show of
    /// the organization. The access is recorded before this returns, as a list.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Stale`], or an error of the store.
    pub async fn overview(&self, caller: &Caller) -> Result<Overview, VaultError> {
        caller.require(Permission::CredentialsList)?;
        self.refuse_stale_reads()?;
        let (scope, now) = (caller.scope(), self.now());
        let filter = CredentialFilter {
            reach: caller.reach().cloned(),
            ..CredentialFilter::default()
        };
        let counted = async {
            let counted = self.store.credential_counts(scope, &filter, now).await;
            self.log_failure(scope.org(), counted.map_err(VaultError::from))
        };
        let (credentials, integrity, rotations) = try_join3(
            counted,
            self.shown_integrity(caller),
            self.running_rotations(caller),
        )
        .await?;
        let mut events = vec![Event::by(caller, Action::CredentialList, now)];
        events.extend(
            rotations
                .is_some()
                .then(|| Event::by(caller, Action::RotationList, now)),
        );
        self.store.record_all(scope, events).await?;
        Ok(Overview {
            at: now,
            credentials,
            integrity,
            rotations,
            regions: self.regions(),
        })
    }

    async fn shown_integrity(&self, caller: &Caller) -> Result<Option<Integrity>, VaultError> {
        if caller.require(Permission::AuditRead).is_err() {
            return Ok(None);
        }
        let scrub = self.last_scrub().await?;
        let root = self.newest_audit_root().await?;
        Ok(Some(Integrity {
            credentials: scrub.of_credentials(),
            trails: scrub.of_trails(),
            newest_root_at: root.map(|root| root.at),
        }))
    }

    async fn running_rotations(
        &self,
        caller: &Caller,
    ) -> Result<Option<Vec<Rotation>>, VaultError> {
        if caller.require(Permission::OrganizationsManage).is_err() {
            return Ok(None);
        }
        let mut rotations = self.store.rotations(caller.scope()).await?;
        rotations.retain(|rotation| rotation.progress.state == RotationState::Running);
        Ok(Some(rotations))
    }
}
