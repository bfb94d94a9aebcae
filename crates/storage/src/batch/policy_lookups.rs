//! Lookups of credentials with their relay policies.

use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::relay::stored::CredentialWithPolicy;
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::batch::lookups::LookupKind;
use crate::rows::get;
use crate::{policy_rows, sql};

/// A credential with its relay policy.
pub(crate) struct Policies;

impl LookupKind for Policies {
    type Id = CredentialId;
    type Found = Option<CredentialWithPolicy>;
    const SQL: &'static str = sql::POLICIES_WANTED;
    const SHARDED: &'static str = sql::POLICIES_WANTED_SHARDED;

    fn param(id: CredentialId) -> Uuid {
        id.0
    }

    fn id(row: &Row) -> StoreResult<CredentialId> {
        Ok(CredentialId(get(row, "cred_id")?))
    }

    fn add(found: &mut Self::Found, _: OrgId, row: &Row) -> StoreResult<()> {
        let read = policy_rows::credential_with_policy(row);
        let read = read.map_err(|_| StoreError::Malformed("a credential's row or its policy"))?;
        *found = Some(read);
        Ok(())
    }
}
