use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::database::Database;
use crate::error::ConnectError;

/// Taken without waiting; PostgreSQL frees it when the session ends, however that happens.
const LOCK: &str = "select pg_try_advisory_lock(7361982640129)";

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
        let taken: bool = client.query_one(LOCK, &[]).await?.get(0);
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
