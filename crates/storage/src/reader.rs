use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::last_use::StoredCredential;
use strongroom_domain::store::{StoreError, StoreResult, StoredOrgKey};
use strongroom_domain::{CredentialId, KeyId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::database::Database;
use crate::gather::{Reply, Worker};
use crate::last_use::last_use;
use crate::rows::{self, get};
use crate::sql;
use crate::transaction::{OrgTransaction, within};

/// Something of an organisation that many requests look up at once.
pub(crate) trait Lookup: Send + 'static {
    /// By what it is known within its organisation.
    type Id: Copy + Eq + Hash + Send + Sync;
    /// What there is; the default where there is nothing.
    type Found: Clone + Default + Send;
    /// Finds all that is asked for. Its parameters are the organisations and, at the same places, the ids.
    const SQL: &'static str;

    /// The id as a parameter.
    fn param(id: Self::Id) -> Uuid;
    /// What a row is about.
    fn id(row: &Row) -> StoreResult<Self::Id>;
    /// Adds a row to what was found of its id so far.
    fn add(found: &mut Self::Found, org: OrgId, row: &Row) -> StoreResult<()>;
}

/// A credential, with its last use.
pub(crate) struct Credentials;
/// An API key.
pub(crate) struct ApiKeys;
/// All generations of an organisation's key.
pub(crate) struct OrgKeys;

impl Lookup for Credentials {
    type Id = CredentialId;
    type Found = Option<Arc<StoredCredential>>;
    const SQL: &'static str = sql::CREDENTIALS;

    fn param(id: CredentialId) -> Uuid {
        id.0
    }

    fn id(row: &Row) -> StoreResult<CredentialId> {
        Ok(CredentialId(get(row, "cred_id")?))
    }

    fn add(found: &mut Self::Found, _: OrgId, row: &Row) -> StoreResult<()> {
        let last_use = last_use(row);
        let sealed = rows::sealed_credential(row);
        let (_, sealed) = sealed.map_err(|_| StoreError::Malformed("a credential's row"))?;
        *found = Some(Arc::new(StoredCredential { sealed, last_use }));
        Ok(())
    }
}

impl Lookup for ApiKeys {
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
        *found = Some(rows::api_key(org, row)?);
        Ok(())
    }
}

impl Lookup for OrgKeys {
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

/// Something that somebody waits for.
pub(crate) struct Wanted<L: Lookup> {
    pub(crate) scope: OrgScope,
    pub(crate) id: L::Id,
    pub(crate) reply: Reply<L::Found>,
}

/// Looks up all that is wanted with one statement.
pub(crate) struct Reader<L> {
    database: Database,
    lookup: PhantomData<fn() -> L>,
}

/// What was found; a row that no server could have written fails whoever asked for it, and nobody else.
type Found<L> = HashMap<(OrgId, <L as Lookup>::Id), Result<<L as Lookup>::Found, &'static str>>;

impl<L: Lookup> Reader<L> {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            lookup: PhantomData,
        }
    }

    async fn read(&self, members: &[Wanted<L>]) -> StoreResult<Found<L>> {
        let scopes: Vec<OrgScope> = members.iter().map(|wanted| wanted.scope).collect();
        let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = members
            .iter()
            .map(|wanted| (wanted.scope.org().0, L::param(wanted.id)))
            .unzip();
        let params: &[&(dyn ToSql + Sync)] = &[&orgs, &ids];
        let rows = OrgTransaction::read(&self.database, &scopes, L::SQL, params).await?;
        let mut found: Found<L> = HashMap::new();
        for row in &rows {
            let org = OrgId(get(row, "org_id")?);
            let entry = found
                .entry((org, L::id(row)?))
                .or_insert(Ok(L::Found::default()));
            let Ok(so_far) = entry else { continue };
            match L::add(so_far, org, row) {
                Ok(()) => {}
                Err(StoreError::Malformed(what)) => *entry = Err(what),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl<L: Lookup> Worker for Reader<L> {
    type Member = Wanted<L>;

    async fn run(&mut self, mut members: Vec<Wanted<L>>) {
        members.retain(|wanted| !wanted.reply.is_closed());
        match within(&self.database, self.read(&members)).await {
            Ok(found) => {
                for wanted in members {
                    let answer = match found.get(&(wanted.scope.org(), wanted.id)) {
                        None => Ok(L::Found::default()),
                        Some(Ok(found)) => Ok(found.clone()),
                        Some(Err(what)) => Err(StoreError::Malformed(what)),
                    };
                    let _ = wanted.reply.send(answer);
                }
            }
            Err(error) => {
                let why = error.to_string();
                for wanted in members {
                    let _ = wanted.reply.send(Err(StoreError::Unavailable(why.clone())));
                }
            }
        }
    }
}
