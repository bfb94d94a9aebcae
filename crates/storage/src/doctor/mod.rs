//! Read-only inspection of a database for `strongroom doctor`.
//!
//! It reports facts, and compares rights and policies with those that this crate grants and
//! creates.

pub mod access;
pub mod policies;
pub mod rights;
pub mod server;

use std::time::Duration;

use strongroom_domain::organization::Organization;
use strongroom_domain::rotation::Rotation;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use tokio_util::task::AbortOnDropHandle;

use crate::advisory_lock;
use crate::connect::database::Database;
use crate::connect::error::ConnectError;
use crate::connect::pooling::check_pooling;
use crate::connect::settings::DatabaseSettings;
use crate::connect::tls;
use crate::connect::tls::PeerCertificate;
use crate::connect::url::TlsMode;
use crate::sql;
use crate::store::organizations::listed;

/// With an empty search path, expressions from the catalog name the schema of every function.
const SESSION: &str = "set search_path = ''; set default_transaction_read_only = on";

/// A read-only connection outside the pools.
pub struct Inspection {
    client: Client,
    _connection: AbortOnDropHandle<()>,
    timeout: Duration,
}

impl Inspection {
    /// Connects.
    ///
    /// # Errors
    /// [`ConnectError`], also if the connection is not made in time.
    pub async fn start(database: &Database) -> Result<Self, ConnectError> {
        // What it sets must not stay behind in a session that others use.
        with_timeout(database.connect_limit(), check_pooling(database)).await?;
        let connecting = database.dedicated(|| {});
        let (client, connection) = with_timeout(database.connect_limit(), connecting).await?;
        let inspection = Self {
            client,
            _connection: AbortOnDropHandle::new(connection),
            timeout: database.statement_timeout + Duration::from_secs(1),
        };
        let prepared = inspection.client.batch_execute(SESSION);
        with_timeout(inspection.timeout, async { Ok(prepared.await?) }).await?;
        Ok(inspection)
    }

    async fn query(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, ConnectError> {
        with_timeout(self.timeout, async {
            Ok(self.client.query(sql, params).await?)
        })
        .await
    }

    async fn one(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Row, ConnectError> {
        let mut rows = self.query(sql, params).await?;
        rows.pop()
            .ok_or_else(|| ConnectError::Failed("a query returned no row".into()))
    }
}

async fn with_timeout<T>(
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
        .one(
            crate::sql::doctor::ADVISORY_LOCK_HELD,
            &[&advisory_lock::KEY],
        )
        .await?;
    Ok(row.try_get("held")?)
}

/// The rotations of all organizations, newest first.
///
/// # Errors
/// [`ConnectError`].
pub async fn rotations(database: &Database) -> Result<Vec<Rotation>, ConnectError> {
    crate::store::rotation_rows::all_rotations(database)
        .await
        .map_err(|error| ConnectError::Failed(error.to_string()))
}

/// All organizations.
///
/// # Errors
/// [`ConnectError`].
pub async fn organizations(database: &Database) -> Result<Vec<Organization>, ConnectError> {
    let listed = listed(database, sql::ORGANIZATIONS).await;
    listed.map_err(|error| ConnectError::Failed(error.to_string()))
}

/// The certificates that the hosts of a database present, valid or not; none without TLS. Hosts
/// after the first one that accepts the connection are not tried.
///
/// # Errors
/// [`ConnectError::Tls`] if root certificates cannot be read.
pub async fn peer_certificates(
    settings: &DatabaseSettings,
) -> Result<Vec<PeerCertificate>, ConnectError> {
    if settings.url.tls == TlsMode::Disable {
        return Ok(Vec::new());
    }
    let (connector, recorded) = tls::recording_connector(&settings.url)?;
    let mut config = settings.url.config.clone();
    config.connect_timeout(settings.connect_timeout);
    let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(1);
    let connecting = config.connect(connector);
    // The certificates are recorded even if the connection fails.
    let _ = tokio::time::timeout(settings.connect_timeout * hosts, connecting).await;
    Ok(recorded.lock().clone())
}
