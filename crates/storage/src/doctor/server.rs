//! PostgreSQL's own settings and state.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::connect::error::ConnectError;
use crate::doctor::Inspection;
use crate::sql::doctor as sql;

/// A PostgreSQL server, as one session sees it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its version in words.
    pub version: String,
    /// Its version as a number, such as 150014.
    pub version_number: i32,
    /// The role we are.
    pub role: String,
    /// How the database encodes text.
    pub encoding: String,
    /// Whether it is a standby.
    pub standby: bool,
    /// Whether a standby was told not to show what it receives.
    pub replay_paused: bool,
    /// Whether a standby is connected to what it follows.
    pub receiving: bool,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// The number that a primary and its standbys share.
    pub cluster: i64,
    /// The scope that sessions begin with; must be empty.
    pub scope: String,
}

impl Server {
    /// Whether both are one and the same process.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (self.cluster, self.started_at) == (other.cluster, other.started_at)
    }
}

/// PostgreSQL's settings, by name.
#[derive(Debug, Clone, Default)]
pub struct Settings(pub BTreeMap<String, String>);

/// How many connections there are and may be.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionUse {
    /// Connections of all databases, this one included.
    pub used: i64,
    /// The role's own limit.
    pub role_limit: Option<i32>,
    /// The database's own limit.
    pub database_limit: Option<i32>,
}

/// A month's audit partition.
#[derive(Debug, Clone)]
pub struct AuditPartition {
    /// The table's name.
    pub name: String,
    /// Whether it is there.
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
    /// Bytes of log that it keeps.
    pub kept_bytes: i64,
}

impl Inspection {
    /// The server.
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

    /// What time it is there.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn clock(&self) -> Result<DateTime<Utc>, ConnectError> {
        let row = self.one(sql::CLOCK, &[]).await?;
        Ok(row.try_get("now")?)
    }

    /// The settings of these names, those that this version has.
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

    /// How many connections there are.
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

    /// The audit partitions that should be there.
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

    /// Bytes that the audit trail's default partition takes; `None` when there is none.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn audit_default_size(&self) -> Result<Option<i64>, ConnectError> {
        let rows = self.query(sql::AUDIT_DEFAULT_SIZE, &[]).await?;
        Ok(rows.first().map(|row| row.try_get("bytes")).transpose()?)
    }

    /// The tables whose trigger `key_epoch` is missing or disabled.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn epochless_tables(&self) -> Result<Vec<String>, ConnectError> {
        let rows = self.query(sql::EPOCHLESS, &[]).await?;
        let names = rows.iter().map(|row| Ok(row.try_get("name")?));
        names.collect()
    }

    /// Whether there is an epoch of keys.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn has_epoch(&self) -> Result<bool, ConnectError> {
        let rows = self.query(sql::EPOCHS, &[]).await?;
        let epochs = rows.first().map(|row| row.try_get::<_, i64>("epochs"));
        Ok(epochs.transpose()? == Some(1))
    }

    /// The slots that keep log for standbys.
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
