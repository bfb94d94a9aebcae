//! What changes of sessions of the console do to the table, in the transaction of their batch.

use strongroom_domain::OrgId;
use strongroom_domain::console_session::StoredSession;
use strongroom_domain::ports::console_sessions::ConsoleSessionWrite;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::types::ToSql;

use crate::sql;
use crate::transaction::OrgTransaction;

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Makes `write` in `org`. The inner result is the failure of this write alone, which has changed
/// nothing; the outer one fails the batch.
pub(super) async fn change(
    transaction: &OrgTransaction,
    org: OrgId,
    write: &ConsoleSessionWrite,
) -> StoreResult<StoreResult<()>> {
    match write {
        ConsoleSessionWrite::Begin(session) => begin(transaction, session).await.map(Ok),
        ConsoleSessionWrite::End(id) => {
            let params: Params<'_> = &[&org.0, &id.0];
            let deleted = transaction.execute(sql::CONSOLE_SESSION_DELETE, params);
            Ok(match deleted.await? {
                0 => Err(StoreError::NotFound),
                _ => Ok(()),
            })
        }
    }
}

async fn begin(transaction: &OrgTransaction, session: &StoredSession) -> StoreResult<()> {
    let params: Params<'_> = &[
        &session.org.0,
        &session.id.0,
        &session.holder_kind.as_str(),
        &session.holder.0,
        &session.created_at,
        &session.last_seen_at,
        &session.digest,
    ];
    let inserted = transaction.execute(sql::CONSOLE_SESSION_INSERT, params);
    inserted.await.map(drop)
}
