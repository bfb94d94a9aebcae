//! One scrub at a time.

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;

/// The advisory lock's number.
pub(crate) const KEY: i64 = 7_361_982_640_129;
/// Taken without waiting; PostgreSQL frees it when the session ends, however that happens.
const LOCK: &str = "select pg_try_advisory_lock($1)";

/// The right to scrub this database in the background. One server at a time has it, for as long as its
/// connection lives.
pub struct ScrubLock {
    // Dropping it ends the session, and with it the lock.
    _client: Client,
    connection: JoinHandle<()>,
}

impl ScrubLock {
    /// Takes the lock; `None` when another server has it.
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

    /// Completes when the lock is lost: the connection broke.
    pub async fn lost(&mut self) {
        let _ = (&mut self.connection).await;
    }
}
