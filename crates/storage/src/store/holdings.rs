//! Counts what organizations hold.

use strongroom_domain::caller::OrgScope;
use strongroom_domain::organization::Holdings;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use uuid::Uuid;

use crate::rows::get;
use crate::sql;
use crate::store::PgStore;
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};

impl PgStore {
    /// What the organizations of `scopes` hold together, each number up to `limit`.
    pub(super) async fn count_holdings(
        &self,
        scopes: &[OrgScope],
        limit: i64,
    ) -> StoreResult<Holdings> {
        let orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        let counts = [sql::CREDENTIALS_HELD, sql::API_KEYS_HELD, sql::CLIENTS_HELD];
        let counts = counts.map(|sql| Bound {
            sql,
            params: vec![&orgs, &limit],
        });
        let _turn = self.scans.acquire().await;
        let read = OrgTransaction::read(&self.database, scopes, &counts);
        let found = with_deadline(&self.database, read).await?;
        let totals = found.iter().flatten().map(|row| get(row, "total"));
        let totals: Vec<i64> = totals.collect::<StoreResult<_>>()?;
        match totals[..] {
            [credentials, api_keys, clients] => Ok(Holdings {
                credentials,
                api_keys,
                clients,
            }),
            _ => Err(StoreError::Malformed("total")),
        }
    }
}
