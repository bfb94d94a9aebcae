use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::StoredCredential;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, KeyId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::aside::{Alone, Aside};
use crate::database::Database;
use crate::gather::{Gather, Member, Reply, Worker};
use crate::last_use::last_use;
use crate::rows::{self, get};
use crate::sql;
use crate::statement::Bound;
use crate::transaction::{OrgTransaction, within};
use crate::writer::Write;

/// Something of an organization that many requests look up at once.
pub(crate) trait Lookup: Send + 'static {
    /// By what it is known within its organization.
    type Id: Copy + Eq + Hash + Send + Sync;
    /// What there is; the default where there is nothing.
    type Found: Clone + Default + Send;
    /// Finds all that is asked for. Its parameters are the organizations and, at the same places, the ids.
    const SQL: &'static str;
    /// The same for a sharded cluster.
    const SHARDED: &'static str = Self::SQL;

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
/// All generations of an organization's key.
pub(crate) struct OrgKeys;

impl Lookup for Credentials {
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
        if get(row, "usable")? {
            *found = Some(rows::api_key(org, row)?);
        }
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
    pub(crate) asker: Box<dyn Asker<L::Found>>,
}

/// Who is told what was found.
pub(crate) trait Asker<F>: Send + Sync {
    /// Whether nobody waits any more.
    fn is_gone(&self) -> bool;
    fn tell(self: Box<Self>, found: StoreResult<F>);
}

impl<F: Send> Asker<F> for Reply<F> {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }

    fn tell(self: Box<Self>, found: StoreResult<F>) {
        let _ = self.send(found);
    }
}

/// Looks up all that is wanted with one statement.
pub(crate) struct Reader<L: Lookup> {
    database: Database,
    /// Where a batch goes that touches a part of the database that is away.
    aside: Option<Aside<Wanted<L>>>,
    /// What the answers go to, if anything: the next batch is looked up when this one has been taken there. So both work
    /// at the same time, on batches of the same size.
    next: Option<Arc<Gather<Write>>>,
}

/// Look-ups of one organization by themselves.
struct LoneReader<L> {
    database: Database,
    lookup: PhantomData<fn() -> L>,
}

impl<L: Lookup> Wanted<L> {
    /// What `reply` is to get.
    pub(crate) fn of(scope: OrgScope, id: L::Id, reply: Reply<L::Found>) -> Self
    where
        L::Found: 'static,
    {
        let asker = Box::new(reply);
        Self { scope, id, asker }
    }
}

impl<L: Lookup> Member for Wanted<L> {
    fn org(&self) -> OrgId {
        self.scope.org()
    }

    fn refuse(self, error: StoreError) {
        self.asker.tell(Err(error));
    }
}

#[async_trait]
impl<L: Lookup> Alone for LoneReader<L> {
    type Member = Wanted<L>;

    async fn alone(&self, members: Vec<Wanted<L>>) -> bool {
        let reader = Reader {
            database: self.database.clone(),
            aside: None,
            next: None,
        };
        reader.carry_out(members).await
    }
}

/// What was found; a row that no server could have written fails whoever asked for it, and nobody else.
type Found<L> = HashMap<(OrgId, <L as Lookup>::Id), Result<<L as Lookup>::Found, &'static str>>;

/// What the rows of a look-up's statement tell.
fn found<'a, L: Lookup>(rows: impl Iterator<Item = &'a Row>) -> StoreResult<Found<L>> {
    let mut found: Found<L> = HashMap::new();
    for row in rows {
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

/// What was found of one of them.
fn one_of<L: Lookup>(found: &Found<L>, org: OrgId, id: L::Id) -> StoreResult<L::Found> {
    match found.get(&(org, id)) {
        None => Ok(L::Found::default()),
        Some(Ok(found)) => Ok(found.clone()),
        Some(Err(what)) => Err(StoreError::Malformed(what)),
    }
}

impl<L: Lookup> Reader<L> {
    /// Reads from `database`; one organization at a time from `hurried`, the same with less patience.
    pub(crate) fn new(database: Database, hurried: Database) -> Self {
        let lone = LoneReader {
            database: hurried,
            lookup: PhantomData,
        };
        Self {
            database,
            aside: Some(Aside::start(lone)),
            next: None,
        }
    }

    /// The same, in front of `next`.
    pub(crate) fn in_front_of(self, next: Arc<Gather<Write>>) -> Self {
        let next = Some(next);
        Self { next, ..self }
    }

    async fn read(&self, members: &[Wanted<L>]) -> StoreResult<Found<L>> {
        let scopes: Vec<OrgScope> = members.iter().map(|wanted| wanted.scope).collect();
        let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = members
            .iter()
            .map(|wanted| (wanted.scope.org().0, L::param(wanted.id)))
            .unzip();
        let params: Vec<&(dyn ToSql + Sync)> = vec![&orgs, &ids];
        let sql = match self.database.is_sharded() {
            true => L::SHARDED,
            false => L::SQL,
        };
        let statement = Bound { sql, params };
        let rows = OrgTransaction::read(&self.database, &scopes, &[statement]).await?;
        found::<L>(rows.iter().flatten())
    }
}

#[async_trait]
impl<L: Lookup> Worker for Reader<L> {
    type Member = Wanted<L>;

    async fn run(&mut self, members: Vec<Wanted<L>>) {
        self.carry_out(members).await;
        if let Some(next) = &self.next {
            next.next_taken().await;
        }
    }
}

impl<L: Lookup> Reader<L> {
    /// Looks up and answers all of `members`. Whether the parts of the database that it needs were there.
    async fn carry_out(&self, mut members: Vec<Wanted<L>>) -> bool {
        members.retain(|wanted| !wanted.asker.is_gone());
        if let Some(aside) = &self.aside {
            members = aside.sift(members);
        }
        if members.is_empty() {
            return true;
        }
        match within(&self.database, self.read(&members)).await {
            Ok(found) => {
                for wanted in members {
                    let answer = one_of::<L>(&found, wanted.scope.org(), wanted.id);
                    wanted.asker.tell(answer);
                }
            }
            Err(StoreError::PartUnavailable(why)) => {
                match &self.aside {
                    Some(aside) => aside.take(members, &why),
                    None => refuse_all(members, &why),
                }
                return false;
            }
            Err(error) => refuse_all(members, &error.to_string()),
        }
        true
    }
}

fn refuse_all<L: Lookup>(members: Vec<Wanted<L>>, why: &str) {
    for wanted in members {
        wanted.refuse(StoreError::Unavailable(why.to_owned()));
    }
}
