//! Indexes on tables that may be large. They are built outside the migrations, which are
//! transactions and would keep servers from writing meanwhile.

use tokio_postgres::Client;

use crate::connect::error::ConnectError;

/// The indexes, each with the rest of its definition.
const INDEXES: [(&str, &str, &str); 4] = [
    // The collation "C" compares bytes, which is the fastest order.
    (
        "credentials_by_label",
        "index",
        "on credentials (org_id, label collate \"C\") where label <> ''",
    ),
    (
        "credentials_expiring",
        "index",
        "on credentials (org_id, expires_at) where expires_at is not null",
    ),
    (
        "credentials_deleted",
        "index",
        "on credentials (org_id, recover_until) where deleted_at is not null",
    ),
    (
        "credentials_one_live_per_pieces_user",
        "unique index",
        "on credentials (org_id, pieces_user) where pieces_user is not null and deleted_at is null",
    ),
];

/// The index that the last one replaces. It would count a deleted credential.
const REPLACED: &str = "drop index concurrently if exists credentials_one_per_pieces_user";

/// Whether an index is complete; no row if there is none.
const STATE: &str = "select i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid \
     where c.relname = $1 and c.relnamespace = 'public'::regnamespace";

/// Builds the indexes that are missing, and those whose building was interrupted, again.
///
/// # Errors
/// [`ConnectError`].
pub(super) async fn build_indexes(client: &Client) -> Result<(), ConnectError> {
    for (name, kind, definition) in INDEXES {
        match client.query_opt(STATE, &[&name]).await? {
            Some(row) if row.try_get(0)? => continue,
            Some(_) => {
                let interrupted = format!("drop index concurrently if exists {name}");
                client.batch_execute(&interrupted).await?;
            }
            None => {}
        }
        let build = format!("create {kind} concurrently {name} {definition}");
        client.batch_execute(&build).await?;
    }
    client.batch_execute(REPLACED).await?;
    Ok(())
}
