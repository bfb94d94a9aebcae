//! Lookups of OAuth 2.0 clients and access tokens.

use strongroom_domain::oauth::client::StoredClient;
use strongroom_domain::oauth::token::StoredToken;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::{KeyId, OrgId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::batch::lookups::LookupKind;
use crate::rows::get;
use crate::{rows, sql};

/// An OAuth 2.0 client.
pub(crate) struct Clients;
/// An access token.
pub(crate) struct Tokens;

impl LookupKind for Clients {
    type Id = KeyId;
    type Found = Option<StoredClient>;
    const SQL: &'static str = sql::OAUTH_CLIENTS_WANTED;

    fn param(id: KeyId) -> Uuid {
        id.0
    }

    fn id(row: &Row) -> StoreResult<KeyId> {
        Ok(KeyId(get(row, "client_id")?))
    }

    fn add(found: &mut Self::Found, _: OrgId, row: &Row) -> StoreResult<()> {
        if get(row, "usable")? {
            *found = Some(rows::oauth_client(row)?);
        }
        Ok(())
    }
}

impl LookupKind for Tokens {
    type Id = KeyId;
    type Found = Option<StoredToken>;
    const SQL: &'static str = sql::ACCESS_TOKENS_WANTED;

    fn param(id: KeyId) -> Uuid {
        id.0
    }

    fn id(row: &Row) -> StoreResult<KeyId> {
        Ok(KeyId(get(row, "token_id")?))
    }

    fn add(found: &mut Self::Found, _: OrgId, row: &Row) -> StoreResult<()> {
        *found = Some(rows::access_token(row)?);
        Ok(())
    }
}
