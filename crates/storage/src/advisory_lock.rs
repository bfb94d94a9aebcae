//! The lock that admits one server at a time to background work on a database.

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;

/// The advisory lock's number.
pub(crate) const KEY: i64 = 7_361_982_640_129;
/// Does not wait. PostgreSQL releases the lock when the session ends, for any reason.
const LOCK: &str = "select pg_try_advisory_lock($1)";

/// The lock of background work that one server at a time does. It is held until its connection
/// ends.
pub struct WorkLock {
    // Dropping the client ends the session, which releases the lock.
    _client: Client,
    connection: JoinHandle<()>,
}

impl WorkLock {
    /// Takes the lock; `None` if another server holds it.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn try_take(database: &Database) -> Result<Option<Self>, ConnectError> {
        let (client, connection) = database.dedicated(|| {}).await?;
        let taken: bool = client.query_one(LOCK, &[&KEY]).await?.get(0);
        Ok(taken.then_some(Self {
            _client: client,
            connection,
        }))
    }

    /// Completes when the connection ends and the lock is lost.
    pub async fn lost(&mut self) {
        let _ = (&mut self.connection).await;
    }
}
