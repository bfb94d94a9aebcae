//! Removal of rows that are too old to be of use.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::org_id;
use crate::store::PgStore;
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};

/// A statement that finds organizations with old rows, and the age of these.
pub(crate) type Search<'a> = (&'static str, &'a (dyn ToSql + Sync));

impl PgStore {
    /// Those of `scopes` in which a search finds old rows; all of them if part of the database is
    /// unavailable, so that the other parts are visited.
    pub(crate) async fn with_old_rows(
        &self,
        scopes: &[OrgScope],
        searches: &[Search<'_>],
    ) -> StoreResult<Vec<OrgScope>> {
        let orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        let bound = searches.iter().map(|(sql, before)| Bound {
            sql,
            params: vec![&orgs, *before],
        });
        let bound: Vec<_> = bound.collect();
        let read = OrgTransaction::read(&self.database, scopes, &bound);
        let rows = match with_deadline(&self.database, read).await {
            Err(StoreError::PartUnavailable(_)) => return Ok(scopes.to_vec()),
            rows => rows?,
        };
        let old: StoreResult<HashSet<OrgId>> = rows.iter().flatten().map(org_id).collect();
        let old = old?;
        let scopes = scopes.iter().filter(|scope| old.contains(&scope.org()));
        Ok(scopes.copied().collect())
    }

    /// Deletes rows older than `before`: `find` finds the organizations that have some, and
    /// `delete` deletes a part of those of one organization, and is repeated until none is left.
    pub(crate) async fn delete_old_rows(
        &self,
        scopes: &[OrgScope],
        before: DateTime<Utc>,
        (find, delete): (&'static str, &'static str),
    ) -> StoreResult<()> {
        let mut result = Ok(());
        for scope in self.with_old_rows(scopes, &[(find, &before)]).await? {
            let deleted = self.delete_in_parts(scope, before, delete).await;
            result = deleted.and(result);
        }
        result
    }

    async fn delete_in_parts(
        &self,
        scope: OrgScope,
        before: DateTime<Utc>,
        delete: &'static str,
    ) -> StoreResult<()> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &before];
        while self.execute(scope, delete, params).await? > 0 {}
        Ok(())
    }
}
