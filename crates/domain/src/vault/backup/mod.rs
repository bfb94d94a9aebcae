//! Backups: copying and verifying a snapshot.

mod checkpoints;
mod installation;
pub(crate) mod organization;
pub(crate) mod writer;

use std::collections::HashSet;

use futures_util::future::try_join_all;

use crate::audit::event::{Action, Event};
use crate::backup::record::OrganizationRow;
use crate::backup::seal::Seal;
use crate::caller::{Caller, RequestInfo};
use crate::error::VaultError;
use crate::ids::OrgId;
use crate::ports::backup::{BackupSink, BackupSource};
use crate::vault::Vault;
use crate::vault::backup::writer::{BackupScope, BackupWriter};

/// The number of events that are recorded concurrently.
const CONCURRENT_EVENTS: usize = 200;

impl Vault {
    /// Copies `scope` from a snapshot of `source` to `sink` and verifies it: all credentials open
    /// and match the audit trail, and the chains of the trail are valid. Data that does not verify
    /// is reported and copied anyway. Before the copy, records the backup in each organization's
    /// audit trail. Returns the number of copied organizations and of findings.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] if there is no such organization, or an error of the store or the
    /// sink.
    pub async fn backup(
        &self,
        source: &dyn BackupSource,
        scope: BackupScope,
        request: &RequestInfo,
        sink: &mut dyn BackupSink,
    ) -> Result<(u64, u64), VaultError> {
        let selected = |org: OrgId| match scope {
            BackupScope::Service => true,
            BackupScope::Organization(one) => one == org,
        };
        let known = self.organizations().await?;
        let known: Vec<OrgId> = known
            .iter()
            .map(|org| org.id)
            .filter(|org| selected(*org))
            .collect();
        self.record_backup(&known, request).await?;
        let service = scope == BackupScope::Service;
        if service {
            self.record_installation_backup(request).await?;
        }
        let snapshot = source.snapshot().await?;
        let organizations = snapshot.organizations().await?;
        let organizations: Vec<OrganizationRow> = organizations
            .into_iter()
            .filter(|row| selected(OrgId(row.org_id)))
            .collect();
        if scope != BackupScope::Service && organizations.is_empty() {
            return Err(VaultError::NotFound);
        }
        let known: HashSet<OrgId> = known.into_iter().collect();
        let new = organizations.iter().map(|row| OrgId(row.org_id));
        let new: Vec<OrgId> = new.filter(|org| !known.contains(org)).collect();
        self.record_backup(&new, request).await?;
        let mut writer = BackupWriter {
            vault: self,
            snapshot: &*snapshot,
            sink,
            seal: Seal::new(self.service.audit.clone()),
            findings: 0,
        };
        writer.header(source.schema(), scope).await?;
        writer.expect(&organizations, request).await?;
        for row in &organizations {
            writer.organization(row, request).await?;
        }
        let count = organizations.len() as u64;
        if service {
            writer.installation(request).await?;
        }
        let findings = writer.end(count + u64::from(service))?;
        snapshot.finish().await?;
        Ok((count, findings))
    }

    async fn record_installation_backup(&self, request: &RequestInfo) -> Result<(), VaultError> {
        let caller = Caller::operator(OrgId::INSTALLATION, request.clone());
        let action = Action::InstallationBackup;
        self.record_action(&caller, action).await
    }

    async fn record_backup(&self, orgs: &[OrgId], request: &RequestInfo) -> Result<(), VaultError> {
        for chunk in orgs.chunks(CONCURRENT_EVENTS) {
            let records = chunk.iter().map(|org| async {
                let caller = Caller::operator(*org, request.clone());
                caller.require_operator()?;
                let event = Event::by(&caller, Action::OrganizationBackup, self.now());
                Ok::<_, VaultError>(self.store.record(caller.scope(), event).await?)
            });
            try_join_all(records).await?;
        }
        Ok(())
    }
}
