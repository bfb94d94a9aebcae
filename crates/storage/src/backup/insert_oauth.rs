//! Inserts the OAuth 2.0 clients of a backup.

use strongroom_domain::backup::oauth_record::OauthClientRow;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::sql::backup as backup_sql;

/// The statement that inserts a client, and its parameters.
pub(super) fn client<'a>(
    org: &'a Uuid,
    row: &'a OauthClientRow,
) -> (&'static str, Vec<&'a (dyn ToSql + Sync)>) {
    (
        backup_sql::RESTORE_OAUTH_CLIENT,
        vec![
            org,
            &row.client_id,
            &row.name,
            &row.limits,
            &row.access_token_duration,
            &row.created_at,
            &row.version,
            &row.digest,
            &row.proof,
            &row.deleted_at,
        ],
    )
}
