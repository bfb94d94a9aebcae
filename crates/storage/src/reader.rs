use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::SealedCredential;
use strongroom_domain::store::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, OrgId};
use uuid::Uuid;

use crate::database::Database;
use crate::gather::{Reply, Worker};
use crate::transaction::{OrgTransaction, within};
use crate::{rows, sql};

/// A credential that somebody waits for.
pub(crate) struct Wanted {
    pub(crate) scope: OrgScope,
    pub(crate) id: CredentialId,
    pub(crate) reply: Reply<Option<Arc<SealedCredential>>>,
}

/// Reads all wanted credentials with one statement.
pub(crate) struct Reader {
    pub(crate) database: Database,
}

type Found = HashMap<(OrgId, CredentialId), Arc<SealedCredential>>;

#[async_trait]
impl Worker for Reader {
    type Member = Wanted;

    async fn run(&mut self, mut members: Vec<Wanted>) {
        members.retain(|wanted| !wanted.reply.is_closed());
        match within(&self.database, self.read(&members)).await {
            Ok(found) => {
                for wanted in members {
                    let row = found.get(&(wanted.scope.org(), wanted.id)).cloned();
                    let _ = wanted.reply.send(Ok(row));
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

impl Reader {
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
                let (org, credential) = rows::sealed_credential(row)?;
                Ok(((org, credential.id), Arc::new(credential)))
            })
            .collect()
    }
}
