//! Copying the installation, and the signed roots of all audit trails, into a backup.

use chrono::{DateTime, Utc};

use crate::backup::record::Record;
use crate::caller::{Caller, RequestInfo};
use crate::error::VaultError;
use crate::ids::OrgId;
use crate::vault::backup::organization::OrganizationCopy;
use crate::vault::backup::writer::BackupWriter;

/// The number of leaves per statement.
const LEAVES: i64 = 1000;

impl BackupWriter<'_> {
    /// Copies the audit trail of the installation, and the signed roots.
    pub(super) async fn installation(&mut self, request: &RequestInfo) -> Result<(), VaultError> {
        let caller = Caller::operator(OrgId::INSTALLATION, request.clone());
        self.snapshot.enter(caller.scope()).await?;
        self.put(&Record::Installation {})?;
        let roots = self.snapshot.audit_roots().await?;
        let mut copy = OrganizationCopy::new(&caller, self);
        for row in roots {
            copy.put(&Record::AuditRoot(row))?;
        }
        copy.trail().await?;
        copy.audit_leaves().await?;
        let counts = copy.counts;
        self.findings += counts.findings;
        self.put(&Record::OrganizationEnd(counts))
    }
}

impl OrganizationCopy<'_, '_> {
    /// Copies the organization's leaves under the signed roots.
    pub(super) async fn audit_leaves(&mut self) -> Result<(), VaultError> {
        let mut after = DateTime::<Utc>::UNIX_EPOCH;
        loop {
            let (scope, snapshot) = (self.caller.scope(), self.writer.snapshot);
            let page = snapshot.audit_leaves(scope, after, LEAVES).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.at;
            for row in page {
                self.put(&Record::AuditLeaf(row))?;
            }
        }
    }
}
