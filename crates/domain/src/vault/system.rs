//! The state of the installation.

use chrono::DateTime;
use futures_util::future::try_join5;

use crate::caller::Caller;
use crate::error::VaultError;
use crate::permission::Permission;
use crate::rotation::RotationState;
use crate::system::{ServerStatus, SystemStatus};
use crate::vault::Vault;

impl Vault {
    /// The state of the installation: its servers, jobs and regions, and of this server what it
    /// alone knows. It has no data of organizations, and leaves no event.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] without `system:read`, or an error of the store.
    pub async fn system_status(&self, caller: &Caller) -> Result<SystemStatus, VaultError> {
        caller.require(Permission::SystemRead)?;
        let (servers, root_rotations, rotations, scrub, root) = try_join5(
            self.running_servers(),
            self.root_rotations(),
            self.all_rotations(),
            self.last_scrub(),
            self.newest_audit_root(),
        )
        .await?;
        let running = |state| state == RotationState::Running;
        let mut root_rotations = root_rotations;
        root_rotations.retain(|rotation| running(rotation.progress.state));
        let rotations = rotations.iter();
        Ok(SystemStatus {
            at: self.now(),
            servers,
            record_format: self.chain.record_format(),
            regions: self.regions(),
            root_rotations,
            rotations: rotations
                .filter(|rotation| running(rotation.progress.state))
                .count(),
            scrub,
            newest_root_at: root.map(|root| root.at),
            this_server: self.server_status(),
        })
    }

    fn server_status(&self) -> ServerStatus {
        let counters = self.counters();
        let components = [
            &counters.conditions,
            &counters.primary.conditions,
            &counters.replica.conditions,
        ];
        let seconds = i64::try_from(counters.certificate_expires.get()).ok();
        let expires = seconds.filter(|seconds| *seconds > 0);
        ServerStatus {
            version: self.settings.version,
            certificate_expires_at: expires.and_then(|at| DateTime::from_timestamp(at, 0)),
            conditions: components.iter().flat_map(|one| one.active()).collect(),
            store: self.store_status(),
        }
    }
}
