//! What changes of OAuth 2.0 clients and access tokens do to the tables, in the transaction of
//! their batch.

use chrono::{DateTime, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::oauth::client::StoredClient;
use strongroom_domain::oauth::token::StoredToken;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::oauth::OauthWrite;
use tokio_postgres::types::ToSql;

use crate::sql;
use crate::transaction::OrgTransaction;

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Makes `write` in `org` at the time `at`. The inner result is the failure of this write alone,
/// which has changed nothing; the outer one fails the batch.
pub(super) async fn change(
    transaction: &OrgTransaction,
    org: OrgId,
    write: &OauthWrite,
    at: DateTime<Utc>,
) -> StoreResult<StoreResult<()>> {
    match write {
        OauthWrite::AddClient(client) => add_client(transaction, client).await,
        OauthWrite::ReplaceClient(client) => replace_client(transaction, client).await,
        OauthWrite::EndClient { id, version } => {
            let params: Params<'_> = &[&org.0, &id.0, version, &at];
            let (end, sessions) = (sql::OAUTH_CLIENT_END, sql::CONSOLE_SESSIONS_OF_DELETE);
            transaction.execute(sessions, &params[..2]).await?;
            changed(transaction, end, params, StoreError::Conflict).await
        }
        OauthWrite::AddToken(token) => add_token(transaction, token).await,
        OauthWrite::DeleteToken(id) => {
            let params: Params<'_> = &[&org.0, &id.0];
            let delete = sql::ACCESS_TOKEN_DELETE;
            changed(transaction, delete, params, StoreError::NotFound).await
        }
    }
}

async fn add_client(
    transaction: &OrgTransaction,
    client: &StoredClient,
) -> StoreResult<StoreResult<()>> {
    let limits = limits(client)?;
    let params: Params<'_> = &[
        &client.org.0,
        &client.id.0,
        &client.name,
        &limits,
        &client.access_token_duration,
        &client.created_at,
        &client.version,
        &client.digest,
        &client.proof,
    ];
    transaction
        .execute(sql::OAUTH_CLIENT_INSERT, params)
        .await?;
    Ok(Ok(()))
}

async fn replace_client(
    transaction: &OrgTransaction,
    client: &StoredClient,
) -> StoreResult<StoreResult<()>> {
    let limits = limits(client)?;
    let params: Params<'_> = &[
        &client.org.0,
        &client.id.0,
        &client.name,
        &limits,
        &client.access_token_duration,
        &client.version,
        &client.digest,
        &client.proof,
    ];
    let replace = sql::OAUTH_CLIENT_REPLACE;
    changed(transaction, replace, params, StoreError::Conflict).await
}

async fn add_token(
    transaction: &OrgTransaction,
    token: &StoredToken,
) -> StoreResult<StoreResult<()>> {
    let params: Params<'_> = &[
        &token.org.0,
        &token.id.0,
        &token.client.0,
        &token.scopes.to_scope(),
        &token.issued_at,
        &token.expires_at,
        &token.digest,
    ];
    transaction
        .execute(sql::ACCESS_TOKEN_INSERT, params)
        .await?;
    Ok(Ok(()))
}

// Servers may have cached what the statement changes.
async fn changed(
    transaction: &OrgTransaction,
    sql: &str,
    params: Params<'_>,
    unchanged: StoreError,
) -> StoreResult<StoreResult<()>> {
    if transaction.execute(sql, params).await? == 0 {
        return Ok(Err(unchanged));
    }
    transaction.query(sql::KEYS_CHANGED, &[]).await?;
    Ok(Ok(()))
}

fn limits(client: &StoredClient) -> StoreResult<String> {
    let limits = client.limits.to_text();
    limits.map_err(|error| StoreError::Internal(error.to_string()))
}
