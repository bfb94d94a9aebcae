//! What `strongroom doctor` reads of a database. It states facts and judges nothing but rights and policies, which it
//! compares with those that this crate gives out. It changes nothing.

pub mod access;
pub mod policies;
pub mod rights;
pub mod server;

use std::time::Duration;

use strongroom_domain::rotation::Rotation;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use crate::connect::database::{Database, DatabaseSettings};
use crate::connect::error::ConnectError;
use crate::connect::tls;
use crate::connect::tls::PeerCertificate;
use crate::connect::url::TlsMode;
use crate::scrub_lock;

/// Names are looked up in `pg_catalog` alone, so that an expression shows where what it calls comes from.
const SESSION: &str = "set search_path = ''; set default_transaction_read_only = on";

/// A connection of its own, on which nothing can be written.
pub struct Inspection {
    client: Client,
    connection: JoinHandle<()>,
    patience: Duration,
}

impl Inspection {
    /// Connects.
    ///
    /// # Errors
    /// [`ConnectError`], also when no answer came within the time for a connection.
    pub async fn start(database: &Database) -> Result<Self, ConnectError> {
        let (client, connection) =
            in_time(database.connect_patience(), database.dedicated(|| {})).await?;
        let inspection = Self {
            client,
            connection,
            patience: database.statement_timeout + Duration::from_secs(1),
        };
        let prepared = inspection.client.batch_execute(SESSION);
        in_time(inspection.patience, async { Ok(prepared.await?) }).await?;
        Ok(inspection)
    }

    async fn query(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, ConnectError> {
        in_time(self.patience, async {
            Ok(self.client.query(sql, params).await?)
        })
        .await
    }

    async fn one(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Row, ConnectError> {
        let mut rows = self.query(sql, params).await?;
        rows.pop()
            .ok_or_else(|| ConnectError::Failed("a query gave no row".into()))
    }
}

impl Drop for Inspection {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let late = || ConnectError::Unreachable(format!("no answer within {limit:?}"));
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(late()))
}

/// Whether a server of this database holds the lock of the background scrub.
///
/// # Errors
/// [`ConnectError`].
pub async fn scrub_runs(inspection: &Inspection) -> Result<bool, ConnectError> {
    let row = inspection
        .one(crate::sql::doctor::ADVISORY_LOCK_HELD, &[&scrub_lock::KEY])
        .await?;
    Ok(row.try_get("held")?)
}

/// The rotations of all organizations, newest first.
///
/// # Errors
/// [`ConnectError`].
pub async fn rotations(database: &Database) -> Result<Vec<Rotation>, ConnectError> {
    crate::store::rotation::listed(database)
        .await
        .map_err(|error| ConnectError::Failed(error.to_string()))
}

/// The certificates that the hosts of a database show, whether they are valid or not; none without TLS. Connecting
/// ends at the first host that takes us.
///
/// # Errors
/// [`ConnectError::Tls`] when root certificates cannot be read.
pub async fn peer_certificates(
    settings: &DatabaseSettings,
) -> Result<Vec<PeerCertificate>, ConnectError> {
    if settings.url.tls == TlsMode::Disable {
        return Ok(Vec::new());
    }
    let (connector, seen) = tls::recording(&settings.url)?;
    let mut config = settings.url.config.clone();
    config.connect_timeout(settings.connect_timeout);
    let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(1);
    let connecting = config.connect(connector);
    // What is seen counts, whatever becomes of the connection.
    let _ = tokio::time::timeout(settings.connect_timeout * hosts, connecting).await;
    Ok(tls::seen(&seen))
}
