//! OAuth 2.0 clients and access tokens.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::KeyId;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::oauth::client::StoredClient;
use strongroom_domain::oauth::token::StoredToken;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::oauth::{OauthStore, OauthWrite, UnattestedClient};
use strongroom_domain::ports::store::Tracking;
use strongroom_domain::replication::{OperationId, WalPosition};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::batch::lookups::Lookup;
use crate::rows::get;
use crate::store::PgStore;
use crate::writes::write::WriteOp;
use crate::{rows, sql};

#[async_trait]
impl OauthStore for PgStore {
    async fn oauth_client(&self, scope: OrgScope, id: KeyId) -> StoreResult<Option<StoredClient>> {
        self.clients.ask(|reply| Lookup::of(scope, id, reply)).await
    }

    async fn oauth_clients(&self, scope: OrgScope) -> StoreResult<Vec<StoredClient>> {
        let org = scope.org().0;
        let found = self.query(scope, sql::OAUTH_CLIENTS, &[&org]).await?;
        found.iter().map(rows::oauth_client).collect()
    }

    async fn unattested_clients(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
    ) -> StoreResult<Vec<UnattestedClient>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &cut];
        let found = self.query(scope, sql::OAUTH_CLIENTS_UNATTESTED, params);
        let unattested = |row: &Row| {
            let client = rows::oauth_client(row)?;
            Ok(match get(row, "ended")? {
                false => UnattestedClient::Live(client),
                true => UnattestedClient::Ended(client.id, client.version),
            })
        };
        found.await?.iter().map(unattested).collect()
    }

    async fn access_token(&self, scope: OrgScope, id: KeyId) -> StoreResult<Option<StoredToken>> {
        self.tokens.ask(|reply| Lookup::of(scope, id, reply)).await
    }

    async fn write_oauth(
        &self,
        scope: OrgScope,
        write: OauthWrite,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Option<WalPosition>> {
        let tracking = Tracking {
            operation,
            idempotency: None,
        };
        let operation = WriteOp::Oauth(Box::new(write));
        let written = self.write_tracked(scope, operation, tracking, event);
        Ok(written.await?.position)
    }

    async fn forget_access_tokens(
        &self,
        scopes: &[OrgScope],
        before: DateTime<Utc>,
    ) -> StoreResult<()> {
        let statements = (sql::ACCESS_TOKENS_OLD, sql::ACCESS_TOKENS_FORGET_SOME);
        self.delete_old_rows(scopes, before, statements).await
    }
}
