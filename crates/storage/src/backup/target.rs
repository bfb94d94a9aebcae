//! Restores a backup into a database.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::audit::chain::Chain;
use strongroom_domain::audit::event::Event;
use strongroom_domain::backup::comparison::ExistingCredential;
use strongroom_domain::backup::credential_record::CredentialRow;
use strongroom_domain::backup::record::{Header, Record};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::crypto::RandomSource;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::organization::Organization;
use strongroom_domain::ports::backup::{KeyChecks, OrgTarget, RestoreTarget};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{Clock, CredentialId, LaneId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::backup::insert_credentials;
use crate::backup::{insert, rows as backup_rows};
use crate::connect::database::Database;
use crate::rows::get;
use crate::sql::backup as backup_sql;
use crate::store::scrub::recorded_deletion;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Bound;
use crate::writes::audit_lane::Lane;
use crate::{rows, sql};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A PostgreSQL database to restore into.
pub struct PgRestoreTarget {
    database: Database,
    chain: Chain,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
}

impl PgRestoreTarget {
    /// Restores into `database`, and records the restore in audit trails with `chain`.
    #[must_use]
    pub fn new(
        database: Database,
        chain: Chain,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
    ) -> Self {
        Self {
            database,
            chain,
            clock,
            random,
        }
    }
}

#[async_trait]
impl RestoreTarget for PgRestoreTarget {
    async fn lacking_rights(&self) -> StoreResult<Vec<String>> {
        let rights = Bound {
            sql: backup_sql::RESTORE_RIGHTS,
            params: Vec::new(),
        };
        let rows = OrgTransaction::read(&self.database, &[], &[rights]).await?;
        rows.iter().flatten().map(|row| get(row, "name")).collect()
    }

    async fn install(&self, header: &Header) -> StoreResult<()> {
        let transaction = OrgTransaction::begin(&self.database, &[]).await?;
        transaction.query(sql::ROOT_KEY_LOCK, &[]).await?;
        let known = transaction
            .query(backup_sql::RESTORE_KNOWN_KEYS, &[])
            .await?;
        let known: i64 = known.first().map_or(Ok(0), |row| get(row, "total"))?;
        if known > 0 {
            return Err(StoreError::Conflict);
        }
        insert::service(&transaction, header).await?;
        transaction.commit().await
    }

    async fn open(&self, scope: OrgScope) -> StoreResult<Box<dyn OrgTarget>> {
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let new_id = Arc::new(move || {
            let id = LaneId::new(clock.now(), &*random);
            id.map_err(|error| StoreError::Internal(error.to_string()))
        });
        let lane = Lane::new(new_id, self.chain.clone(), Arc::default())?;
        let transaction = OrgTransaction::begin(&self.database, &[scope]).await?;
        for setting in sql::SHORT_SCANS {
            transaction.run(setting).await?;
        }
        Ok(Box::new(PgOrgTarget {
            scope,
            transaction,
            lane,
        }))
    }
}

struct PgOrgTarget {
    scope: OrgScope,
    transaction: OrgTransaction,
    lane: Lane,
}

impl PgOrgTarget {
    fn org(&self) -> Uuid {
        self.scope.org().0
    }

    async fn check(&self, checks: KeyChecks) -> StoreResult<()> {
        if let Some(wanted) = checks.root_key {
            let active = self.transaction.query(sql::ROOT_KEY_ACTIVE, &[]).await?;
            let active = active.first().map(|row| get::<Uuid>(row, "root_key_id"));
            if active.transpose()? != Some(wanted.0) {
                return Err(StoreError::RetiredKey);
            }
        }
        if let Some(wanted) = checks.generation {
            let keys = self.org_keys().await?;
            let active = keys.iter().find(|key| key.active);
            if active.map(|key| key.generation) != Some(wanted) {
                return Err(StoreError::RetiredKey);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl OrgTarget for PgOrgTarget {
    async fn organization(&self) -> StoreResult<Option<Organization>> {
        let params: Params<'_> = &[&self.scope.org().0];
        let found = self.transaction.query(sql::ORGANIZATION, params).await?;
        found.first().map(rows::organization).transpose()
    }

    async fn org_keys(&self) -> StoreResult<Vec<StoredOrgKey>> {
        let found = self
            .transaction
            .query(sql::ORG_KEYS, &[&self.org()])
            .await?;
        found.iter().map(rows::org_key).collect()
    }

    async fn api_keys(&self) -> StoreResult<Vec<StoredApiKey>> {
        let found = self
            .transaction
            .query(sql::API_KEYS, &[&self.org()])
            .await?;
        let org = self.scope.org();
        found.iter().map(|row| rows::api_key(org, row)).collect()
    }

    async fn credentials(&self, ids: &[CredentialId]) -> StoreResult<Vec<ExistingCredential>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let params: Params<'_> = &[&self.org(), &ids];
        let found = self
            .transaction
            .query(backup_sql::RESTORE_CREDENTIALS, params);
        let mut present: HashMap<Uuid, ExistingCredential> = HashMap::new();
        let found = found.await?;
        let found = found.iter().map(backup_rows::credential);
        let mut found: Vec<CredentialRow> = found.collect::<StoreResult<_>>()?;
        let versions = self.transaction.query(sql::VERSIONS, params).await?;
        backup_rows::add_versions(&mut found, &versions)?;
        for row in found {
            let (id, deletion) = (CredentialId(row.cred_id), None);
            let row = Some(row);
            present.insert(id.0, ExistingCredential { id, row, deletion });
        }
        let deleted = self.transaction.query(backup_sql::RESTORE_DELETED, params);
        for row in deleted.await?.iter() {
            let id = CredentialId(get(row, "cred_id")?);
            let there = present.entry(id.0).or_insert(ExistingCredential {
                id,
                row: None,
                deletion: None,
            });
            there.deletion = recorded_deletion(row)?;
        }
        Ok(present.into_values().collect())
    }

    async fn events(&self, places: &[(LaneId, i64)]) -> StoreResult<Vec<(LaneId, i64, Vec<u8>)>> {
        let lanes: Vec<Uuid> = places.iter().map(|(lane, _)| lane.0).collect();
        let numbers: Vec<i64> = places.iter().map(|(_, seq)| *seq).collect();
        let params: Params<'_> = &[&self.org(), &lanes, &numbers];
        let found = self.transaction.query(backup_sql::RESTORE_EVENTS, params);
        let read = |row| {
            Ok((
                LaneId(get(row, "lane")?),
                get(row, "seq")?,
                get(row, "mac")?,
            ))
        };
        found.await?.iter().map(read).collect()
    }

    async fn pruned(&self, lanes: &[LaneId]) -> StoreResult<Vec<(LaneId, i64)>> {
        let lanes: Vec<Uuid> = lanes.iter().map(|lane| lane.0).collect();
        let params: Params<'_> = &[&self.org(), &lanes];
        let found = self.transaction.query(backup_sql::RESTORE_PRUNED, params);
        let read = |row| Ok((LaneId(get(row, "lane")?), get(row, "seq")?));
        found.await?.iter().map(read).collect()
    }

    async fn insert(&self, rows: &[Record]) -> StoreResult<()> {
        insert::rows(&self.transaction, self.org(), rows).await
    }

    async fn replace(&self, row: &CredentialRow) -> StoreResult<()> {
        insert_credentials::replace_credential(&self.transaction, self.org(), row).await
    }

    async fn commit(self: Box<Self>, events: Vec<Event>, checks: KeyChecks) -> StoreResult<()> {
        let events = events
            .into_iter()
            .map(|event| (self.scope, event))
            .collect();
        self.lane.append(&self.transaction, events).await?;
        self.check(checks).await?;
        self.transaction.query(sql::KEYS_CHANGED, &[]).await?;
        self.transaction.commit().await
    }

    async fn abandon(self: Box<Self>) -> StoreResult<()> {
        self.transaction.finish().await
    }
}
