//! What is looked up in batches.

use std::hash::Hash;
use std::sync::Arc;

use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::StoredCredential;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, KeyId, OrgId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::batch::fair_queue::BatchItem;
use crate::rows::{get, last_used};
use crate::writes::write::{QueueTrace, Reply};
use crate::{credential_rows, rows, sql};

/// A kind of row that many requests look up at the same time.
pub(crate) trait LookupKind: Send + 'static {
    /// The id of the row within its organization.
    type Id: Copy + Eq + Hash + Send + Sync;
    /// The rows of one id; the default where there is none.
    type Found: Clone + Default + Send + Sync;
    /// The statement. Its parameters are the organizations and, at the same positions, the ids.
    const SQL: &'static str;
    /// The same for a sharded cluster.
    const SHARDED: &'static str = Self::SQL;

    /// The id as a parameter.
    fn param(id: Self::Id) -> Uuid;
    /// The id of a row.
    fn id(row: &Row) -> StoreResult<Self::Id>;
    /// Adds a row to those found for its id so far.
    fn add(found: &mut Self::Found, org: OrgId, row: &Row) -> StoreResult<()>;
}

/// A credential, with its last-used time and its stamp.
pub(crate) struct Credentials;
/// An API key.
pub(crate) struct ApiKeys;
/// All generations of an organization's key.
pub(crate) struct OrgKeys;

impl LookupKind for Credentials {
    type Id = CredentialId;
    type Found = Option<Arc<StoredCredential>>;
    const SQL: &'static str = sql::CREDENTIALS;
    const SHARDED: &'static str = sql::CREDENTIALS_SHARDED;

    fn param(id: CredentialId) -> Uuid {
        id.0
    }

    fn id(row: &Row) -> StoreResult<CredentialId> {
        Ok(CredentialId(get(row, "cred_id")?))
    }

    fn add(found: &mut Self::Found, _: OrgId, row: &Row) -> StoreResult<()> {
        let last_used = last_used(row);
        let sealed = credential_rows::sealed_credential(row);
        let (_, sealed) = sealed.map_err(|_| StoreError::Malformed("a credential's row"))?;
        *found = Some(Arc::new(StoredCredential {
            sealed,
            last_used,
            stamp: rows::text(row, "stamp")?,
        }));
        Ok(())
    }
}

impl LookupKind for ApiKeys {
    type Id = KeyId;
    type Found = Option<StoredApiKey>;
    const SQL: &'static str = sql::API_KEYS_WANTED;

    fn param(id: KeyId) -> Uuid {
        id.0
    }

    fn id(row: &Row) -> StoreResult<KeyId> {
        Ok(KeyId(get(row, "key_id")?))
    }

    fn add(found: &mut Self::Found, org: OrgId, row: &Row) -> StoreResult<()> {
        if get(row, "usable")? {
            *found = Some(StoredApiKey {
                revocation_undone: get(row, "revocation_undone")?,
                recorded_end: get(row, "recorded_end")?,
                ..rows::api_key(org, row)?
            });
        }
        Ok(())
    }
}

impl LookupKind for OrgKeys {
    type Id = ();
    type Found = Vec<StoredOrgKey>;
    const SQL: &'static str = sql::ORG_KEYS_WANTED;

    fn param((): ()) -> Uuid {
        Uuid::nil()
    }

    fn id(_: &Row) -> StoreResult<()> {
        Ok(())
    }

    fn add(found: &mut Self::Found, _: OrgId, row: &Row) -> StoreResult<()> {
        found.push(rows::org_key(row)?);
        Ok(())
    }
}

/// A lookup whose answer is awaited.
pub(crate) struct Lookup<L: LookupKind> {
    pub(crate) scope: OrgScope,
    pub(crate) id: L::Id,
    /// What was read before, if that is to be answered in turn, and not read again.
    pub(crate) known: Option<L::Found>,
    pub(crate) sink: Box<dyn ReadSink<L::Found>>,
    pub(crate) trace: QueueTrace,
}

/// Where the answer to a lookup goes.
pub(crate) trait ReadSink<F>: Send + Sync {
    /// Whether the caller no longer waits.
    fn is_gone(&self) -> bool;
    /// Takes the answer.
    fn deliver(self: Box<Self>, found: StoreResult<F>);
}

impl<F: Send> ReadSink<F> for Reply<F> {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }

    fn deliver(self: Box<Self>, found: StoreResult<F>) {
        let _ = self.send(found);
    }
}

impl<L: LookupKind> Lookup<L> {
    /// A lookup whose answer goes to `reply`.
    pub(crate) fn of(scope: OrgScope, id: L::Id, reply: Reply<L::Found>) -> Self
    where
        L::Found: 'static,
    {
        let sink = Box::new(reply);
        Self {
            scope,
            id,
            known: None,
            sink,
            trace: QueueTrace::current(),
        }
    }
}

impl<L: LookupKind> Lookup<L> {
    /// Answers with what was read before.
    pub(crate) fn deliver_known(self) {
        if let Some(known) = self.known {
            self.sink.deliver(Ok(known));
        }
    }
}

impl<L: LookupKind> BatchItem for Lookup<L> {
    fn org(&self) -> OrgId {
        self.scope.org()
    }

    fn trace(&mut self) -> &mut QueueTrace {
        &mut self.trace
    }

    fn refuse(self, error: StoreError) {
        self.sink.deliver(Err(error));
    }
}
