//! Settings and state of PostgreSQL.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use tokio_postgres::Row;

use crate::connect::error::ConnectError;
use crate::doctor::Inspection;
use crate::sql::doctor as sql;

/// A PostgreSQL server, as seen by one session.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its version as text.
    pub version: String,
    /// Its version as a number, such as 150014.
    pub version_number: i32,
    /// The session's role.
    pub role: String,
    /// The encoding of the database.
    pub encoding: String,
    /// Whether it is a standby.
    pub standby: bool,
    /// Whether replay is paused on a standby.
    pub replay_paused: bool,
    /// Whether a standby is connected to its upstream server.
    pub receiving: bool,
    /// Its start time.
    pub started_at: DateTime<Utc>,
    /// The system identifier, which a primary and its standbys share.
    pub cluster: i64,
    /// The initial scope of sessions; it must be empty.
    pub scope: String,
}

impl Server {
    /// Whether both are the same server process.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (self.cluster, self.started_at) == (other.cluster, other.started_at)
    }
}

/// PostgreSQL's settings, by name.
#[derive(Debug, Clone, Default)]
pub struct Settings(pub BTreeMap<String, String>);

/// Connections in use and their limits.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionUse {
    /// Connections to all databases, including this connection.
    pub used: i64,
    /// The limit of the role.
    pub role_limit: Option<i32>,
    /// The limit of the database.
    pub database_limit: Option<i32>,
}

/// A trigger of the migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The table.
    pub table: String,
    /// The name.
    pub name: String,
}

/// A month's audit partition.
#[derive(Debug, Clone)]
pub struct AuditPartition {
    /// The table's name.
    pub name: String,
    /// Whether it exists.
    pub present: bool,
}

/// A physical replication slot.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Whether a standby uses it now.
    pub active: bool,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub wal_status: String,
    /// Bytes of WAL that it retains.
    pub kept_bytes: i64,
}

impl Inspection {
    /// Version, role and state of the server.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn server(&self) -> Result<Server, ConnectError> {
        let row = self.one(sql::SERVER, &[]).await?;
        Ok(Server {
            version: row.try_get("version")?,
            version_number: row.try_get("version_number")?,
            role: row.try_get("role")?,
            encoding: row.try_get("encoding")?,
            standby: row.try_get("standby")?,
            replay_paused: row.try_get("replay_paused")?,
            receiving: row.try_get("receiving")?,
            started_at: row.try_get("started_at")?,
            cluster: row.try_get("cluster")?,
            scope: row.try_get("scope")?,
        })
    }

    /// The server's clock.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn clock(&self) -> Result<DateTime<Utc>, ConnectError> {
        let row = self.one(sql::CLOCK, &[]).await?;
        Ok(row.try_get("now")?)
    }

    /// The settings with these names that this version has.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn settings(&self, names: &[&str]) -> Result<Settings, ConnectError> {
        let rows = self.query(sql::SETTINGS, &[&names]).await?;
        let pairs = rows
            .iter()
            .map(|row| Ok((row.try_get("name")?, row.try_get("setting")?)));
        let pairs: Result<_, tokio_postgres::Error> = pairs.collect();
        Ok(Settings(pairs?))
    }

    /// The connections in use and their limits.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connections(&self) -> Result<ConnectionUse, ConnectError> {
        let row = self.one(sql::CONNECTIONS, &[]).await?;
        let limit = |column| -> Result<Option<i32>, ConnectError> {
            let limit: Option<i32> = row.try_get(column)?;
            Ok(limit.filter(|limit| *limit >= 0))
        };
        Ok(ConnectionUse {
            used: row.try_get("used")?,
            role_limit: limit("role_limit")?,
            database_limit: limit("database_limit")?,
        })
    }

    /// The audit partitions of this month and the next three.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn audit_partitions(&self) -> Result<Vec<AuditPartition>, ConnectError> {
        let rows = self.query(sql::AUDIT_PARTITIONS, &[]).await?;
        rows.iter()
            .map(|row| {
                Ok(AuditPartition {
                    name: row.try_get("name")?,
                    present: row.try_get("present")?,
                })
            })
            .collect()
    }

    /// The size of the audit trail's default partition in bytes; `None` if there is none.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn audit_default_size(&self) -> Result<Option<i64>, ConnectError> {
        let rows = self.query(sql::AUDIT_DEFAULT_SIZE, &[]).await?;
        Ok(rows.first().map(|row| row.try_get("bytes")).transpose()?)
    }

    /// The triggers of the migrations that are missing or disabled.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn missing_triggers(&self) -> Result<Vec<Trigger>, ConnectError> {
        let rows = self.query(sql::MISSING_TRIGGERS, &[]).await?;
        let trigger = |row: &Row| {
            Ok(Trigger {
                table: row.try_get("table_name")?,
                name: row.try_get("trigger_name")?,
            })
        };
        rows.iter().map(trigger).collect()
    }

    /// Whether the table `key_epoch` has its row.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn has_epoch(&self) -> Result<bool, ConnectError> {
        let rows = self.query(sql::EPOCHS, &[]).await?;
        let epochs = rows.first().map(|row| row.try_get::<_, i64>("epochs"));
        Ok(epochs.transpose()? == Some(1))
    }

    /// The physical replication slots.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn slots(&self) -> Result<Vec<Slot>, ConnectError> {
        let rows = self.query(sql::SLOTS, &[]).await?;
        rows.iter()
            .map(|row| {
                Ok(Slot {
                    name: row.try_get("name")?,
                    active: row.try_get("active")?,
                    wal_status: row.try_get("wal_status")?,
                    kept_bytes: row.try_get("kept_bytes")?,
                })
            })
            .collect()
    }
}
