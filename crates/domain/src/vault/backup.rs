mod organization;

use std::collections::HashSet;

use futures_util::future::try_join_all;

use super::Vault;
use crate::audit::{Action, Event};
use crate::backup::{
    BackupSink, BackupSource, End, FORMAT, Header, OrganizationRow, Record, Seal, Snapshot, line,
};
use crate::caller::{Caller, Permission, RequestInfo};
use crate::{OrgId, VaultError};
use organization::Organization;

/// How many events are recorded at a time.
const EVENTS_AT_ONCE: usize = 200;

/// What is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupScope {
    /// Everything.
    Service,
    /// One organization, and the service's own keys, wrapped.
    Organization(OrgId),
}

/// A backup under way.
struct Writing<'a> {
    vault: &'a Vault,
    snapshot: &'a dyn Snapshot,
    sink: &'a mut dyn BackupSink,
    seal: Seal,
    findings: u64,
}

impl Vault {
    /// Copies what `scope` names out of one snapshot of `source` into `sink`, and verifies it on the way: every
    /// credential opens and is what the trail says, and the trail's chains hold. What does not verify is told and
    /// copied all the same. Records the backup in each organization's trail first. Returns how many organizations were
    /// copied, and how many findings there were.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when there is no such organization, or the store's or the sink's failure.
    pub async fn backup(
        &self,
        source: &dyn BackupSource,
        scope: BackupScope,
        request: &RequestInfo,
        sink: &mut dyn BackupSink,
    ) -> Result<(u64, u64), VaultError> {
        let wanted = |org: OrgId| match scope {
            BackupScope::Service => true,
            BackupScope::Organization(one) => one == org,
        };
        let known = self.organizations().await?;
        let known: Vec<OrgId> = known
            .iter()
            .map(|org| org.id)
            .filter(|org| wanted(*org))
            .collect();
        self.record_backup(&known, request).await?;
        let snapshot = source.snapshot().await?;
        let organizations = snapshot.organizations().await?;
        let organizations: Vec<OrganizationRow> = organizations
            .into_iter()
            .filter(|row| wanted(OrgId(row.org_id)))
            .collect();
        if scope != BackupScope::Service && organizations.is_empty() {
            return Err(VaultError::NotFound);
        }
        let known: HashSet<OrgId> = known.into_iter().collect();
        let new = organizations.iter().map(|row| OrgId(row.org_id));
        let new: Vec<OrgId> = new.filter(|org| !known.contains(org)).collect();
        self.record_backup(&new, request).await?;
        let mut writing = Writing {
            vault: self,
            snapshot: &*snapshot,
            sink,
            seal: Seal::new(self.service.audit.clone()),
            findings: 0,
        };
        writing.header(source.schema(), scope).await?;
        writing.expect(&organizations, request).await?;
        for row in &organizations {
            writing.organization(row, request).await?;
        }
        let count = organizations.len() as u64;
        let findings = writing.end(count)?;
        snapshot.finish().await?;
        Ok((count, findings))
    }

    async fn record_backup(&self, orgs: &[OrgId], request: &RequestInfo) -> Result<(), VaultError> {
        for some in orgs.chunks(EVENTS_AT_ONCE) {
            let records = some.iter().map(|org| async {
                let caller = Caller::operator(*org, request.clone());
                caller.require(Permission::BackUp)?;
                let event = Event::by(&caller, Action::OrganizationBackup, self.now());
                Ok::<_, VaultError>(self.store.record(caller.scope(), event).await?)
            });
            try_join_all(records).await?;
        }
        Ok(())
    }
}

impl Writing<'_> {
    fn put(&mut self, record: &Record) -> Result<(), VaultError> {
        let line = line(record)?;
        self.seal.add(&line);
        self.sink.put(&line)
    }

    async fn header(&mut self, schema: i32, scope: BackupScope) -> Result<(), VaultError> {
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

    async fn expect(
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

    fn end(&mut self, organizations: u64) -> Result<u64, VaultError> {
        let end = End {
            organizations,
            records: self.seal.lines(),
            mac: self.seal.digest().to_vec(),
        };
        self.sink.put(&line(&Record::End(end))?)?;
        Ok(self.findings)
    }

    async fn organization(
        &mut self,
        row: &OrganizationRow,
        request: &RequestInfo,
    ) -> Result<(), VaultError> {
        let caller = Caller::operator(OrgId(row.org_id), request.clone());
        let scope = caller.scope();
        self.snapshot.enter(scope).await?;
        self.put(&Record::Organization(row.clone()))?;
        let one = Organization::new(&caller, self);
        let counts = one.copy(row.destroyed_at.is_some()).await?;
        self.findings += counts.findings;
        self.put(&Record::OrganizationEnd(counts))
    }
}
