//! The rows that a batch inserts.

use strongroom_domain::OrgId;
use strongroom_domain::credential::SealedCredential;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::sql;
use crate::transaction::statement::Step;
use crate::writes::member::Member;
use crate::writes::write::WriteOp;

/// New credentials of a batch, and what its writes leave to be health for.
pub(crate) struct NewRows<'a> {
    credentials: Vec<NewCredential<'a>>,
    operations: Vec<(Uuid, Uuid)>,
}

struct NewCredential<'a> {
    org: OrgId,
    provider: &'static str,
    kind: &'static str,
    label: &'a str,
    row: &'a SealedCredential,
}

impl<'a> NewRows<'a> {
    /// Those of all members that have not failed.
    pub(crate) fn of(members: &[Member<'a>]) -> Self {
        let mut rows = Self {
            credentials: Vec::new(),
            operations: Vec::new(),
        };
        for member in members.iter().filter(|member| member.has_written()) {
            let (org, write) = (member.org(), member.write);
            if let WriteOp::Insert(row) = &write.operation {
                rows.credentials.push(NewCredential {
                    org,
                    provider: row.provider.as_str(),
                    kind: row.kind.as_str(),
                    label: row.label.as_str(),
                    row,
                });
            }
            let operation = write.tracking.operation;
            rows.operations.extend(operation.map(|id| (org.0, id.0)));
        }
        rows
    }

    /// The generations that the new rows name.
    pub(crate) fn used(&self) -> impl Iterator<Item = (OrgId, i32)> {
        let rows = self.credentials.iter();
        rows.map(|new| (new.org, new.row.key_generation))
    }

    /// The steps that insert them.
    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
        let mut params: Vec<&(dyn ToSql + Sync)> =
            Vec::with_capacity(self.credentials.len() * sql::CREDENTIALS_INSERT.columns);
        for new in &self.credentials {
            params.extend_from_slice(&[
                &new.org.0,
                &new.row.id.0,
                &new.provider,
                &new.kind,
                &new.label,
                &new.row.version,
                &new.row.key_generation,
                &new.row.wrapped_key,
                &new.row.sealed_blob,
                &new.row.updated_at,
                &new.row.pieces_user,
            ]);
        }
        let mut steps = Vec::new();
        if !params.is_empty() {
            steps.push(Step::Insert(&sql::CREDENTIALS_INSERT, params));
        }
        let mut params: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(self.operations.len() * 2);
        for (org, operation) in &self.operations {
            params.extend_from_slice(&[org, operation]);
        }
        if !params.is_empty() {
            steps.push(Step::Insert(&sql::operations::OPERATIONS_INSERT, params));
        }
        steps
    }
}
