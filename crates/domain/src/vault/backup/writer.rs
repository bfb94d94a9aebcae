//! The lines of a backup that belong to no organization.

use crate::backup::line::line;
use crate::backup::record::{End, FORMAT, Header, OrganizationRow, Record};
use crate::backup::seal::Seal;
use crate::caller::{Caller, RequestInfo};
use crate::error::VaultError;
use crate::ids::OrgId;
use crate::ports::backup::{BackupSink, Snapshot};
use crate::vault::Vault;

/// The scope of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupScope {
    /// All organizations.
    Service,
    /// One organization, and the wrapped keys of the service.
    Organization(OrgId),
}

/// The state of a running backup.
pub(crate) struct BackupWriter<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) snapshot: &'a dyn Snapshot,
    pub(crate) sink: &'a mut dyn BackupSink,
    pub(super) seal: Seal,
    pub(super) findings: u64,
}

impl BackupWriter<'_> {
    pub(super) fn put(&mut self, record: &Record) -> Result<(), VaultError> {
        let line = line(record)?;
        self.seal.add(&line);
        self.sink.put(&line)
    }

    pub(super) async fn header(
        &mut self,
        schema: i32,
        scope: BackupScope,
    ) -> Result<(), VaultError> {
        let keys = self.snapshot.keys().await?;
        self.put(&Record::Header(Header {
            format: FORMAT,
            schema,
            created_at: self.vault.now(),
            scope: match scope {
                BackupScope::Service => None,
                BackupScope::Organization(org) => Some(org.0),
            },
            root_keys: keys.root_keys.iter().map(Into::into).collect(),
            service_keys: keys.service_keys.iter().map(Into::into).collect(),
            root_rotations: keys.root_rotations,
        }))
    }

    pub(super) async fn expect(
        &mut self,
        organizations: &[OrganizationRow],
        request: &RequestInfo,
    ) -> Result<(), VaultError> {
        let mut rows = 0;
        for row in organizations {
            let caller = Caller::operator(OrgId(row.org_id), request.clone());
            self.snapshot.enter(caller.scope()).await?;
            rows += self.snapshot.count(caller.scope()).await?;
        }
        self.sink.expect(rows);
        Ok(())
    }

    /// Writes the end of a backup with this number of organizations, counting the installation.
    pub(super) fn end(&mut self, organizations: u64) -> Result<u64, VaultError> {
        let end = End {
            organizations,
            records: self.seal.lines(),
            mac: self.seal.digest().to_vec(),
        };
        self.sink.put(&line(&Record::End(end))?)?;
        Ok(self.findings)
    }
}
