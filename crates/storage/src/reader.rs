use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::last_use::StoredCredential;
use strongroom_domain::store::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, OrgId};
use uuid::Uuid;

use crate::aside::{Alone, Aside, Member};
use crate::database::Database;
use crate::gather::{Reply, Worker};
use crate::last_use::last_use;
use crate::rows::{self, get};
use crate::sql;
use crate::transaction::{OrgTransaction, within};

/// A credential that somebody waits for.
pub(crate) struct Wanted {
    pub(crate) scope: OrgScope,
    pub(crate) id: CredentialId,
    pub(crate) reply: Reply<Option<Arc<StoredCredential>>>,
}

/// Reads all wanted credentials with one statement.
pub(crate) struct Reader {
    pub(crate) database: Database,
    /// Where a batch goes that touches a part of the database that is away.
    pub(crate) aside: Option<Aside<Wanted>>,
}

/// Reads of one organisation by themselves.
pub(crate) struct LoneReader {
    pub(crate) database: Database,
}

impl Member for Wanted {
    fn org(&self) -> OrgId {
        self.scope.org()
    }

    fn refuse(self, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

#[async_trait]
impl Alone for LoneReader {
    type Member = Wanted;

    async fn alone(&self, members: Vec<Wanted>) -> bool {
        let reader = Reader {
            database: self.database.clone(),
            aside: None,
        };
        reader.carry_out(members).await
    }
}

/// The rows that were found; one that is malformed is known by its id alone.
type Found = HashMap<(OrgId, CredentialId), Option<Arc<StoredCredential>>>;

#[async_trait]
impl Worker for Reader {
    type Member = Wanted;

    async fn run(&mut self, members: Vec<Wanted>) {
        self.carry_out(members).await;
    }
}

impl Reader {
    /// Reads and answers all of `members`. Whether the parts of the database that it needs were there.
    async fn carry_out(&self, mut members: Vec<Wanted>) -> bool {
        members.retain(|wanted| !wanted.reply.is_closed());
        if let Some(aside) = &self.aside {
            members = aside.sift(members);
        }
        if members.is_empty() {
            return true;
        }
        match within(&self.database, self.read(&members)).await {
            Ok(found) => {
                for wanted in members {
                    let answer = match found.get(&(wanted.scope.org(), wanted.id)) {
                        None => Ok(None),
                        Some(Some(row)) => Ok(Some(row.clone())),
                        Some(None) => Err(StoreError::Malformed("a credential's row")),
                    };
                    let _ = wanted.reply.send(answer);
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

    async fn read(&self, members: &[Wanted]) -> StoreResult<Found> {
        let scopes: Vec<OrgScope> = members.iter().map(|wanted| wanted.scope).collect();
        let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = members
            .iter()
            .map(|wanted| (wanted.scope.org().0, wanted.id.0))
            .unzip();
        let transaction = OrgTransaction::begin(&self.database, &scopes).await?;
        let rows = transaction.query(sql::CREDENTIALS, &[&orgs, &ids]).await?;
        transaction.finish().await?;
        rows.iter()
            .map(|row| {
                let id = (
                    OrgId(get(row, "org_id")?),
                    CredentialId(get(row, "cred_id")?),
                );
                let last_use = last_use(row);
                let sealed = rows::sealed_credential(row).ok();
                let stored =
                    sealed.map(|(_, sealed)| Arc::new(StoredCredential { sealed, last_use }));
                Ok((id, stored))
            })
            .collect()
    }
}

fn refuse_all(members: Vec<Wanted>, why: &str) {
    for wanted in members {
        wanted.refuse(StoreError::Unavailable(why.to_owned()));
    }
}
